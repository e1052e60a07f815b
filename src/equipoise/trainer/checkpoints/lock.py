"""One process writes a folder: a lock in it, which the operating system releases when that process ends."""

import json
import os
import socket
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from equipoise.base.files import WITHOUT_LOCKS, refusing_unwritable, write_atomically
from equipoise.base.plain_json import read_json
from equipoise.errors import RunError, RunWarning

LOCK, HOLDER = ".lock", ".lock.json"
"""The lock, which stays when it is released, and the process that holds it."""
_SECONDS: Final = 10.0  # a process that was killed takes a moment to end


@contextmanager
def locked(folder: Path, seconds: float = _SECONDS) -> Generator[None]:
    """Let no other process write a folder, which is created, during the block; the same process may nest blocks.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of the checkpoints of one run, or of an evaluation.
    seconds : float
        How long to wait for a process that may be ending.

    Raises
    ------
    RunError
        If another process holds it; the message names it.

    Warns
    -----
    RunWarning
        If the file system has no locks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, locked(Path(name)):
    ...     sorted(path.name for path in Path(name).iterdir())
    ['.lock', '.lock.json']
    """
    with refusing_unwritable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.resolve() / LOCK, is_singleton=True)
        _acquire(lock, folder, time.monotonic() + seconds)
    try:
        with write_atomically(folder / HOLDER) as temporary:
            temporary.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: Path, end: float) -> None:
    while True:
        try:
            lock.acquire(timeout=0)
        except OSError as error:  # a timeout is one as well
            if error.errno in WITHOUT_LOCKS:
                message = f"The file system of `{folder}` has no locks: make sure that no other process writes there."
                warnings.warn(RunWarning("no-locks", message), stacklevel=4)
                return
            if not isinstance(error, Timeout):
                raise
        else:
            return
        if time.monotonic() > end:
            raise RunError(
                "in-use",
                f"`{folder}` is in use by {_holder(folder)}, which writes there. Wait until it has ended, or choose "
                "another folder.",
            )
        time.sleep(0.1)


def _holder(folder: Path) -> str:
    with suppress(RunError):
        held: Any = read_json(folder / HOLDER, RunError)
        if isinstance(held, dict) and type(held.get("pid")) is int and isinstance(held.get("host"), str):
            return f"process {held['pid']} on {held['host']}"
    return "another process"
