"""Parquet files, of which only the needed columns are read."""

import contextlib
import dataclasses
import itertools
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

from equipoise.data.readers.source import FileSource
from equipoise.errors import EquipoiseError

_MOST_BYTES: Final = 1 << 24  # of a dictionary
_READ_BYTES: Final = 1 << 20  # of a column at once; by default Arrow reads a complete row group
_SMALL_GROUP: Final = 1 << 14  # rows; codes change with every row group, and so does the batch


@dataclasses.dataclass(frozen=True, slots=True)
class Parquet(FileSource):
    """A `.parquet` file, gzipped or not, or some of its row groups.

    With `coded`, columns of repeated strings are dictionaries.
    """

    batch_rows: int = 1 << 16
    coded: bool = False
    part: int = 0
    parts: int = 1

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing, or the file is not Parquet.
        """
        with self._opened() as source:
            whole = _reader(source)
            names = self.chosen(whole.schema_arrow.names, required, optional)
            most = left = self.most_unpacked() // self.parts
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
                    raise self.too_large(most)
                yield pa.Table.from_batches([batch])

    def cut(self, most_bytes: int) -> "list[Parquet]":
        """Return parts of complete row groups and of about so many bytes, in the order of their rows.

        The limit on the unpacked size is divided among them; row numbers in their errors are those of the part.
        """
        count = -(-self.path.stat().st_size // most_bytes)
        if count == 1 or self.is_gzipped:
            return [self]
        with self._opened() as source:
            count = max(1, min(count, _reader(source).num_row_groups))
        return [dataclasses.replace(self, part=part, parts=count) for part in range(count)]

    def _batches(self, source: Any, whole: pyarrow.parquet.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
        # Only the numbers of rows and of row groups are read from the metadata: Arrow aborts the process where those of
        # the columns are damaged.
        count: int = whole.num_row_groups
        groups = range(count * self.part // self.parts, count * (self.part + 1) // self.parts)
        if self.coded and whole.metadata.num_rows >= _SMALL_GROUP * count:
            return self._coded_batches(source, groups, names)
        return whole.iter_batches(batch_size=self.batch_rows, row_groups=list(groups), columns=names)

    def _coded_batches(self, source: Any, groups: range, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Stream the columns as dictionaries; decoding labels and encoding them again would take ten times as long.

        Arrow keeps the dictionary of a column until the row group ends. A column whose strings hardly repeat, such as
        the answers of an open-ended task, is therefore read as plain strings from where its dictionary has grown too
        large: to more strings than a batch has rows, or to too many bytes.
        """
        coded = names
        file = _reader(source, coded)
        for group in groups:
            given, grown = 0, True
            while grown:
                grown = False
                batches = file.iter_batches(self.batch_rows, row_groups=[group], columns=names, use_threads=False)
                for batch in itertools.islice(batches, given, None):
                    yield batch
                    given += 1
                    small = [name for name in coded if not self._has_grown(batch.column(name))]
                    if grown := len(small) < len(coded):
                        coded, file = small, _reader(source, small)
                        break

    def _has_grown(self, column: pa.Array) -> bool:
        if not isinstance(column, pa.DictionaryArray):
            return False
        return len(column.dictionary) > self.batch_rows or column.dictionary.nbytes > _MOST_BYTES

    @contextlib.contextmanager
    def _opened(self) -> Generator[Any]:
        with contextlib.ExitStack() as stack:
            source: Any = stack.enter_context(self.opened())
            if self.is_gzipped:
                # Parquet is read from the end, so a gzipped file is unpacked to disk first.
                unpacked = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(source, unpacked)
                source = unpacked
            try:
                yield source
            except EquipoiseError:
                raise
            except Exception as error:  # Arrow raises a dozen classes of errors, some of Python's own
                raise self.error("damaged-file", f"cannot be read as Parquet ({error}).") from error


def _reader(source: Any, coded: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    return pyarrow.parquet.ParquetFile(source, read_dictionary=list(coded), buffer_size=_READ_BYTES, pre_buffer=False)
