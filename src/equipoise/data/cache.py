"""The cache directory: folders that are made once from the same content, by one process, and mapped by all."""

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import platformdirs
import xxhash
from filelock import FileLock, Timeout

from equipoise.base.files import WITHOUT_LOCKS, refusing_unwritable, to_disk, write_atomically
from equipoise.base.plain_json import read_json
from equipoise.errors import RunError

MANIFEST: Final = "manifest.json"
"""The file of an entry that is written last: the size and the checksum of every other."""
_T = TypeVar("_T")
_NAME: Final = re.compile(r"(rows|tokens)-[0-9a-f]{32}")
_READ: Final = 1 << 20  # bytes


class Entry(NamedTuple):
    """An entry of the cache: its folder, what it holds, its size, and when it was last opened (seconds since 1970)."""

    folder: Path
    kind: str
    size: int
    opened: float


def default_cache() -> Path:
    """Return the cache directory of this user, where the operating system wants it; it may not exist yet."""
    return Path(platformdirs.user_cache_dir("equipoise", appauthor=False))


def made(cache: Path, name: str, make: Callable[[Path], None], opened: Callable[[Path], _T]) -> _T:
    """Open an entry, which one process makes while the others wait for it.

    It is made under another name, sealed and renamed: a process that is killed leaves nothing that is taken for an
    entry, and what it leaves is removed by the next. An entry that has changed since it was sealed is made again.

    Parameters
    ----------
    cache : pathlib.Path
        The cache directory, which is created.
    name : str
        "rows-" or "tokens-", and a fingerprint of all that decides the content.
    make : callable
        Writes the files into an empty folder.
    opened : callable
        Opens all of the files that are used of the folder of an entry, before another process may remove it.

    Returns
    -------
    object
        What `opened` returns.

    Raises
    ------
    RunError
        If the cache directory cannot be written, or its disk is full.
    """
    folder = cache / name
    with refusing_unwritable(folder):
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f".{name}.lock"):
            if is_intact(folder):
                os.utime(folder / MANIFEST)
                return opened(folder)
            for left in [*cache.glob(f".{name}.*.unfinished"), *([folder] if folder.exists() else [])]:
                shutil.rmtree(left)
            unfinished = cache / f".{name}.{secrets.token_hex(4)}.unfinished"
            try:
                unfinished.mkdir()
                make(unfinished)
                _seal(unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            to_disk(cache)
            return opened(folder)


def is_intact(folder: Path) -> bool:
    """Return whether a folder is an entry whose files are all as they were when it was made."""
    try:
        listed: Any = read_json(folder / MANIFEST, RunError)
        return all(
            (folder / name).stat().st_size == size and checksum(folder / name) == digest
            for name, (size, digest) in listed["files"].items()
        )
    except (RunError, OSError, LookupError, TypeError, ValueError, AttributeError):
        return False


def entries(cache: Path) -> list[Entry]:
    """Return the entries of a cache directory, the one that was opened last first.

    Examples
    --------
    >>> entries(Path("no/such/directory"))
    []
    """
    found: list[Entry] = []
    for folder in cache.glob("*-*"):
        kind = _NAME.fullmatch(folder.name)
        with suppress(OSError):  # another process removes it
            # Tokens are added as runs need them, and have no manifest: each reading of a row checks it.
            if kind is not None and (kind[1] == "tokens" or (folder / MANIFEST).is_file()):
                files = [path.stat() for path in folder.rglob("*") if path.is_file()]
                opened = folder if kind[1] == "tokens" else folder / MANIFEST
                found.append(Entry(folder, kind[1], sum(map(_size, files)), opened.stat().st_mtime))
    return sorted(found, key=lambda entry: -entry.opened)


def clear(cache: Path) -> list[Entry]:
    """Remove the entries of a cache directory, and what was left of others; return those that were removed.

    An entry that is being made is left alone. A process that has mapped one keeps what it has mapped.

    Raises
    ------
    RunError
        If one cannot be removed.
    """
    removed = entries(cache)
    left = {path.name.split(".")[1] for ending in ("unfinished", "lock") for path in cache.glob(f".*.{ending}")}
    left |= {folder.name for folder in cache.glob("*-*")}
    for name in filter(_NAME.fullmatch, left):
        with refusing_unwritable(cache / name), suppress(Timeout), _locked(cache / f".{name}.lock", seconds=0):
            for path in [*cache.glob(f".{name}.*.unfinished"), cache / name]:
                if path.exists():
                    shutil.rmtree(path)
            with suppress(PermissionError):  # Windows, where a file that is open cannot be removed
                (cache / f".{name}.lock").unlink(missing_ok=True)
    return [entry for entry in removed if not entry.folder.exists()]


def _size(file: os.stat_result) -> int:
    """Return the bytes that a file takes, without the holes in it."""
    return min(file.st_size, getattr(file, "st_blocks", file.st_size) * 512)


def checksum(path: Path) -> str:
    """Return the 128-bit XXH3 of a file: it tells damage, at the speed of the memory."""
    digest = xxhash.xxh3_128()
    view = memoryview(bytearray(_READ))
    # Not through a map: where the file is cut meanwhile, or its disk fails, that would end the process.
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(view):
            digest.update(view[:count])
    return digest.hexdigest()


def fingerprint(parts: Iterable[object]) -> str:
    """Return 32 hexadecimal digits for some values, by how they are written.

    Examples
    --------
    >>> fingerprint(["a", 1]) == fingerprint(["a", 1]), fingerprint(["a", 1]) == fingerprint(["a", "1"])
    (True, False)
    """
    return xxhash.xxh3_128_hexdigest("\n".join(map(repr, parts)).encode())


def _seal(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        to_disk(path)
    sums = {path.relative_to(folder).as_posix(): (path.stat().st_size, checksum(path)) for path in files}
    with write_atomically(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps({"files": sums}), encoding="utf-8")


@contextmanager
def _locked(path: Path, seconds: float = -1) -> Generator[None]:
    """Let other processes wait during the block, where the file system has locks; else they make the same twice."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=seconds)
    except OSError as error:  # a timeout is one as well
        if error.errno not in WITHOUT_LOCKS:
            raise
    try:
        yield
    finally:
        lock.release()
