"""A checkpoint is whole when it is sealed: the checksums of its files are written last, as `sha256sum` writes them.

safetensors does not notice a flipped bit in a tensor, and a rename does not prove that the data has reached the disk;
the seal proves both. `sha256sum -c SHA256SUMS` checks it by hand.
"""

import hashlib
import re
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

from equipoise.base.files import read_text, to_disk, write_atomically
from equipoise.errors import StateError
from equipoise.trainer.checkpoints.position import FILE_NAME

SEAL = "SHA256SUMS"
UNFINISHED = "UNFINISHED"
"""A file in a checkpoint from its beginning to its seal. A folder with neither file was written by others."""
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def is_sealed(folder: Path) -> bool:
    """Return whether a checkpoint was completed; `damage_of` checks that it has not changed since."""
    return (folder / SEAL).is_file()


def is_foreign(folder: Path) -> bool:
    """Return whether others wrote a folder: an unsealed checkpoint of Equipoise is marked, or still empty."""
    return not is_sealed(folder) and not (folder / UNFINISHED).exists() and any(folder.iterdir())


def seal(folder: Path) -> None:
    """Write the checksums of all files of a checkpoint, once these are on the disk.

    The position in the stream comes last, so that a list that was cut off is not taken for a whole one.
    """
    lines: list[str] = []
    ours = {folder / SEAL, folder / UNFINISHED}
    files = [path for path in folder.rglob("*") if path.is_file() and path not in ours]
    for path in sorted(files, key=lambda path: (path.name == FILE_NAME, path)):
        to_disk(path)
        lines.append(f"{_checksum(path)}  {path.relative_to(folder).as_posix()}\n")
    with write_atomically(folder / SEAL) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
    to_disk(folder.parent)
    (folder / UNFINISHED).unlink(missing_ok=True)


def damage_of(folder: Path) -> str | None:
    """Return what is wrong with a checkpoint, after reading all of it; None if every file is as it was when sealed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     _ = (folder / FILE_NAME).write_text("{}")
    ...     seal(folder)
    ...     before = damage_of(folder)
    ...     _ = (folder / FILE_NAME).write_text("[]")
    ...     before, damage_of(folder)
    (None, '`equipoise_stream.json` has changed since it was written')
    """
    if not is_sealed(folder):
        return f"it has no `{SEAL}`, so its writing was cut off, or it was not written by Equipoise"
    try:
        text = read_text(folder / SEAL, StateError)
    except StateError as error:
        return str(error)
    lines = [line.groups() for line in map(_LINE.fullmatch, text.split("\n")) if line is not None]
    if not text.endswith(f"  {FILE_NAME}\n") or len(lines) < text.count("\n"):
        return f"`{SEAL}` has changed since it was written"
    for checksum, name in lines:
        path = folder / name
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute() or not path.is_file():
            return f"`{name}` is missing"
        try:
            if _checksum(path) != checksum:
                return f"`{name}` has changed since it was written"
        except OSError as error:
            return f"`{name}` cannot be read ({error.strerror or error})"
    return None


def discard(folder: Path) -> None:
    """Remove a checkpoint; wherever this is cut off, the rest is not taken for a whole one."""
    if not folder.exists():
        return
    with suppress(FileNotFoundError):
        (folder / SEAL).replace(folder / UNFINISHED)
    for each in folder.iterdir():
        if each.name != UNFINISHED:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    shutil.rmtree(folder)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
