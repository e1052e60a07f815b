"""Write files atomically and durably, and read text files of bounded size."""

import errno
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, overload

from equipoise.errors import EquipoiseError, RunError

try:
    import fcntl
except ImportError:  # Windows, where an open file could not be renamed
    fcntl = None

MOST_TEXT_BYTES: Final = 1 << 28
"""Size limit of a file that is read as one string: a plan, a state, a configuration."""
_DAY: Final = 86_400.0  # seconds
WITHOUT_LOCKS: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
"""The numbers of errors of a file system that has no locks."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Generator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` when the block ends without an error.

    The folder is created if it is missing. On an error the temporary file is removed and `path` is left unchanged.
    The file is flushed to disk before it is renamed, so it survives a loss of power. What an earlier process left of
    the same file when it was killed is removed.

    Parameters
    ----------
    path : path-like
        Path of the finished file.

    Yields
    ------
    pathlib.Path
        The file to write to, in the folder of `path` (a rename is atomic only within one file system).

    Raises
    ------
    RunError
        If the disk is full, or the folder is not writable.

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
        _refuse_folder(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_left(target)
        # Not by tempfile, which makes files private: a finished output gets the permissions of any new file.
        temporary = target.with_name(f"{unfinished_name(target.name)}{secrets.token_hex(4)}{target.suffix}")
        temporary.touch(exist_ok=False)
    try:
        with _writing(temporary):
            with refusing_unwritable(target, _FULL):
                yield temporary
            with refusing_unwritable(target):
                to_disk(temporary)
                temporary.replace(target)
                to_disk(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def unfinished_name(name: str) -> str:
    """Return the prefix of the temporary files of `write_atomically`, which a kill leaves behind."""
    return f".{name}."


def remove_left(target: Path) -> None:
    """Remove the temporary files of a target whose writers have ended, as their locks show.

    Where there are no locks, those that have not changed for a day are removed.
    """
    pattern = re.compile(re.escape(unfinished_name(target.name)) + "[0-9a-f]{8}" + re.escape(target.suffix))
    with suppress(OSError):
        for path in target.parent.iterdir():
            if pattern.fullmatch(path.name) and not path.is_symlink():
                with suppress(OSError), _writing(path) as alone:  # another user's, or removed by another process
                    if alone or (alone is None and time.time() - path.stat().st_mtime > _DAY):
                        path.unlink()


@contextmanager
def _writing(path: Path) -> Generator[bool | None]:
    """Lock a temporary file, and yield whether no other process has; None if that cannot be known.

    The system releases the lock when the process ends, however it ends.
    """
    if fcntl is None:
        yield None
        return
    handle = os.open(path, os.O_RDWR)  # NFS locks only what can be written
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except OSError as error:
            alone = False if isinstance(error, BlockingIOError) else None
        yield alone
    finally:
        os.close(handle)


def to_disk(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return  # Windows cannot open folders, and flushes their entries itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def refusing_unwritable(path: Path, numbers: frozenset[int] | None = None) -> Generator[None]:
    """Turn the error of a full disk or of a missing permission into a `RunError` that names the file.

    Parameters
    ----------
    path : pathlib.Path
        The file that is written.
    numbers : frozenset of int, optional
        The error numbers to convert; all by default, for a block that only writes.

    Examples
    --------
    >>> with refusing_unwritable(Path("run/plan.json")):
    ...     raise OSError(errno.EROFS, "Read-only file system")
    Traceback (most recent call last):
    ...
    equipoise.errors.RunError: Cannot write `run/plan.json`: Read-only file system. Choose a writable folder.
    """
    try:
        yield
    except OSError as error:
        if numbers is not None and error.errno not in numbers:
            raise
        advice = "Choose a writable folder."
        if error.errno in _FULL:
            advice = f"{free_space(path)} Free some space and try again."
        raise RunError("cannot-write", f"Cannot write `{path}`: {error.strerror or error}. {advice}") from error


def _refuse_folder(target: Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def refuse_unwritable(target: Path) -> None:
    """Raise a RunError, before any work is done for it, if a file cannot be written; its folder is created.

    Examples
    --------
    >>> refuse_unwritable(Path("/"))
    Traceback (most recent call last):
    ...
    equipoise.errors.RunError: Cannot write `/`: Is a directory. Choose a writable folder.
    """
    with refusing_unwritable(target):
        _refuse_folder(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent) as file:
            file.write(b"0")


def free_space(path: Path) -> str:
    """Return a sentence that says how much space is left on the disk of a path."""
    there = next(each for each in path.absolute().parents if each.exists())
    return f"{shutil.disk_usage(there).free:,} bytes are free there."


def read_text(path: Path, error: type[EquipoiseError], most_bytes: int = MOST_TEXT_BYTES) -> str:
    """Read a file as UTF-8 text.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    error : type of EquipoiseError
        The class of the error; its code is "cannot-read" and its message names the file.
    most_bytes : int
        The largest size that is read.

    Raises
    ------
    EquipoiseError
        If the file cannot be read, is larger, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as problem:  # ValueError: a path with a NUL
        why = getattr(problem, "strerror", None) or problem
        raise error("cannot-read", f"Cannot read `{path}`: {why}.") from problem
    if len(data) > most_bytes:
        raise error("cannot-read", f"Cannot read `{path}`: it is larger than the limit of {most_bytes:,} bytes.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise error("cannot-read", f"Cannot read `{path}`: it is not UTF-8 text ({problem}).") from None


class Entry:
    """A file or folder of a directory: the attribute of an instance is its path, that of the class the entry itself."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, directory: None, owner: type) -> "Entry": ...
    @overload
    def __get__(self, directory: Any, owner: type) -> Path: ...
    def __get__(self, directory: Any, owner: type) -> "Entry | Path":
        return self if directory is None else directory.path / self.name
