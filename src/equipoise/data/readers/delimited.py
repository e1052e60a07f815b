"""CSV and TSV files, streamed by Arrow; where Arrow gives up, a second reading finds the line."""

import csv
import dataclasses
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.csv

from equipoise.base.arrow import pc
from equipoise.base.arrow_text import first_true
from equipoise.data.readers.compressed import opened
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.source import missing_column, not_utf8
from equipoise.errors import DataError

_MOST_QUOTED: Final = 1 << 28  # characters searched for where a quote that stays open would end
_NOT_A_NUMBER: Final = ("nan", "NaN")


@dataclasses.dataclass(frozen=True, slots=True)
class Delimited:
    """A `.csv` or `.tsv` file with a header, gzipped or not.

    Fields may be quoted with `"`, and a quoted field may hold line ends. Every field is text exactly as it
    stands; an empty one is empty text. Blank lines are skipped, so is a byte order mark.
    """

    path: Path
    delimiter: str = ","
    split: str | None = None
    limits: Limits = DEFAULT_LIMITS

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            A required column is missing, a row has too few or too many fields, a quote is not closed, a
            byte is not UTF-8, or a field is `nan`.
        """
        header = self._header()
        for name in required:
            if name not in header:
                raise missing_column(self.name, name, header)
        names = [name for name in dict.fromkeys((*required, *optional)) if name in header]
        for name in names:
            if header.count(name) > 1:
                raise DataError(f"{self.path}: column `{name}` stands twice in the header. Rename one.")
        with opened(self.path, self.limits) as file:
            counted = _QuoteCounter(file)
            first_row = 0
            for batch in self._arrow_batches(counted, names):
                table = pa.Table.from_batches([batch])
                self._check_numbers(table, first_row)
                first_row += table.num_rows
                yield table
        if counted.quotes % 2:
            # Arrow takes an unclosed quote as closed by the end of the file, and with it all rows after it.
            self._check_quotes()

    def place(self, row: int) -> str:
        """Where a row (counted from 0) is found: `file:line`, the first line if it has several."""
        with self._rows() as rows:
            for position, (line, _) in enumerate(rows):
                if position == row + 1:
                    return f"{self.path}:{line}"
        return f"{self.path}: row {row + 1}"  # Python's csv and Arrow differ in where a broken file's rows end

    def _header(self) -> list[str]:
        try:
            with self._rows(errors="strict") as rows:
                for _, fields in rows:
                    return fields
        except UnicodeDecodeError as error:
            raise self._explained(error) from None
        raise DataError(f"{self.path}: the file is empty, expected a header with the names of the columns.")

    def _arrow_batches(self, file: "_QuoteCounter", names: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            reader = pyarrow.csv.open_csv(
                pa.PythonFile(file, mode="r"),
                read_options=pyarrow.csv.ReadOptions(block_size=self.limits.row_bytes),
                parse_options=pyarrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=names, column_types=dict.fromkeys(names, pa.large_string())
                ),
            )
            yield from reader
        except pa.ArrowException as error:
            if "cannot infer number of columns" not in str(error):  # a header without a line end
                raise self._explained(error) from error

    def _check_numbers(self, table: pa.Table, first_row: int) -> None:
        for name in table.column_names:
            row = first_true(pc.is_in(table.column(name), value_set=pa.array(_NOT_A_NUMBER, pa.large_string())))
            if row is not None:
                raise DataError(
                    f"{self.place(first_row + row)}: column `{name}` is NaN (not a number), which is how a missing "
                    "value gets written. Drop the row, or write what is meant; where the word is meant, use JSONL."
                )

    @contextmanager
    def _rows(self, *, strict: bool = False, errors: str = "replace") -> Generator[Iterator[tuple[int, list[str]]]]:
        """Rows as Python's csv module reads them, each with its first line; blank lines are left out.

        Where a place is looked for in a file that is refused anyway, bytes that are not UTF-8 are let pass.
        """

        def numbered(text: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
            reader = csv.reader(self._lines(text), delimiter=self.delimiter, strict=strict)
            line = 1
            try:
                for fields in reader:
                    if fields:
                        yield line, fields
                    line = reader.line_num + 1
            except csv.Error as error:
                if strict:
                    raise
                raise DataError(f"{self.path}:{line}: cannot be read as delimited text ({error}).") from None

        limit = csv.field_size_limit(_MOST_QUOTED)
        try:
            with (
                opened(self.path, self.limits) as file,
                io.TextIOWrapper(file, encoding="utf-8-sig", errors=errors, newline="") as text,
            ):
                yield numbered(text)
        finally:
            csv.field_size_limit(limit)

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        most = self.limits.row_bytes
        while line := text.readline(most + 1):
            if len(line) > most:
                raise self._too_long()
            yield line

    def _too_long(self) -> DataError:
        return DataError(
            f"{self.path}: a row is longer than {self.limits.row_bytes:,} bytes. Shorten it, or read it with a larger "
            "`Limits(row_bytes=...)` (`data.limits.row_bytes`)."
        )

    def _check_quotes(self) -> None:
        line = 1
        with self._rows(strict=True) as rows:
            try:
                for first, fields in rows:
                    line = first + sum(field.count("\n") for field in fields) + 1
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise DataError(
                        f"{self.path}:{line}: a quote that opens in this row is never closed. "
                        'Close it, and double a `"` that is meant literally.'
                    ) from None

    def _explained(self, error: Exception) -> DataError:
        """Read the file again to find the line of what Arrow refused."""
        if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
            byte = 0
            with opened(self.path, self.limits) as file:
                for number, line in enumerate(file, start=1):
                    try:
                        line.decode("utf-8")
                    except UnicodeDecodeError as found:
                        return not_utf8(f"{self.path}:{number}", byte + found.start, line[found.start])
                    byte += len(line)
        elif "straddling" in str(error):
            self._check_quotes()
            return self._too_long()
        elif isinstance(error, pa.ArrowException):
            width = 0
            with self._rows() as rows:
                for line, fields in rows:
                    width = width or len(fields)
                    if len(fields) != width:
                        return DataError(
                            f"{self.path}:{line}: expected {width} fields as in the header, found {len(fields)}. "
                            "Quote a field that holds the delimiter or a line end."
                        )
        return DataError(f"{self.path}: cannot be read as delimited text ({error}).")


class _QuoteCounter(io.RawIOBase):
    """A file that counts the quotes that were read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.quotes += data.count(b'"')
        return data
