"""Write files so that a crash never leaves half of one, and read texts of bounded size."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from equipoise.errors import EquipoiseError, RunError

MOST_TEXT_BYTES: Final = 1 << 28
"""Of a file that is read as one text: a plan, a state, a configuration."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Generator[Path]:
    """Give a temporary path beside `path`; when the block ends without an error, rename it to `path`.

    The folder is made if it is missing. On an error the temporary file is removed and `path` keeps
    what it held before. What was renamed has reached the disk, so a loss of power keeps it too.

    Parameters
    ----------
    path : path-like
        Where the finished file goes.

    Yields
    ------
    pathlib.Path
        The file to write to, in the folder of `path` (a rename is atomic only within one file system).

    Raises
    ------
    RunError
        If the disk is full, or the folder cannot be written.

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
    with refusing_unwritable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=unfinished_name(target.name), suffix=target.suffix, dir=target.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        # mkstemp makes the file private; a finished output gets the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with refusing_unwritable(target, _FULL):
            yield temporary
        with refusing_unwritable(target):
            to_disk(temporary)
            temporary.replace(target)
            to_disk(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def unfinished_name(name: str) -> str:
    """How the names of temporary files begin that `write_atomically` makes for a file, and that a kill leaves."""
    return f".{name}."


def to_disk(path: Path) -> None:
    """Return once a file, or the list of names in a folder, is on the disk and outlives a loss of power."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return  # Windows opens no folders, and keeps their names itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def refusing_unwritable(path: Path, numbers: frozenset[int] | None = None) -> Generator[None]:
    """Turn the error of a full disk or of a folder without permission into a `RunError` that names the file.

    Parameters
    ----------
    path : pathlib.Path
        What is written.
    numbers : frozenset of int, optional
        The error numbers to look for; without them all, for a block that does nothing but write.

    Examples
    --------
    >>> with refusing_unwritable(Path("run/plan.json")):
    ...     raise OSError(errno.EROFS, "Read-only file system")
    Traceback (most recent call last):
    ...
    equipoise.errors.RunError: Cannot write `run/plan.json`: Read-only file system. Choose a folder that can be written.
    """
    try:
        yield
    except OSError as error:
        if numbers is not None and error.errno not in numbers:
            raise
        advice = "Choose a folder that can be written."
        if error.errno in _FULL:
            advice = f"{free_space(path)} Make room, then do it again."
        raise RunError(f"Cannot write `{path}`: {error.strerror or error}. {advice}") from error


def free_space(path: Path) -> str:
    """How much room is left where a file would lie, as a sentence."""
    there = next(each for each in path.absolute().parents if each.exists())
    return f"{shutil.disk_usage(there).free:,} bytes are free there."


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
