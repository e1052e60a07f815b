"""JSON lines: one object per line, read in blocks by Arrow, and by Python where Arrow fails."""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.json

from equipoise.base.plain_json import RepeatedKeyError, once_each
from equipoise.data.readers.compressed import opened
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.source import missing_column, not_utf8
from equipoise.errors import DataError

BLOCK_BYTES: Final = 1 << 22
_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = 10
_SPACE: Final = 32


@dataclasses.dataclass(frozen=True, slots=True)
class _Block:
    """Complete lines of the file, and where they start (lines from 1, bytes from 0)."""

    data: bytes
    first_line: int
    first_byte: int


@dataclasses.dataclass(frozen=True, slots=True)
class JsonLines:
    """A `.jsonl` or `.ndjson` file, gzipped or not, or the lines of it that start in a range of bytes.

    Blank lines are skipped.
    """

    path: Path
    block_bytes: int = BLOCK_BYTES
    split: str | None = None
    limits: Limits = DEFAULT_LIMITS
    first_byte: int = 0
    last_byte: int | None = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns; a key that a row does not have is null in it.

        Raises
        ------
        DataError
            If the first object lacks a required key, a line is not a JSON object, or a byte is not UTF-8.
        """
        names = tuple(dict.fromkeys((*required, *optional)))
        checked = False
        for block in self._blocks():
            self._check_utf8(block)
            first = self._first_object(block)
            if first is None:
                continue
            line, sample = first
            if not checked:
                for name in required:
                    if name not in sample:
                        raise missing_column(f"{self.path}:{line}", name, sample)
                checked = True
            table = _read_with_arrow(block.data, names, sample)
            yield self._read_with_python(block, names) if table is None else table

    def cut(self, most_bytes: int) -> "list[JsonLines]":
        """Return parts of about so many bytes, in the order of their lines.

        Line numbers in their errors are counted from the start of the part. A gzipped file is one part.
        """
        size = self.path.stat().st_size
        count = -(-size // most_bytes)
        if count <= 1 or self.path.suffix.lower() == ".gz":
            return [self]
        ends = [size * part // count for part in range(count + 1)]
        return [dataclasses.replace(self, first_byte=first, last_byte=last) for first, last in pairwise(ends)]

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0): `file:line`."""
        with opened(self.path, self.limits) as file:
            filled = (number for number, line in enumerate(file, start=1) if line.removeprefix(_BOM).strip())
            line = next(itertools.islice(filled, row, None), None)
        return f"{self.path}: row {row + 1}" if line is None else f"{self.path}:{line}"

    def _blocks(self) -> Iterator[_Block]:
        with opened(self.path, self.limits) as file:
            line, byte = 1, self._seek_line(file)
            while data := file.read(self._block_at(byte)):
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
        last = self.first_byte if self.last_byte is None else self.last_byte
        while file.tell() < last and (line := file.readline(min(self.block_bytes, last - file.tell()))):
            if line.endswith(b"\n"):  # the rest of the line that starts before the range
                break
        return file.tell()

    def _block_at(self, byte: int) -> int:
        """Return how many bytes to read from here, so that no line starts after the range."""
        return self.block_bytes if self.last_byte is None else max(0, min(self.block_bytes, self.last_byte - byte))

    def _check_rows(self, data: bytes, first_line: int) -> None:
        """Raise an error if a line is too long; most blocks are shorter than the limit."""
        most = self.limits.row_bytes
        if len(data) <= most:
            return
        start = 0
        while len(data) - start > most:
            end = data.rfind(b"\n", start, start + most + 1)
            if end < 0:
                line = first_line + data.count(b"\n", 0, start)
                raise DataError(
                    "row-too-long",
                    f"{self.path}:{line}: the line is longer than {most:,} bytes. Shorten it, or read it with a larger "
                    "`Limits(row_bytes=...)` (`data.limits.row_bytes`).",
                )
            start = end + 1

    def _check_utf8(self, block: _Block) -> None:
        if block.data.isascii():
            return
        try:
            block.data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = block.first_line + block.data.count(b"\n", 0, error.start)
            byte = block.first_byte + error.start
            raise not_utf8(f"{self.path}:{line}", byte, block.data[error.start]) from None

    def _objects(self, block: _Block) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(block.data.split(b"\n"), start=block.first_line):
            if line.strip():
                yield number, self._object(line, number)

    def _first_object(self, block: _Block) -> tuple[int, dict[str, Any]] | None:
        start = len(block.data) - len(block.data.lstrip())
        if start == len(block.data):
            return None
        number = block.first_line + block.data.count(b"\n", 0, start)
        line = block.data[start:].split(b"\n", 1)[0]
        return number, self._object(line, number)

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
            raise DataError(
                "broken-json",
                f"{self.path}:{number}: broken JSON at character {error.pos + 1} ({error.msg}). "
                "Write one complete JSON object per line.",
            ) from None
        except RecursionError:
            raise DataError(
                "nested-too-deep", f"{self.path}:{number}: the object is nested too deep. Write plain fields."
            ) from None
        except RepeatedKeyError as error:
            raise DataError(
                "duplicate-key", f"{self.path}:{number}: duplicate key `{error.key}` in one object. Keep one."
            ) from None
        if not isinstance(value, dict):
            raise DataError(
                "not-an-object",
                f'{self.path}:{number}: expected a JSON object such as {{"task": ...}}, '
                f"found {line.decode()[:40].strip()!r}.",
            )
        return value

    def _read_with_python(self, block: _Block, names: Sequence[str]) -> pa.Table:
        rows = list(self._objects(block))
        columns = {name: [self._text(values.get(name), number, name) for number, values in rows] for name in names}
        return pa.table({name: pa.array(texts, pa.large_string()) for name, texts in columns.items()})

    def _text(self, value: object, line: int, name: str) -> str | None:
        if isinstance(value, _Number):
            if value.literal == "NaN":
                raise DataError(
                    "bad-value",
                    f"{self.path}:{line}: column `{name}` is NaN (not a number). Drop the row, or replace the value.",
                )
            return value.literal
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, dict | list):
            raise DataError(
                "bad-value",
                f"{self.path}:{line}: column `{name}` is {'an object' if isinstance(value, dict) else 'a list'}, "
                "expected a string or a plain number. Convert it to a string first.",
            )
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise DataError(
                    "bad-value",
                    f"{self.path}:{line}: column `{name}` holds half of a surrogate pair, which is not a character. "
                    "Write the string as UTF-8.",
                ) from None
        return value if isinstance(value, str) else None


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
