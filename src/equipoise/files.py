"""Write files so that a crash never leaves half of one: a temporary file beside it, then a rename."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


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
