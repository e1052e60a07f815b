"""A folder that `save_to_disk` wrote names its own files: only those inside it are opened."""

from pathlib import Path
from typing import Any, cast

from equipoise.base.files import read_text
from equipoise.base.plain_json import parse_json
from equipoise.errors import DataError


def check_inside(folder: Path, *, whole: bool) -> None:
    """Refuse a saved dataset (whole: a `DatasetDict`) whose index files name places outside of it.

    Raises
    ------
    DataError
        An index file is broken, or names a split or a file that lies, links followed, outside of the folder.
    """
    if not whole:
        _check_files(folder, folder)
        return
    for split in _names(folder / "dataset_dict.json", ("splits",)):
        _check_files(_inside(folder, folder, split), folder)


def _check_files(dataset: Path, folder: Path) -> None:
    names = _names(dataset / "state.json", ("_data_files", "_indices_data_files"))
    for name in ("dataset_info.json", *names):
        _inside(dataset, folder, name)


def _names(path: Path, keys: tuple[str, ...]) -> list[str]:
    """The names in an index file: texts, or objects with a `filename`."""
    place = f"{path.parent}: cannot be loaded as a saved Hugging Face dataset"
    values: object = parse_json(read_text(path, DataError), lambda why: DataError(f"{place} ({path.name}: {why})."))
    found: list[str] = []
    for key in keys:
        listed: object = cast("dict[str, Any]", values).get(key) if isinstance(values, dict) else values
        for each in cast("list[object]", listed or []) if isinstance(listed, list | None) else [listed]:
            name = cast("dict[str, object]", each).get("filename") if isinstance(each, dict) else each
            if not isinstance(name, str):
                raise DataError(f"{path}: `{key}` must be a list of names, found {each!r:.80}. Save the dataset again.")
            found.append(name)
    return found


def _inside(start: Path, folder: Path, name: str) -> Path:
    try:
        inside = (start / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{folder}: names the file {name!r:.80}, which cannot be: {error}.") from error
    if not inside:
        raise DataError(f"{folder}: names the file {name!r:.80}, which lies outside of it. Save the dataset again.")
    return start / name
