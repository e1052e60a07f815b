"""Find the sources of a path, a glob, a folder, a dataset or a list of these, and cut them into parts."""

import glob
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, cast

from equipoise.data.readers.delimited import Delimited
from equipoise.data.readers.huggingface import from_object, from_saved
from equipoise.data.readers.jsonl import JsonLines
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.parquet import Parquet
from equipoise.data.readers.source import FileSource, Source
from equipoise.errors import DataError

_READERS: Final[dict[str, Callable[[Path, Limits], Source]]] = {
    ".jsonl": lambda path, limits: JsonLines(path, limits=limits),
    ".ndjson": lambda path, limits: JsonLines(path, limits=limits),
    ".csv": lambda path, limits: Delimited(path, limits=limits),
    ".tsv": lambda path, limits: Delimited(path, delimiter="\t", limits=limits),
    ".parquet": lambda path, limits: Parquet(path, limits=limits),
}
SUPPORTED: Final = f"{', '.join(_READERS)} (each also with .gz)"


def find_sources(source: object, limits: Limits = DEFAULT_LIMITS) -> list[Source]:
    """Return the sources of rows that `source` names, in a fixed order.

    Parameters
    ----------
    source : path-like, str, datasets.Dataset, datasets.DatasetDict or an iterable of these
        A path is a file, a folder (all files of a supported format, also in sub-folders, except hidden ones),
        a folder written by `save_to_disk`, or a glob, in which `**` spans folders. The files of a folder or a
        glob are sorted by path. Links must stay inside the folder (for a glob: inside the part before its first
        wildcard).
    limits : Limits
        Sizes above which a file is refused.

    Returns
    -------
    list of Source
        At least one.

    Raises
    ------
    DataError
        If nothing is found, a file is not of a supported format, a file is duplicate, or a link leads out of the
        folder.
    """
    found = _find(source, limits)
    if not found:
        raise DataError("no-source", "No source of records was given. Pass a path, a glob, a folder or a dataset.")
    seen: set[Path] = set()
    for path in (Path(one.name).resolve() for one in found if isinstance(one, FileSource)):
        if path in seen:
            raise DataError("duplicate-source", f"{path}: duplicate file, which would double its rows. Name it once.")
        seen.add(path)
    return found


def parts_of(source: Source, most_bytes: int) -> Sequence[Source]:
    """Return the parts of a source, which several processes can read; one that cannot be read is one part."""
    try:
        return source.cut(most_bytes)
    except (DataError, OSError):  # reading it raises the error
        return [source]


def _find(source: object, limits: Limits) -> list[Source]:
    dataset = from_object(source)
    if dataset is not None:
        return dataset
    if isinstance(source, str | os.PathLike):
        return _find_path(os.fspath(cast("str | os.PathLike[str]", source)), limits)
    if isinstance(source, Iterable) and not isinstance(source, bytes | dict):
        return [one for part in cast("Iterable[object]", source) for one in _find(part, limits)]
    raise DataError(
        "not-a-source",
        "`source` must be a path, a glob, a folder, a `datasets.Dataset`, a `datasets.DatasetDict` or a list "
        f"of these, found {type(source).__name__}.",
    )


def _find_path(name: str, limits: Limits) -> list[Source]:
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return from_saved(path) or _find_folder(path, limits)
        return [_open(path, limits)] if path.is_file() else _find_glob(path, limits)
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, no such user, a NUL or a bad pattern
        raise DataError("not-a-path", f"{name!r:.200} cannot be read as a path: {error}.") from error


def _find_glob(pattern: Path, limits: Limits) -> list[Source]:
    if not glob.has_magic(str(pattern)):
        raise DataError("no-such-file", f"{pattern}: no such file or folder{_beside(pattern)}.")
    matches = sorted(Path(match) for match in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - absolute too
    if not matches:
        sentence = f"no file matches this pattern (the current folder is {Path.cwd()})."
        raise DataError("no-such-file", f"{pattern}: {sentence}")
    start = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts))
    return [_open(match, limits) for match in matches if match.is_file() and _is_inside(match, start)]


def _find_folder(folder: Path, limits: Limits) -> list[Source]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    found = [_open(path, limits) for path in files if _kind(path) in _READERS and _is_inside(path, folder)]
    if not found:
        raise DataError("no-such-file", f"{folder}: the folder holds no file of a supported format: {SUPPORTED}.")
    return found


def _is_inside(path: Path, folder: Path) -> bool:
    """Return True if a file is in the folder, links resolved; raise an error if not."""
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        sentence = f"leads out of {folder}, to {real}. Name that file itself if this is intended."
        raise DataError("outside-folder", f"{path}: {sentence}")
    return True


def _open(path: Path, limits: Limits) -> Source:
    reader = _READERS.get(_kind(path))
    if reader is None:
        hint = " If it has one object per line, name it .jsonl." if _kind(path) == ".json" else ""
        sentence = f"the file format `{_kind(path) or path.name}` is not supported, expected {SUPPORTED}.{hint}"
        raise DataError("unknown-format", f"{path}: {sentence}")
    return reader(path, limits)


def _kind(path: Path) -> str:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower()


def _beside(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f" (there is no folder {parent})"
    names = sorted(other.name for other in parent.iterdir() if _kind(other) in _READERS)
    return f" (in the same folder: {', '.join(names[:5])})" if names else ""
