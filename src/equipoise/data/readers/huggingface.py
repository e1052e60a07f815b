"""Hugging Face datasets, in memory or saved with `save_to_disk`.

`datasets` is imported only for such a source.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.data.readers.saved_dataset import check_inside
from equipoise.data.readers.source import Source, missing_column
from equipoise.data.split_names import SPLITS, canonical_splits
from equipoise.errors import DataError


@dataclasses.dataclass(frozen=True, slots=True)
class HuggingFace:
    """A `datasets.Dataset`: its rows as selected and ordered, class labels by their names."""

    dataset: Any
    name: str
    split: str | None = None
    batch_rows: int = 1 << 16

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing.
        """
        found: list[str] = self.dataset.column_names
        for name in required:
            if name not in found:
                raise missing_column(self.name, name, found)
        names = [name for name in dict.fromkeys((*required, *optional)) if name in found]
        # Iterating follows the indices of `filter`, `select` and `shuffle`; `.data.table` does not.
        rows = self.dataset.select_columns(names).with_format("arrow")
        classes = {name: _class_names(rows.features[name]) for name in names}
        for table in self._tables(rows):
            for position, name in enumerate(table.column_names):
                if classes[name]:
                    table = table.set_column(position, name, _named(table.column(name), classes[name]))  # noqa: PLW2901
            yield table

    def _tables(self, rows: Any) -> Iterator[pa.Table]:
        try:
            yield from rows.iter(batch_size=self.batch_rows)
        except Exception as error:  # of a damaged file: Arrow raises a dozen classes of errors
            raise DataError(
                "damaged-file", f"{self.name}: cannot be read ({error}). Save the dataset again."
            ) from error

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0); the first row is row 1."""
        return f"{self.name}: row {row + 1}"


def from_object(source: object) -> list[Source] | None:
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
        return _splits_of(source, "DatasetDict")
    if isinstance(source, datasets.Dataset):
        return [HuggingFace(source, "Dataset")]
    if isinstance(source, datasets.IterableDataset | datasets.IterableDatasetDict):
        raise DataError(
            "streamed-dataset",
            f"A {type(source).__name__} cannot be drawn from at random. Load it without `streaming=True`.",
        )
    return None


def from_saved(folder: Path) -> list[Source] | None:
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
        raise DataError(
            "not-installed",
            f"{folder}: reading a saved Hugging Face dataset needs `datasets`. Install it: pip install datasets.",
        ) from error
    check_inside(folder, whole=whole)
    try:
        loaded: Any = datasets.load_from_disk(str(folder))
    except Exception as error:  # a damaged dataset raises errors of any class
        raise DataError(
            "damaged-file", f"{folder}: cannot be loaded as a saved Hugging Face dataset ({error})."
        ) from error
    return _splits_of(loaded, str(folder)) if whole else [HuggingFace(loaded, str(folder))]


def _splits_of(mapping: Any, name: str) -> list[Source]:
    sources: list[Source] = []
    for key, dataset in mapping.items():
        split: str | None = canonical_splits(pa.chunked_array([[key]], pa.large_string()))[0].as_py()
        if split is None:
            raise DataError(
                "unknown-split",
                f"{name}: the key `{key}` is not the name of a split, expected {', '.join(SPLITS)}. "
                "Pass only the keys of splits, renamed.",
            )
        sources.append(HuggingFace(dataset, f"{name}[{key!r}]", split))
    return sources


def _class_names(feature: Any) -> list[str]:
    names: list[str] | None = getattr(feature, "names", None)
    return list(names) if type(feature).__name__ == "ClassLabel" and names else []


def _named(codes: pa.ChunkedArray, names: list[str]) -> pa.ChunkedArray:
    # Hugging Face writes -1 for "no label", as in the hidden test sets of GLUE.
    known = pc.if_else(pc.less(codes, 0), pa.scalar(None, codes.type), codes)
    return pc.take(pa.array(names, pa.large_string()), known)
