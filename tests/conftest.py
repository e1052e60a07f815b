import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.chromium"]

# How long an example takes says nothing about the code on a machine that others use too.
settings.register_profile("equipoise", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("equipoise")

# Two OpenMP threads beside a busy core run many times slower than one; set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Commands keep what they read; not in the cache of who runs the tests.
_CACHE = tempfile.TemporaryDirectory(prefix="equipoise-cache-")
os.environ["EQUIPOISE_CACHE"] = _CACHE.name
# Processes that a test starts find the helpers in tests/ as this one does.
ROOT = str(Path(__file__).parents[1])
os.environ["PYTHONPATH"] = os.pathsep.join(part for part in (ROOT, os.environ.get("PYTHONPATH")) if part)


@pytest.fixture(scope="session")
def device() -> str:
    """Where tests put tensors and models: EQUIPOISE_DEVICE, "cpu" by default."""
    return os.environ.get("EQUIPOISE_DEVICE", "cpu")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that take the device, so that `-m device` runs them alone."""
    for item in items:
        if "device" in getattr(item, "fixturenames", ()):
            item.add_marker("device")
