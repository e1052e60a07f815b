"""Check that the index files of a folder that `save_to_disk` wrote name only files inside it."""

from pathlib import Path
from typing import Any, cast

from equipoise.base.files import read_text
from equipoise.base.plain_json import parse_json
from equipoise.errors import DataError


def check_inside(folder: Path, *, whole: bool) -> None:
    """Raise an error if index files of a saved dataset (whole: a `DatasetDict`) name files outside of it.

    Raises
    ------
    DataError
        If an index file is damaged, or names a split or a file outside of the folder, links resolved.
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
    """Return the names in an index file: strings, or objects with a `filename`."""
    place = f"{path.parent}: cannot be loaded as a saved Hugging Face dataset"
    values: object = parse_json(
        read_text(path, DataError), lambda why: DataError("damaged-file", f"{place} ({path.name}: {why}).")
    )
    found: list[str] = []
    for key in keys:
        listed: object = cast("dict[str, Any]", values).get(key) if isinstance(values, dict) else values
        for each in cast("list[object]", listed or []) if isinstance(listed, list | None) else [listed]:
            name = cast("dict[str, object]", each).get("filename") if isinstance(each, dict) else each
            if not isinstance(name, str):
                raise DataError(
                    "damaged-file",
                    f"{path}: `{key}` must be a list of names, found {each!r:.80}. Save the dataset again.",
                )
            found.append(name)
    return found


def _inside(start: Path, folder: Path, name: str) -> Path:
    try:
        inside = (start / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            "outside-folder", f"{folder}: names the file {name!r:.80}, which is not a valid path: {error}."
        ) from error
    if not inside:
        raise DataError(
            "outside-folder", f"{folder}: names the file {name!r:.80}, which is outside of it. Save the dataset again."
        )
    return start / name
