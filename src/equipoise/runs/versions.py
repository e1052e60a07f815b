"""The versions that the numbers of a run depend on."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "equipoise", "numpy", "pyarrow", "torch", "transformers", "accelerate", "tokenizers", "safetensors",
    "scikit-learn", "scipy",
)  # fmt: skip


def installed_versions() -> dict[str, str]:
    """Return the versions of Python, the platform and the packages that the numbers of a run depend on.

    Examples
    --------
    >>> sorted(installed_versions())[:2]
    ['accelerate', 'equipoise']
    """
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
