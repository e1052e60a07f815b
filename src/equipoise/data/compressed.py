"""Open a file that may be gzipped, with errors that name it."""

import contextlib
import gzip
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO, cast

from equipoise.errors import DataError


@contextlib.contextmanager
def opened(path: Path) -> Generator[BinaryIO]:
    """Open a file for reading bytes; one whose name ends in `.gz` is unpacked on the way.

    Raises
    ------
    DataError
        The file cannot be read, or is not a whole gzip file.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            with path.open("rb") as plain:
                yield plain
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: not a whole gzip file ({error}). Write it again or copy it again.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error
