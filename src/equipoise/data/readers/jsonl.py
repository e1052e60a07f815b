"""JSON lines: one object per line, read in blocks by Arrow, and by Python where Arrow fails."""

import dataclasses
import io
import itertools
import json
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, BinaryIO, Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.json

from equipoise.base.plain_json import MOST_DIGITS, RepeatedKeyError, once_each
from equipoise.data.readers.encodings import UTF8
from equipoise.data.readers.source import FileSource

BLOCK_BYTES: Final = 1 << 22
_BOM: Final = b"\xef\xbb\xbf"
_HALF: Final = re.compile("[\ud800-\udfff]")
_FIRST_OBJECTS: Final = 1_000
_LINE_END: Final = 10
_SPACE: Final = 32


class _Block(NamedTuple):
    """Complete lines of the file, and where they start (lines from 1, bytes from 0)."""

    data: bytes
    first_line: int
    first_byte: int


@dataclasses.dataclass(frozen=True, slots=True)
class JsonLines(FileSource):
    """A `.jsonl` or `.ndjson` file, gzipped or not, or the lines of it that start in a range of bytes.

    Blank lines are skipped.
    """

    block_bytes: int = BLOCK_BYTES
    first_byte: int = 0
    last_byte: int = sys.maxsize

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns; a key that a row does not have is null in it.

        Raises
        ------
        DataError
            If the first object lacks a required key, a line is not a JSON object, or a byte is not of the encoding.
        """
        self.check_not_utf16()
        names = tuple(dict.fromkeys((*required, *optional)))
        checked = False
        for block in self._blocks():
            self._check_utf8(block)
            line, sample = next(self._objects(block), (0, None))
            if sample is None:
                continue
            if not checked:
                self.chosen(sample, required, (), line)
                checked = True
            table = _read_with_arrow(block.data, names, sample)
            yield self._read_with_python(block, names) if table is None else table

    def text_columns(self) -> list[str]:
        """Return the keys of the first objects that hold no list and no object."""
        self.check_not_utf16()
        plain: dict[str, bool] = {}
        for block in self._blocks():
            self._check_utf8(block)
            for _, values in itertools.islice(self._objects(block), _FIRST_OBJECTS):
                for key, value in values.items():
                    plain[key] = plain.get(key, True) and not isinstance(value, dict | list)
            if plain:
                break
        return [key for key, is_plain in plain.items() if is_plain]

    def cut(self, most_bytes: int) -> "list[JsonLines]":
        """Return parts of about so many bytes, in the order of their lines.

        Line numbers in their errors are counted from the start of the part. A gzipped file is one part,
        and so is one in another encoding than UTF-8.
        """
        size = self.path.stat().st_size
        count = -(-size // most_bytes)
        if count <= 1 or self.is_gzipped or self.encoding != UTF8:
            return [self]
        ends = [size * part // count for part in range(count + 1)]
        return [dataclasses.replace(self, first_byte=first, last_byte=last) for first, last in pairwise(ends)]

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0): `file:line`."""
        with self.opened() as file:
            filled = (number for number, line in enumerate(file, start=1) if line.removeprefix(_BOM).strip())
            line = next(itertools.islice(filled, row, None), None)
        return FileSource.place(self, row) if line is None else f"{self.path}:{line}"

    def _blocks(self) -> Iterator[_Block]:
        with self.opened() as file:
            line, byte = 1, self._seek_line(file)
            while data := file.read(max(0, min(self.block_bytes, self.last_byte - byte))):
                data += b"" if data.endswith(b"\n") else file.readline(self.limits.row_bytes + 1)
                self._check_rows(data, line)
                content = data.removeprefix(_BOM) if byte == 0 else data
                yield _Block(content, line, byte + len(data) - len(content))
                line += data.count(b"\n")
                byte += len(data)

    def _seek_line(self, file: BinaryIO) -> int:
        """Move to the first line that starts in the range, and return its byte."""
        if self.first_byte == 0:
            return 0
        file.seek(self.first_byte - 1)
        while (left := self.last_byte - file.tell()) > 0 and (line := file.readline(min(self.block_bytes, left))):
            if line.endswith(b"\n"):  # the rest of the line that starts before the range
                break
        return file.tell()

    def _check_rows(self, data: bytes, first_line: int) -> None:
        """Raise an error if a line is too long; most blocks are shorter than the limit."""
        most = self.limits.row_bytes
        start = 0
        while len(data) - start > most:
            end = data.rfind(b"\n", start, start + most + 1)
            if end < 0:
                raise self.row_too_long("the line", first_line + data.count(b"\n", 0, start))
            start = end + 1

    def _check_utf8(self, block: _Block) -> None:
        if block.data.isascii():
            return
        try:
            block.data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = block.first_line + block.data.count(b"\n", 0, error.start)
            byte = block.first_byte + error.start
            raise self.not_utf8(line, byte, block.data[error.start]) from None

    def _objects(self, block: _Block) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(io.BytesIO(block.data), start=block.first_line):
            if line.strip():
                yield number, self._object(line.removesuffix(b"\n"), number)

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value: object = json.loads(
                line.decode("utf-8"),  # json.loads would guess the encoding of bytes
                parse_int=_Number,
                parse_float=_Number,
                parse_constant=_Number,
                object_pairs_hook=once_each,
            )
        except json.JSONDecodeError as error:
            sentence = f"broken JSON at character {error.pos + 1} ({error.msg})."
            raise self.error("broken-json", f"{sentence} Write one complete JSON object per line.", number) from None
        except RecursionError:
            sentence = "the object is nested too deep. Write plain fields."
            raise self.error("nested-too-deep", sentence, number) from None
        except RepeatedKeyError as error:
            sentence = f"duplicate key `{error.key}` in one object. Keep one."
            raise self.error("duplicate-key", sentence, number) from None
        if not isinstance(value, dict):
            found = line.decode()[:40].strip()
            sentence = f'expected a JSON object such as {{"task": ...}}, found {found!r}.'
            raise self.error("not-an-object", sentence, number)
        return value

    def _read_with_python(self, block: _Block, names: Sequence[str]) -> pa.Table:
        rows = list(self._objects(block))
        columns = {name: [self._text(values.get(name), number, name) for number, values in rows] for name in names}
        return pa.table({name: pa.array(texts, pa.large_string()) for name, texts in columns.items()})

    def _text(self, value: object, line: int, name: str) -> str | None:
        problem = ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, _Number):
            value = value.literal
            if value == "NaN" and name in self.nullable:
                return None
            if value == "NaN":
                problem = "is NaN (not a number). Drop the row, or replace the value."
            elif value.endswith("Infinity"):
                problem = f"is {value}, which JSON has not. Drop the row, or replace the value."
            elif len(value) > MOST_DIGITS:
                problem = (
                    f"is a number of {len(value)} digits, more than the limit of {MOST_DIGITS}. Write it as a string."
                )
        elif isinstance(value, dict | list):
            kind = "an object" if isinstance(value, dict) else "a list"
            problem = f"is {kind}, expected a string or a plain number. Convert it to a string first."
        elif isinstance(value, str) and _HALF.search(value):
            problem = "holds half of a surrogate pair, which is not a character. Write the string as UTF-8."
        if problem:
            raise self.error("bad-value", f"column `{name}` {problem}", line)
        return cast("str | None", value)


@dataclasses.dataclass(frozen=True, slots=True)
class _Number:
    """A JSON number as written, so that 1 and 1.0 stay distinct."""

    literal: str


def _read_with_arrow(data: bytes, names: Sequence[str], sample: dict[str, Any]) -> pa.Table | None:
    """Read the block, or return None where Arrow cannot do so exactly (other types, floats, broken lines)."""
    kinds = {name: _arrow_type(sample.get(name)) for name in names}
    if any(kind is None for kind in kinds.values()):
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(data),
            # One block, because the file is cut at the ends of lines already.
            read_options=pyarrow.json.ReadOptions(block_size=len(data) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(kinds.items()), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    # Arrow accepts several objects in a line; one object per line is checked by their number.
    return table if table.num_rows == _count_filled(data) else None


def _count_filled(data: bytes) -> int:
    """Count the lines that are not blank."""
    characters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(characters == _LINE_END)
    starts = np.concatenate(([0], ends + 1))
    starts = starts[starts < len(data)]
    if (characters[starts] > _SPACE).all():  # no line starts with white space
        return len(starts)
    return sum(1 for line in data.split(b"\n") if line.strip())


def _arrow_type(value: object) -> pa.DataType | None:
    """Return the type that reads such values exactly: none for floats, whose spelling Arrow drops."""
    if isinstance(value, _Number):
        return pa.int64() if value.literal.lstrip("-").isdigit() else None
    if isinstance(value, bool):
        return pa.bool_()
    return pa.large_string() if value is None or isinstance(value, str) else None
