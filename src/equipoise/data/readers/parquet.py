"""Parquet files, of which only the needed columns are read."""

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

from equipoise.data.readers.coded_parquet import coded_batches
from equipoise.data.readers.compressed import opened, too_large
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.source import missing_column
from equipoise.errors import DataError, EquipoiseError

_READ_BYTES: Final = 1 << 20  # of a column at once; by default Arrow reads a complete row group
_SMALL_GROUP: Final = 1 << 14  # rows; codes change with every row group, and so does the batch


@dataclasses.dataclass(frozen=True, slots=True)
class Parquet:
    """A `.parquet` file, gzipped or not, or some of its row groups.

    With `coded`, columns of repeated strings are dictionaries.
    """

    path: Path
    batch_rows: int = 1 << 16
    split: str | None = None
    limits: Limits = DEFAULT_LIMITS
    coded: bool = False
    part: int = 0
    parts: int = 1

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing, or the file is not Parquet.
        """
        with self._opened() as source:
            whole = _reader(source)
            found: list[str] = whole.schema_arrow.names
            for name in required:
                if name not in found:
                    raise missing_column(self.name, name, found)
            names = [name for name in dict.fromkeys((*required, *optional)) if name in found]
            for name in names:
                if found.count(name) > 1:
                    raise DataError("duplicate-column", f"{self.path}: duplicate column `{name}`. Rename one.")
            most = left = self.limits.unpacked_bytes(self.path.stat().st_size) // self.parts
            held: dict[str, int] = {}  # bytes of the dictionaries, which every batch repeats
            for batch in self._batches(source, whole, names):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    if isinstance(column, pa.DictionaryArray):
                        size = column.dictionary.nbytes
                        left -= column.indices.nbytes + max(0, size - held.get(name, 0))
                        held[name] = size
                    else:
                        left -= column.nbytes
                if left < 0:
                    raise too_large(self.path, most)
                yield pa.Table.from_batches([batch])

    def cut(self, most_bytes: int) -> "list[Parquet]":
        """Return parts of complete row groups and of about so many bytes, in the order of their rows.

        The limit on the unpacked size is divided among them; row numbers in their errors are those of the part.
        """
        count = -(-self.path.stat().st_size // most_bytes)
        if count == 1 or self._is_gzipped:
            return [self]
        with self._opened() as source:
            count = max(1, min(count, _reader(source).num_row_groups))
        return [dataclasses.replace(self, part=part, parts=count) for part in range(count)]

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0); the first row of a file is row 1."""
        return f"{self.path}: row {row + 1}"

    def _batches(self, source: Any, whole: pyarrow.parquet.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
        # Only the numbers of rows and of row groups are read from the metadata: Arrow aborts the process where those of
        # the columns are damaged.
        count: int = whole.num_row_groups
        groups = range(count * self.part // self.parts, count * (self.part + 1) // self.parts)
        if self.coded and whole.metadata.num_rows >= _SMALL_GROUP * count:
            return coded_batches(lambda coded: _reader(source, coded), groups, names, self.batch_rows)
        return whole.iter_batches(batch_size=self.batch_rows, row_groups=list(groups), columns=names)

    @property
    def _is_gzipped(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    @contextlib.contextmanager
    def _opened(self) -> Generator[Any]:
        with contextlib.ExitStack() as stack:
            source: Any = stack.enter_context(opened(self.path, self.limits))
            if self._is_gzipped:
                # Parquet is read from the end, so a gzipped file is unpacked to disk first.
                unpacked = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(source, unpacked)
                source = unpacked
            try:
                yield source
            except EquipoiseError:
                raise
            except Exception as error:  # Arrow raises a dozen classes of errors, some of Python's own
                raise DataError("damaged-file", f"{self.path}: cannot be read as Parquet ({error}).") from error


def _reader(source: Any, coded: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    return pyarrow.parquet.ParquetFile(source, read_dictionary=list(coded), buffer_size=_READ_BYTES, pre_buffer=False)
