"""CSV and TSV files, streamed by Arrow; where Arrow fails, a second reading finds the line."""

import codecs
import csv
import dataclasses
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

from equipoise.base.arrow import first_true, pc
from equipoise.data.readers.source import FileSource
from equipoise.errors import DataError

_MOST_QUOTED: Final = 1 << 28  # characters searched for the end of an open quote
_DELIMITERS: Final = (";", "\t", "|", ",")
_NOT_A_NUMBER: Final = ("nan", "NaN")


@dataclasses.dataclass(frozen=True, slots=True)
class Delimited(FileSource):
    """A `.csv` or `.tsv` file with a header, gzipped or not.

    Fields may be quoted with `"`, and a quoted field may hold line ends. Every field is a string,
    unchanged; an empty field is an empty string. Blank lines and a byte order mark are skipped.
    """

    delimiter: str = ","

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing, a row has too few or too many fields, a quote is not closed, text follows
            a closing quote (as where a backslash escapes quotes), a byte is not of the encoding, or a field is `nan`.
        """
        self.check_not_utf16()
        header = self._header()
        names = self.chosen(header, required, optional, hint=self._hint(header))
        with self.opened() as file:
            quotes = _Quotes(file, self.delimiter)
            checked = False
            first_row = 0
            for batch in self._arrow_batches(quotes, names):
                if quotes.are_unusual and not checked:
                    self._check_quotes()
                    checked = True
                table = pa.Table.from_batches([batch])
                yield self._without_nan(table, first_row)
                first_row += table.num_rows
        if (quotes.are_unusual or quotes.count % 2) and not checked:
            # To Arrow, the end of the file closes a quote, and all rows after the quote are one field.
            self._check_quotes()

    def text_columns(self) -> list[str]:
        """Return the names of all columns, each once."""
        self.check_not_utf16()
        return list(dict.fromkeys(self._header()))

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0): `file:line`, the first line if it has several."""
        with closing(self._rows()) as rows:
            for position, (line, _) in enumerate(rows):
                if position == row + 1:
                    return f"{self.path}:{line}"
        return FileSource.place(self, row)  # Python's csv and Arrow disagree on where the rows of a damaged file end

    def _header(self) -> list[str]:
        try:
            with closing(self._rows(errors="strict")) as rows:
                for _, fields in rows:
                    return fields
        except UnicodeDecodeError as error:
            raise self._explained(error) from None
        raise self.error("empty-file", "the file is empty, expected a header with the names of the columns.")

    def _hint(self, header: list[str]) -> str:
        """Return a hint for a header that another delimiter would cut."""
        for other in _DELIMITERS:
            if other != self.delimiter and any(other in name for name in header):
                return (
                    f" The header holds {other!r}. If that is the delimiter, read the file with `delimiter={other!r}`."
                )
        return ""

    def _arrow_batches(self, file: "_Quotes", names: list[str]) -> Iterator[pa.RecordBatch]:
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

    def _without_nan(self, table: pa.Table, first_row: int) -> pa.Table:
        for number, name in enumerate(table.column_names):
            is_nan = pc.is_in(table.column(name), value_set=pa.array(_NOT_A_NUMBER, pa.large_string()))
            row = first_true(is_nan)
            if row is None:
                continue
            if name in self.nullable:
                column = pc.if_else(is_nan, pa.scalar(None, pa.large_string()), table.column(name))
                table = table.set_column(number, name, column)
            else:
                sentence = f"column `{name}` is NaN (not a number), which usually is a missing value."
                advice = "Drop the row, or replace the value; if the word itself is intended, use JSONL."
                raise self.error_at("bad-value", first_row + row, f"{sentence} {advice}")
        return table

    def _rows(self, *, strict: bool = False, errors: str = "replace") -> Generator[tuple[int, list[str]]]:
        """Yield rows as Python's csv module reads them, each with its first line, without blank lines.

        Bytes that are not UTF-8 are accepted when only a place is looked for.
        """
        line, limit = 1, csv.field_size_limit(_MOST_QUOTED)
        try:
            with (
                self.opened() as file,
                io.TextIOWrapper(file, encoding="utf-8-sig", errors=errors, newline="") as text,
            ):
                reader = csv.reader(self._lines(text), delimiter=self.delimiter, strict=strict)
                for fields in reader:
                    if fields:
                        yield line, fields
                    line = reader.line_num + 1
        except csv.Error as error:
            if strict:
                raise
            raise self.error("damaged-file", f"cannot be read as delimited text ({error}).", line) from None
        finally:
            csv.field_size_limit(limit)

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        most = self.limits.row_bytes
        while line := text.readline(most + 1):
            if len(line) > most:
                raise self.row_too_long("a row")
            yield line

    def _check_quotes(self) -> None:
        """Raise an error for a quote that is never closed, or that something follows; quotes inside of fields are text.

        Arrow reads on after such a quote, and gives other text than what was written.
        """
        line = 1
        with closing(self._rows(strict=True)) as rows:
            try:
                for first, fields in rows:
                    line = first + sum(field.count("\n") for field in fields) + 1
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    sentence = 'a quote that opens in this row is never closed. Close it, and double a literal `"`.'
                    raise self.error("open-quote", sentence, line) from None
                if "expected after" in str(error):
                    sentence = 'text follows the quote that closes a field. Double each literal `"` in a quoted field'
                    advice = "(a backslash does not escape it): write the file with `doublequote=True`."
                    raise self.error("text-after-quote", f"{sentence} {advice}", line) from None

    def _explained(self, error: Exception) -> DataError:
        """Read the file again to find the line that Arrow refused."""
        if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
            byte = 0
            with self.opened() as file:
                for number, line in enumerate(file, start=1):
                    try:
                        line.decode("utf-8")
                    except UnicodeDecodeError as found:
                        return self.not_utf8(number, byte + found.start, line[found.start])
                    byte += len(line)
        elif "straddling" in str(error):
            self._check_quotes()
            return self.row_too_long("a row")
        elif isinstance(error, pa.ArrowException):
            width = 0
            with closing(self._rows()) as rows:
                for line, fields in rows:
                    width = width or len(fields)
                    if len(fields) != width:
                        noun = "field" if width == 1 else "fields"
                        sentence = f"expected {width} {noun} as in the header, found {len(fields)}."
                        advice = 'Quote a field that holds the delimiter or a line end, and double a `"` in it.'
                        return self.error("wrong-field-count", f"{sentence} {advice}", line)
        return self.error("damaged-file", f"cannot be read as delimited text ({error}).")


class _Quotes(io.RawIOBase):
    """A file that watches the quotes read from it.

    In the usual form, quotes alternately open and close a field: what opens is the first of a field or doubles the
    quote that closes before it, and what closes is the last of a field or is doubled. Anything else is unusual: a quote
    inside of a field without quotes, which is text, or one that is not what it was meant to be.
    """

    def __init__(self, file: BinaryIO, delimiter: str) -> None:
        self._file = file
        self._ends = np.isin(np.arange(256), [*delimiter.encode(), *b'\r\n"'])
        self._tail = b""  # the last two bytes
        self.count = 0
        self.are_unusual = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        if b'"' in data or self._tail.endswith(b'"'):
            self._watch(data or b"\n")
            self.count += data.count(b'"')
        self._tail = (self._tail + data)[-2:]
        return data

    def _watch(self, data: bytes) -> None:
        """Check the quotes that now have a byte on both sides: in the data, and at the end of what came before."""
        before = self._tail or b"\n"
        characters = np.frombuffer(before + (data if self._tail else data.removeprefix(codecs.BOM_UTF8)), np.uint8)
        at = np.flatnonzero(characters[1:-1] == ord('"')) + 1
        first = self.count - before.endswith(b'"')
        opens = (np.arange(len(at)) + first) % 2 == 0
        beside = characters[np.where(opens, at - 1, at + 1)]
        self.are_unusual |= not self._ends[beside].all()
