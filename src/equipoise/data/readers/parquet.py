"""Parquet files, of which only the needed columns are read."""

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

from equipoise.base.arrow import pc, text_fields
from equipoise.data.readers.features import class_names, with_class_names
from equipoise.data.readers.limits import FREE_BYTES
from equipoise.data.readers.source import FileSource
from equipoise.errors import EquipoiseError

_MOST_BYTES: Final = 1 << 24  # of a dictionary
_READ_BYTES: Final = 1 << 20  # of a column at once; by default Arrow reads a complete row group
_OFFSET_BYTES: Final = 4  # of a string, beside its characters
_SMALL_GROUP: Final = 1 << 14  # rows; codes change with every row group, and so does the batch


@dataclasses.dataclass(frozen=True, slots=True)
class Parquet(FileSource):
    """A `.parquet` file, gzipped or not, or some of its row groups.

    Columns of repeated strings, and of the class labels of Hugging Face datasets, are dictionaries.
    """

    batch_rows: int = 1 << 16
    part: int = 0
    parts: int = 1

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing, the file is not Parquet, or its rows unpack to more than the limits
            allow. They are measured before they are unpacked.
        """
        with self._opened() as source:
            whole = _reader(source)
            names = self.chosen(whole.schema_arrow.names, required, optional)
            classes = class_names(whole.schema_arrow)
            most = left = self.most_unpacked() // self.parts
            first_row = 0
            for batch in self._batches(source, whole, names):
                table = with_class_names(pa.Table.from_batches([batch]), classes, self, first_row)
                left -= sum(unpacked_bytes(chunk) for column in table.columns for chunk in column.chunks)
                if left < 0:
                    raise self.too_large(most)
                first_row += table.num_rows
                yield table

    def text_columns(self) -> list[str]:
        """Return the names of the columns that `as_text` takes."""
        with self._opened() as source:
            return text_fields(_reader(source).schema_arrow)

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
        groups = list(range(count * self.part // self.parts, count * (self.part + 1) // self.parts))
        coded = [name for name in names if _is_text(whole.schema_arrow.field(name).type)]
        if whole.metadata.num_rows < _SMALL_GROUP * count:
            yield from self._coded_batches(source, groups, names, coded)
        else:
            for group in groups:
                yield from self._coded_batches(source, [group], names, coded)

    def _coded_batches(
        self, source: Any, groups: list[int], names: list[str], coded: list[str]
    ) -> Iterator[pa.RecordBatch]:
        """Stream the columns, those named in `coded` as dictionaries.

        Decoding labels and encoding them again would take ten times as long, and what rows unpack to is known before
        they are. Arrow keeps the dictionary of a column until the row group ends. A column whose strings hardly repeat,
        such as the answers of an open-ended task, is therefore read as plain strings from where its dictionary has
        grown too large: to more strings than a batch has rows, or to too many bytes. A batch then has only as many rows
        as its longest string so far leaves room for.
        """
        given, rows, grown = 0, self.batch_rows, True
        while grown:
            grown, skipped = False, given
            file = _reader(source, coded)
            for batch in file.iter_batches(batch_size=rows, row_groups=groups, columns=names, use_threads=False):
                if skipped >= batch.num_rows:
                    skipped -= batch.num_rows
                    continue
                rest, skipped = batch.slice(skipped), 0
                yield rest
                given += rest.num_rows
                large = [name for name in coded if self._has_grown(batch.column(name))]
                if grown := bool(large):
                    coded = [name for name in coded if name not in large]
                    longest = max(pc.max(_lengths(batch.column(name).dictionary)).as_py() for name in large)
                    rows = max(1, min(rows, FREE_BYTES // (longest + 1)))
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


def unpacked_bytes(array: pa.Array) -> int:
    """Return the bytes of the values of an array; those of a dictionary count for each row that has them.

    Examples
    --------
    >>> unpacked_bytes(pa.array(["a long label"] * 1000).dictionary_encode())
    16000
    """
    if not isinstance(array, pa.DictionaryArray):
        return array.nbytes
    unpacked: int | None = pc.sum(pc.take(_lengths(array.dictionary), array.indices)).as_py()
    return _OFFSET_BYTES * len(array) + (unpacked or 0)


def _lengths(values: pa.Array) -> pa.Array:
    """Return the bytes of each value."""
    if _is_text(values.type):
        return pc.cast(pc.binary_length(values), pa.int64())
    return pa.repeat(values.nbytes // max(1, len(values)), len(values))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _reader(source: Any, coded: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    return pyarrow.parquet.ParquetFile(source, read_dictionary=list(coded), buffer_size=_READ_BYTES, pre_buffer=False)
