"""Find the sources of a path, a glob, a folder, a dataset or a list of these, and cut them into parts."""

import dataclasses
import glob
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa

from equipoise.base.arrow import loading
from equipoise.data.columns import canonical_splits
from equipoise.data.readers.delimited import Delimited
from equipoise.data.readers.huggingface import from_object, from_saved
from equipoise.data.readers.in_memory import Rows, from_table
from equipoise.data.readers.jsonl import JsonLines
from equipoise.data.readers.options import DEFAULT_OPTIONS, ReadOptions
from equipoise.data.readers.parquet import Parquet
from equipoise.data.readers.source import FileSource, Source
from equipoise.errors import DataError


def _lines(path: Path, how: ReadOptions) -> Source:
    return JsonLines(path, limits=how.limits, encoding=how.encoding)


def _delimited(delimiter: str) -> Callable[[Path, ReadOptions], Source]:
    return lambda path, how: Delimited(path, how.delimiter or delimiter, limits=how.limits, encoding=how.encoding)


_READERS: Final[dict[str, Callable[[Path, ReadOptions], Source]]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".parquet": lambda path, how: Parquet(path, limits=how.limits),
}
_NUMBERED: Final = re.compile(r"[-_]\d+([-_]of[-_]\d+)?$")
SUPPORTED: Final = f"{', '.join(_READERS)} (each also with .gz)"


def find_sources(source: object, how: ReadOptions = DEFAULT_OPTIONS) -> list[Source]:
    """Return the sources of rows that `source` names, in a fixed order.

    Parameters
    ----------
    source : path-like, str, table, datasets.Dataset, datasets.DatasetDict, list of dicts or an iterable of these
        A path is a file, a folder (all files of a supported format, also in sub-folders, except hidden ones),
        a folder written by `save_to_disk`, or a glob, in which `**` spans folders. The files of a folder or a
        glob are sorted by path. Links must stay inside the folder (for a glob: inside the part before its first
        wildcard).
    how : ReadOptions
        How files are read, and the names of splits.

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
    found = _find(source, how)
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


def _find(source: object, how: ReadOptions) -> list[Source]:
    dataset = from_object(source, how.splits)
    if dataset is not None:
        return dataset
    table = from_table(source)
    if table is not None:
        return [table]
    if isinstance(source, str | os.PathLike):
        return _find_path(os.fspath(cast("str | os.PathLike[str]", source)), how)
    # Other iterables, such as a column of a table, are not taken for a list of paths.
    if isinstance(source, Sequence | set | frozenset | Iterator) and not isinstance(source, bytes):
        given = list(cast("Iterable[object]", source))
        if given and all(isinstance(one, Mapping) and from_object(one, how.splits) is None for one in given):
            return [Rows("list of dicts", cast("list[Mapping[str, Any]]", given))]
        return _with_splits([one for part in given for one in _find(part, how)], how)
    raise DataError(
        "not-a-source",
        "`source` must be a path, a glob, a folder, a table (pandas, polars, Arrow), a list of dicts, a "
        f"`datasets.Dataset`, a `datasets.DatasetDict` or a list of these, found {type(source).__name__}."
        + loading(source),
    )


def _with_splits(found: list[Source], how: ReadOptions) -> list[Source]:
    """Give files the split that they are named after, if each of them is (train.csv, dev.csv; test-00000-of-00002)."""
    if not all(isinstance(one, FileSource) for one in found):
        return found
    names = pa.chunked_array(
        [[_NUMBERED.sub("", Path(one.name).name.split(".")[0]) for one in found]], pa.large_string()
    )
    splits: list[str | None] = canonical_splits(names, how.splits).to_pylist()
    if None in splits or len(set(splits)) < 2:
        return found
    return [dataclasses.replace(one, split=split) for one, split in zip(found, splits, strict=True)]


def _find_path(name: str, how: ReadOptions) -> list[Source]:
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return from_saved(path, how.splits) or _find_folder(path, how)
        return [_open(path, how)] if path.is_file() else _find_glob(path, how)
    except DataError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, no such user, a NUL or a bad pattern
        raise DataError("not-a-path", f"{name!r:.200} cannot be read as a path: {error}.") from error


def _find_glob(pattern: Path, how: ReadOptions) -> list[Source]:
    if not glob.has_magic(str(pattern)):
        raise DataError("no-such-file", f"{pattern}: no such file or folder{_beside(pattern)}.")
    matches = sorted(Path(match) for match in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - absolute too
    if not matches:
        sentence = f"no file matches this pattern (the current folder is {Path.cwd()})."
        raise DataError("no-such-file", f"{pattern}: {sentence}")
    start = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts))
    files = [match for match in matches if match.is_file() and _is_inside(match, start)]
    return _with_splits([_open(file, how) for file in files], how)


def _find_folder(folder: Path, how: ReadOptions) -> list[Source]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    found = [_open(path, how) for path in files if _kind(path) in _READERS and _is_inside(path, folder)]
    if not found:
        raise DataError("no-such-file", f"{folder}: the folder holds no file of a supported format: {SUPPORTED}.")
    return _with_splits(found, how)


def _is_inside(path: Path, folder: Path) -> bool:
    """Return True if a file is in the folder, links resolved; raise an error if not."""
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        sentence = f"leads out of {folder}, to {real}. Name that file itself if this is intended."
        raise DataError("outside-folder", f"{path}: {sentence}")
    return True


def _open(path: Path, how: ReadOptions) -> Source:
    reader = _READERS.get(_kind(path))
    if reader is None:
        hint = " If it has one object per line, name it .jsonl." if _kind(path) == ".json" else ""
        sentence = f"the file format `{_kind(path) or path.name}` is not supported, expected {SUPPORTED}.{hint}"
        raise DataError("unknown-format", f"{path}: {sentence}")
    return reader(path, how)


def _kind(path: Path) -> str:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower()


def _beside(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f" (there is no folder {parent})"
    names = sorted(other.name for other in parent.iterdir() if _kind(other) in _READERS)
    return f" (in the same folder: {', '.join(names[:5])})" if names else ""
