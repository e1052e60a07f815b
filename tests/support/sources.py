"""Sources of rows that go wrong."""

import dataclasses
import os
import signal
from collections.abc import Iterator, Sequence

import pyarrow as pa

from equipoise.errors import DataError


@dataclasses.dataclass(frozen=True)
class Killed:
    """Ends the process that reads it, as the kernel does where memory has run out."""

    name: str
    split: str | None = None

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        yield pa.table({"task": ["a"], "target": ["x"]})
        os.kill(os.getpid(), signal.SIGKILL)

    def place(self, row: int) -> str:
        return f"{self.name}: row {row + 1}"


@dataclasses.dataclass(frozen=True)
class Unreadable:
    """Has no rows to give."""

    name: str
    split: str | None = None

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        raise DataError("cannot-read", f"{self.name}: cannot be read.")

    def place(self, row: int) -> str:
        return f"{self.name}: row {row + 1}"
