"""The bases of sources of rows: what a reader gives, how a file is opened, and the errors that readers share."""

import codecs
import contextlib
import dataclasses
import gzip
import io
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa

from equipoise.base.registry import suggest
from equipoise.data.readers.encodings import UTF8, advice_for, name_encoding, wide_encoding
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.errors import DataError

_BUFFER: Final = 1 << 16
_PLACES: Final = frozenset({"path", "title", "dataset", "saved_in"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source(ABC):
    """Rows that can be streamed as Arrow tables.

    `split` is that of all rows because of where they are, or None. NaN in the columns `nullable`, whose missing values
    are to be skipped, is null; in others it is an error.
    """

    split: str | None = None
    nullable: frozenset[str] = frozenset()

    @property
    def in_memory(self) -> bool:
        """Whether the rows are in this process alone; those of files can be read by others."""
        return False

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the rows are read from; none if they are in this process alone."""
        return ()

    @property
    def reading(self) -> str:
        """How files are read, apart from which they are: what else the rows depend on."""
        fields = (field.name for field in dataclasses.fields(self) if field.name not in _PLACES)
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in fields)})"

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the source in errors: its path, or its type."""

    @abstractmethod
    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the `required` columns and those of the `optional` ones that exist.

        Raises
        ------
        DataError
            If a required column is missing, or the source cannot be read.
        """

    @abstractmethod
    def text_columns(self) -> list[str]:
        """Return the names of the columns whose values are strings or plain numbers, as far as the first rows show.

        Raises
        ------
        DataError
            If the source cannot be read.
        """

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0): its number from 1, or `file:line`, as editors write it."""
        return f"{self.name}: row {row + 1}"

    def cut(self, most_bytes: int) -> "Sequence[Source]":  # noqa: ARG002
        """Return parts of about so many bytes, in the order of their rows; what cannot be cut is one part."""
        return [self]

    def chosen(
        self,
        found: Collection[str],
        required: Sequence[str],
        optional: Sequence[str],
        line: int | None = None,
        hint: str = "",
    ) -> list[str]:
        """Return the columns to read, each once; raise an error, with a hint, if one is missing or duplicate."""
        for name in required:
            if name not in found:
                listed = ", ".join(f"`{other}`" for other in found) or "none"
                sentence = f"column `{name}` is missing, found {listed}.{suggest(name, found, '`{}`'.format)}{hint}"
                raise MissingColumnError(str(self.error("missing-column", sentence, line)), name)
        names = [name for name in dict.fromkeys((*required, *optional)) if name in found]
        for name in names:
            if list(found).count(name) > 1:
                raise self.error("duplicate-column", f"duplicate column `{name}`. Rename one.", line)
        return names

    def error(self, code: str, sentence: str, line: int | None = None) -> DataError:
        """Return an error that names the source, and the line if there is one."""
        return DataError(code, f"{self.name}: {sentence}" if line is None else f"{self.name}:{line}: {sentence}")

    def error_at(self, code: str, row: int | None, sentence: str, first_row: int = 0) -> DataError:
        """Return an error that names the place of a row, counted from `first_row`; None: it is of all rows."""
        return (
            self.error(code, sentence) if row is None else DataError(code, f"{self.place(first_row + row)}: {sentence}")
        )


class MissingColumnError(DataError):
    """A source lacks a column. Which field of a record it is, and so what to do, is known where the fields are."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__("missing-column", message)
        self.column = column


@dataclasses.dataclass(frozen=True, slots=True)
class MemorySource(Source):
    """Rows that are in this process; `title` is the type, or the folder, that they came as."""

    title: str
    _: dataclasses.KW_ONLY
    batch_rows: int = 1 << 16

    @property
    def in_memory(self) -> bool:
        """True: the rows are not sent to another process."""
        return True

    @property
    def name(self) -> str:
        """The title."""
        return self.title


@dataclasses.dataclass(frozen=True, slots=True)
class FileSource(Source):
    """A file of rows; one whose name ends in `.gz` is unpacked."""

    path: Path
    _: dataclasses.KW_ONLY
    limits: Limits = DEFAULT_LIMITS
    encoding: str = UTF8

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    @property
    def is_gzipped(self) -> bool:
        """Whether the name ends in `.gz`."""
        return self.path.suffix.lower() == ".gz"

    @contextlib.contextmanager
    def opened(self) -> Generator[BinaryIO]:
        """Open the file for reading its bytes, unpacked; those of text in another encoding are turned into UTF-8.

        Raises
        ------
        DataError
            If the file cannot be read, is not a complete gzip file, is not in its encoding, or unpacks to more than the
            limits allow.
        """
        try:
            with contextlib.ExitStack() as stack:
                file: Any = stack.enter_context(self.path.open("rb"))
                if self.is_gzipped:
                    file = stack.enter_context(gzip.open(file, "rb"))
                    file = stack.enter_context(io.BufferedReader(_Bounded(self, file), _BUFFER))
                if self.encoding != UTF8:
                    file = stack.enter_context(io.BufferedReader(_Recoded(self, file), _BUFFER))
                yield cast("BinaryIO", file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            sentence = f"not a complete gzip file ({error}). Write or copy it again."
            raise self.error("damaged-file", sentence) from error
        except OSError as error:
            raise self.error("cannot-read", f"cannot be read ({error.strerror or error}).") from error

    def most_unpacked(self) -> int:
        """Return the most bytes that the file may unpack to."""
        return self.limits.unpacked_bytes(self.path.stat().st_size)

    def too_large(self, most: int) -> DataError:
        """Return the error for a file that unpacks to more than `most` bytes."""
        sentence = f"unpacks to more than {most:,} bytes, many times its size on disk. If this is intended, read it"
        advice = "with a larger `Limits(expansion=...)`."
        return self.error("expands-too-much", f"{sentence} {advice}")

    def row_too_long(self, what: str, line: int | None = None) -> DataError:
        """Return the error for a row that is longer than the limit."""
        advice = "Shorten it, or read it with a larger `Limits(row_bytes=...)`."
        return self.error("row-too-long", f"{what} is longer than {self.limits.row_bytes:,} bytes. {advice}", line)

    def not_utf8(self, line: int, byte: int, value: int) -> DataError:
        """Return the error for a byte that is not UTF-8, at offset `byte` of the (unpacked) file."""
        with self.opened() as file:
            advice = advice_for(file, byte)
        return self.error("not-utf8", f"byte 0x{value:02x} at offset {byte} is not UTF-8. {advice}", line)

    def check_not_utf16(self) -> None:
        """Raise an error for text in UTF-16 or UTF-32, much of which is valid UTF-8 with NUL characters."""
        with self.opened() as file:
            encoding = wide_encoding(file.read(1 << 12))
        if encoding is not None:
            raise self.error("not-utf8", f"the file is {encoding.upper()}, not UTF-8. {name_encoding(encoding)}", 1)


class _Bounded(io.RawIOBase):
    """An unpacked file of which only as many bytes can be read as the limits of its source allow."""

    def __init__(self, source: FileSource, file: Any) -> None:
        self._source, self._file = source, file
        self._most = self._left = source.most_unpacked()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count: int = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise self._source.too_large(self._most)
        return count


class _Recoded(io.RawIOBase):
    """A file of text in the encoding of its source, as UTF-8."""

    def __init__(self, source: FileSource, file: Any) -> None:
        self._source, self._file = source, file
        self._decoder = codecs.getincrementaldecoder(source.encoding)()
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left and not self._ended:
            data: bytes = self._file.read(_BUFFER)
            self._ended = not data
            try:
                self._left = self._decoder.decode(data, final=self._ended).encode("utf-8")
            except UnicodeError as error:
                sentence = f"the text is not {self._source.encoding} ({error}). Give the encoding it was saved in."
                raise self._source.error("wrong-encoding", sentence) from error
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
