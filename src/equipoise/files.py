"""Write files so that a crash never leaves half of one, and read texts of bounded size."""

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from equipoise.errors import EquipoiseError

MOST_TEXT_BYTES: Final = 1 << 28
"""Of a file that is read as one text: a plan, a state, a configuration."""


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Generator[Path]:
    """Give a temporary path beside `path`; when the block ends without an error, rename it to `path`.

    The folder is made if it is missing. On an error the temporary file is removed and `path` keeps
    what it held before.

    Parameters
    ----------
    path : path-like
        Where the finished file goes.

    Yields
    ------
    pathlib.Path
        The file to write to, in the folder of `path` (a rename is atomic only within one file system).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "plan.json"
    ...     with write_atomically(target) as temporary:
    ...         _ = temporary.write_text("{}")
    ...     target.read_text()
    '{}'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        # mkstemp makes the file private; a finished output gets the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def read_text(path: Path, refuse: Callable[[str], EquipoiseError], most_bytes: int = MOST_TEXT_BYTES) -> str:
    """Read a file as UTF-8 text.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    refuse : callable
        Makes the error from what is wrong with the file; the message names it.
    most_bytes : int
        The size up to which it is read.

    Raises
    ------
    EquipoiseError
        What `refuse` makes: the file cannot be read, is larger, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise refuse(f"Cannot read `{path}`: {getattr(error, 'strerror', None) or error}.") from error
    if len(data) > most_bytes:
        raise refuse(f"Cannot read `{path}`: it is larger than {most_bytes:,} bytes, more than such a file may hold.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse(f"Cannot read `{path}`: it is not UTF-8 text ({error}).") from None
