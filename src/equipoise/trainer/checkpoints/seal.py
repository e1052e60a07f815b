"""A checkpoint or model is whole when it is sealed: the checksums of its files come last, as `sha256sum` writes them.

safetensors does not notice a flipped bit in a tensor, and a rename does not prove that the data has reached the disk;
the seal proves both. `sha256sum -c SHA256SUMS` checks it by hand.
"""

import hashlib
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

from equipoise.base.files import read_text, to_disk, write_atomically
from equipoise.errors import StateError
from equipoise.models.base_model import BASE
from equipoise.trainer.checkpoints.position import FILE_NAME

SEAL = "SHA256SUMS"
UNFINISHED = "UNFINISHED"
"""A file in a checkpoint from its beginning to its seal. A folder with neither file was written by others."""
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_CHANGED = "has changed since it was written"


def is_sealed(folder: Path) -> bool:
    """Return whether a checkpoint was completed; `damage_of` checks that it has not changed since."""
    return (folder / SEAL).is_file()


def has_lost_seal(folder: Path) -> bool:
    """Return whether a checkpoint was completed and its seal is gone: it has its position, and is not unfinished."""
    return (folder / FILE_NAME).is_file() and not is_sealed(folder) and not (folder / UNFINISHED).exists()


def is_foreign(path: Path) -> bool:
    """Return whether others made what is at a path: an unsealed checkpoint of Equipoise is marked, or still empty.

    A file is the work of others, and so is a link, wherever it leads.
    """
    if path.is_symlink() or not path.is_dir():
        return os.path.lexists(path)
    return not is_sealed(path) and not (path / UNFINISHED).exists() and any(path.iterdir())


def seal(folder: Path) -> None:
    """Write the checksums of all files of a folder, once these are on the disk.

    The position in the stream comes last, so that the list of a checkpoint that was cut off is not taken for a whole
    one.
    """
    lines: list[str] = []
    for path in sorted(_files(folder), key=lambda path: (path.name == FILE_NAME, path)):
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
    sums = _sums(folder)
    if isinstance(sums, str):
        return sums
    if list(sums)[-1:] != [FILE_NAME]:
        return f"`{SEAL}` {_CHANGED}"
    return _difference(folder, sums)


def damage_of_model(folder: Path) -> str | None:
    """Return what is wrong with a sealed model. A file that was added is damage too, as it might be loaded.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     _ = (folder / "config.json").write_text("{}")
    ...     seal(folder)
    ...     before = damage_of_model(folder)
    ...     _ = (folder / "adapter_config.json").write_text("{}")
    ...     before, damage_of_model(folder)
    (None, '`adapter_config.json` was added since it was written')
    """
    sums = _sums(folder)
    if isinstance(sums, str):
        return sums
    added = sorted({path.relative_to(folder).as_posix() for path in _files(folder)} - sums.keys())
    return f"`{added[0]}` was added since it was written" if added else _difference(folder, sums)


def fingerprint_of_weights(folder: Path) -> str:
    """Return the SHA-256 of a model's weights: the names and contents of their files, and the base of an adapter."""
    digest = hashlib.sha256()
    kept = {".safetensors", ".bin"}
    for path in sorted(path for path in folder.iterdir() if path.suffix in kept or path.name == BASE):
        digest.update(f"{path.name}:{path.stat().st_size}:".encode())
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def discard(folder: Path) -> None:
    """Remove a checkpoint; wherever this is cut off, the rest is not taken for a whole one."""
    if not folder.exists():
        return
    with suppress(FileNotFoundError):
        (folder / SEAL).replace(folder / UNFINISHED)
    for each in folder.iterdir():
        if each.name != UNFINISHED:
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    shutil.rmtree(folder)


def _files(folder: Path) -> list[Path]:
    ours = {folder / SEAL, folder / UNFINISHED}
    return [path for path in folder.rglob("*") if path.is_file() and path not in ours]


def _sums(folder: Path) -> dict[str, str] | str:
    """Return the checksums by file in their order, or what is wrong with the list."""
    if not is_sealed(folder):
        return f"it has no `{SEAL}`, so its writing was cut off, or it was not written by Equipoise"
    try:
        text = read_text(folder / SEAL, StateError)
    except StateError as error:
        return str(error)
    lines = [line.groups() for line in map(_LINE.fullmatch, text.split("\n")) if line is not None]
    if not text.endswith("\n") or len(lines) < text.count("\n"):
        return f"`{SEAL}` {_CHANGED}"
    return {name: checksum for checksum, name in lines}


def _difference(folder: Path, sums: dict[str, str]) -> str | None:
    for name, checksum in sums.items():
        path = folder / name
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute() or not path.is_file():
            return f"`{name}` is missing"
        try:
            if _checksum(path) != checksum:
                return f"`{name}` {_CHANGED}"
        except OSError as error:
            return f"`{name}` cannot be read ({error.strerror or error})"
    return None


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
