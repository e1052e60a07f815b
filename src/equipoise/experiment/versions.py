"""Which versions computed a run."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "equipoise", "numpy", "pyarrow", "torch", "transformers", "accelerate", "tokenizers", "safetensors",
    "scikit-learn", "scipy",
)  # fmt: skip


def installed_versions() -> dict[str, str]:
    """Versions of Python, the platform and the packages that a run's numbers depend on.

    Examples
    --------
    >>> sorted(installed_versions())[:2]
    ['accelerate', 'equipoise']
    """
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
