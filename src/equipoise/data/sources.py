"""Find the sources that a path, a glob, a folder, a dataset or a list of these stands for."""

import glob
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, cast

from equipoise.data.delimited import Delimited
from equipoise.data.huggingface import from_object, from_saved
from equipoise.data.jsonl import JsonLines
from equipoise.data.parquet import Parquet
from equipoise.data.source import Source
from equipoise.errors import DataError

_READERS: Final[dict[str, Callable[[Path], Source]]] = {
    ".jsonl": JsonLines,
    ".ndjson": JsonLines,
    ".csv": Delimited,
    ".tsv": lambda path: Delimited(path, delimiter="\t"),
    ".parquet": Parquet,
}
SUPPORTED: Final = f"{', '.join(_READERS)} (each also with .gz)"


def find_sources(source: object) -> list[Source]:
    """Give the sources of rows that `source` stands for, in a fixed order.

    Parameters
    ----------
    source : path-like, str, datasets.Dataset, datasets.DatasetDict or an iterable of these
        A path is a file, a folder (its files of a known kind, those of its sub-folders too, hidden ones
        not), a folder written by `save_to_disk`, or a glob, in which `**` spans folders. The files of a
        folder or a glob are sorted by path.

    Returns
    -------
    list of Source
        At least one.

    Raises
    ------
    DataError
        Nothing is found, a file is not of a known kind, or the same file is meant twice.
    """
    found = _find(source)
    if not found:
        raise DataError("No source of records was given. Pass a path, a glob, a folder or a dataset.")
    seen: set[Path] = set()
    for path in (Path(one.name).resolve() for one in found if isinstance(one, JsonLines | Delimited | Parquet)):
        if path in seen:
            raise DataError(f"{path}: the file is given twice, which would double its rows. Give it once.")
        seen.add(path)
    return found


def _find(source: object) -> list[Source]:
    dataset = from_object(source)
    if dataset is not None:
        return dataset
    if isinstance(source, str | os.PathLike):
        return _find_path(os.fspath(cast("str | os.PathLike[str]", source)))
    if isinstance(source, Iterable) and not isinstance(source, bytes | dict):
        return [one for part in cast("Iterable[object]", source) for one in _find(part)]
    raise DataError(
        "`source` must be a path, a glob, a folder, a `datasets.Dataset`, a `datasets.DatasetDict` or a list "
        f"of these, found {type(source).__name__}."
    )


def _find_path(name: str) -> list[Source]:
    path = Path(name).expanduser()
    if path.is_dir():
        return from_saved(path) or _find_folder(path)
    if path.is_file():
        return [_open(path)]
    if not glob.has_magic(name):
        raise DataError(f"{path}: no such file or folder{_beside(path)}.")
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute too
    if not matches:
        raise DataError(f"{path}: no file matches this pattern (the current folder is {Path.cwd()}).")
    return [one for match in matches if match.is_file() for one in [_open(match)]]


def _find_folder(folder: Path) -> list[Source]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    found = [_open(path) for path in files if _kind(path) in _READERS]
    if not found:
        raise DataError(f"{folder}: the folder holds no file of a supported kind: {SUPPORTED}.")
    return found


def _open(path: Path) -> Source:
    reader = _READERS.get(_kind(path))
    if reader is None:
        hint = " If it holds one object per line, name it .jsonl." if _kind(path) == ".json" else ""
        raise DataError(
            f"{path}: the kind of file `{_kind(path) or path.name}` is not supported, expected {SUPPORTED}.{hint}"
        )
    return reader(path)


def _kind(path: Path) -> str:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower()


def _beside(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f" (there is no folder {parent})"
    names = sorted(other.name for other in parent.iterdir() if _kind(other) in _READERS)
    return f" (beside it: {', '.join(names[:5])})" if names else ""
