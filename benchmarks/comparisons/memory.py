"""How much memory a piece of work needed at its peak. Linux only: elsewhere no peak can be started anew."""

from pathlib import Path
from typing import Self

_STATUS = Path("/proc/self/status")


class PeakMemory:
    """Greatest resident memory inside the `with`: above what was resident before it, and in all, in bytes."""

    bytes: int
    total: int

    def __enter__(self) -> Self:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # 5 sets the peak to what is resident now
        self._before = _status("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.total = _status("VmHWM")
        self.bytes = self.total - self._before


def _status(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{_STATUS} has no {name}.")
