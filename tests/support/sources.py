"""Sources of rows that go wrong."""

import dataclasses
import os
import signal
from collections.abc import Iterator, Sequence

import pyarrow as pa

from equipoise.data.readers.source import Source
from equipoise.errors import DataError


@dataclasses.dataclass(frozen=True, slots=True)
class Killed(Source):
    """Ends the process that reads it, as the kernel does where memory has run out."""

    name: str

    def text_columns(self) -> list[str]:
        return ["task", "target"]

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        yield pa.table({"task": ["a"], "target": ["x"]})
        os.kill(os.getpid(), signal.SIGKILL)


@dataclasses.dataclass(frozen=True, slots=True)
class Unreadable(Source):
    """Has no rows to give."""

    name: str

    def text_columns(self) -> list[str]:
        raise DataError("cannot-read", f"{self.name}: cannot be read.")

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        raise DataError("cannot-read", f"{self.name}: cannot be read.")
