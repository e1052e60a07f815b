"""Hugging Face datasets, in memory or saved with `save_to_disk`.

`datasets` is imported only for such a source.
"""

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from equipoise.base.arrow import text_fields
from equipoise.base.files import read_text
from equipoise.base.plain_json import parse_json
from equipoise.data.columns import SPLITS, canonical_splits, mapping_of
from equipoise.data.readers.features import with_class_names
from equipoise.data.readers.source import MemorySource, Source
from equipoise.errors import DataError


@dataclasses.dataclass(frozen=True, slots=True)
class HuggingFace(MemorySource):
    """A `datasets.Dataset`: its rows as selected and ordered, class labels by their names."""

    dataset: Any
    saved_in: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of a dataset that was saved with `save_to_disk`."""
        if self.saved_in is None:
            return ()
        return tuple(sorted(path for path in self.saved_in.rglob("*") if path.is_file()))

    def text_columns(self) -> list[str]:
        """Return the names of the columns that `as_text` takes."""
        return text_fields(self.dataset.features.arrow_schema)

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing, or a class label has no name.
        """
        names = self.chosen(self.dataset.column_names, required, optional)
        # Iterating follows the indices of `filter`, `select` and `shuffle`; `.data.table` does not.
        rows = self.dataset.select_columns(names).with_format("arrow")
        classes = {
            name: cast("list[str]", feature.names)
            for name, feature in rows.features.items()
            if type(feature).__name__ == "ClassLabel" and feature.names
        }
        first_row = 0
        for table in self._tables(rows):
            yield with_class_names(table, classes, self, first_row)
            first_row += table.num_rows

    def _tables(self, rows: Any) -> Iterator[pa.Table]:
        try:
            yield from rows.iter(batch_size=self.batch_rows)
        except Exception as error:  # of a damaged file: Arrow raises a dozen classes of errors
            raise self.error("damaged-file", f"cannot be read ({error}). Save the dataset again.") from error


def from_object(source: object, splits: Mapping[str, str]) -> list[Source] | None:
    """Return the sources in a `datasets` object, or None if `source` is not one.

    Raises
    ------
    DataError
        If it is a streamed dataset, or a key of a `DatasetDict` is not the name of a split.
    """
    datasets: Any = sys.modules.get("datasets")  # such an object exists only if it is imported
    if datasets is None:
        return None
    if isinstance(source, datasets.DatasetDict):
        return _splits_of(source, "DatasetDict", splits)
    if isinstance(source, datasets.Dataset):
        return [HuggingFace("Dataset", source)]
    if isinstance(source, datasets.IterableDataset | datasets.IterableDatasetDict):
        sentence = f"A {type(source).__name__} cannot be drawn from at random."
        raise DataError("streamed-dataset", f"{sentence} Load it without `streaming=True`.")
    return None


def from_saved(folder: Path, splits: Mapping[str, str]) -> list[Source] | None:
    """Return the sources in a folder that `save_to_disk` wrote, or None if it is not one.

    Raises
    ------
    DataError
        If the folder is one, but cannot be loaded, or `datasets` is not installed.
    """
    whole = (folder / "dataset_dict.json").is_file()
    if not whole and not ((folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()):
        return None
    try:
        import datasets  # noqa: PLC0415 - a heavy library that most readings do without
    except ImportError as error:
        sentence = "reading a saved Hugging Face dataset needs `datasets`. Install it: pip install datasets."
        raise DataError("not-installed", f"{folder}: {sentence}") from error
    _check_inside(folder, whole=whole)
    try:
        loaded: Any = datasets.load_from_disk(str(folder))
    except Exception as error:  # a damaged dataset raises errors of any class
        raise _unloadable(folder, error) from error
    return _splits_of(loaded, str(folder), splits, folder) if whole else [HuggingFace(str(folder), loaded, folder)]


def _splits_of(mapping: Any, name: str, splits: Mapping[str, str], folder: Path | None = None) -> list[Source]:
    sources: list[Source] = []
    for key, dataset in mapping.items():
        split: str | None = canonical_splits(pa.chunked_array([[key]], pa.large_string()), splits)[0].as_py()
        if split is None:
            sentence = f"the key `{key}` is not the name of a split, expected {', '.join(SPLITS)}."
            raise DataError("unknown-split", f"{name}: {sentence} {mapping_of(key)} Or pass some of the keys.")
        saved_in = None if folder is None else folder / key
        sources.append(HuggingFace(f"{name}[{key!r}]", dataset, saved_in, split=split))
    return sources


def _check_inside(folder: Path, *, whole: bool) -> None:
    """Raise a DataError if an index file is damaged, or names a split or a file outside of the folder, links resolved.

    A whole one has the index file of a `DatasetDict` too.
    """
    splits = _names(folder / "dataset_dict.json", "splits") if whole else ["."]
    for dataset in [_inside(folder, folder, split) for split in splits]:
        for name in ("dataset_info.json", *_names(dataset / "state.json", "_data_files", "_indices_data_files")):
            _inside(dataset, folder, name)


def _names(path: Path, *keys: str) -> list[str]:
    """Return the names in an index file: strings, or objects with a `filename`."""
    values: object = parse_json(read_text(path, DataError), lambda why: _unloadable(path.parent, f"{path.name}: {why}"))
    found: list[str] = []
    for key in keys:
        listed: object = cast("dict[str, Any]", values).get(key) if isinstance(values, dict) else values
        for each in cast("list[object]", listed or []) if isinstance(listed, list | None) else [listed]:
            name = cast("dict[str, object]", each).get("filename") if isinstance(each, dict) else each
            if not isinstance(name, str):
                sentence = f"`{key}` must be a list of names, found {each!r:.80}. Save the dataset again."
                raise DataError("damaged-file", f"{path}: {sentence}")
            found.append(name)
    return found


def _inside(start: Path, folder: Path, name: str) -> Path:
    problem = "is outside of it. Save the dataset again."
    try:
        if (start / name).resolve().is_relative_to(folder.resolve()):
            return start / name
    except (OSError, RuntimeError, ValueError) as error:
        problem = f"is not a valid path: {error}."
    raise DataError("outside-folder", f"{folder}: names the file {name!r:.80}, which {problem}")


def _unloadable(folder: Path, why: object) -> DataError:
    return DataError("damaged-file", f"{folder}: cannot be loaded as a saved Hugging Face dataset ({why}).")
