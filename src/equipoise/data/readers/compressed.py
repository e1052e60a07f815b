"""Open a file that may be gzipped, with errors that name it and a limit on its unpacked size."""

import contextlib
import gzip
import io
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, cast

from equipoise.data.readers.limits import Limits
from equipoise.errors import DataError


@contextlib.contextmanager
def opened(path: Path, limits: Limits) -> Generator[BinaryIO]:
    """Open a file for reading bytes; one whose name ends in `.gz` is unpacked.

    Raises
    ------
    DataError
        If the file cannot be read, is not a complete gzip file, or unpacks to more than the limits allow.
    """
    try:
        if path.suffix.lower() == ".gz":
            most = limits.unpacked_bytes(path.stat().st_size)
            with gzip.open(path, "rb") as unpacked, io.BufferedReader(_Bounded(unpacked, path, most), 1 << 16) as file:
                yield cast("BinaryIO", file)
        else:
            with path.open("rb") as plain:
                yield plain
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            "damaged-file", f"{path}: not a complete gzip file ({error}). Write or copy it again."
        ) from error
    except OSError as error:
        raise DataError("cannot-read", f"{path}: cannot be read ({error.strerror or error}).") from error


def too_large(path: Path, most: int) -> DataError:
    """Return the error for a file that unpacks to more than `most` bytes."""
    return DataError(
        "expands-too-much",
        f"{path}: unpacks to more than {most:,} bytes, many times its size on disk. If this is intended, read it with "
        "a larger `Limits(expansion=...)` (`data.limits.expansion`).",
    )


class _Bounded(io.RawIOBase):
    """A file of which only so many bytes can be read."""

    def __init__(self, file: Any, path: Path, most: int) -> None:
        self._file = file
        self._path = path
        self._most = self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count: int = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise too_large(self._path, self._most)
        return count
