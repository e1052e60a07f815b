"""Convert lists, Arrow columns and strings to the flat arrays of `LabelSets`."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.census import Stratum
from equipoise.census.labels import coded_labels
from equipoise.errors import DataError

Label = str | int | float
"""Also booleans, and scalars of numpy and torch, which type checkers do not tell from these."""
Parts = tuple[npt.NDArray[np.int64], pa.Array]
"""The number of labels of each example, and all labels in one array."""


def parts_of_lists(labels: Iterable[Iterable[Label]]) -> Parts:
    """Flatten one list of labels for each example."""
    if getattr(labels, "ndim", 1) > 1:
        raise DataError(
            "not-a-list",
            "`labels` must have a list of labels for each example, found an array of"
            f" {getattr(labels, 'ndim', None)} dimensions. If it marks the labels of each example by 1, pass"
            " [names[row == 1] for row in array], `names` being an array of the labels.",
        )
    rows: list[list[Any]] = []
    for number, row in enumerate[Any](labels):
        if isinstance(row, str) or not isinstance(row, Iterable) or getattr(row, "ndim", 1) != 1:
            raise DataError(
                "not-a-list",
                f"`labels` must have a list of labels for each example, found {row!r} at row {number}. "
                "Use [label] for one label, [] for none, or `LabelSets.from_text` for strings with a separator.",
            )
        rows.append(list(row))
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    inner = getattr(getattr(labels, "features", None), "feature", None)  # of a column of a Hugging Face dataset
    return lengths, _texts(list(chain.from_iterable(rows)), "labels", getattr(inner, "names", None))


def parts_of_arrow(labels: pa.Array | pa.ChunkedArray) -> Parts:
    """Flatten an Arrow column of lists."""
    whole: Any = labels.combine_chunks() if isinstance(labels, pa.ChunkedArray) else labels
    kind: pa.DataType = whole.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list:
        raise DataError(
            "wrong-type",
            f"`labels` must be a column of lists of labels, found {kind}. "
            "Use `LabelSets.from_text` for strings with a separator.",
        )
    if whole.null_count:
        row = pc.index(pc.is_null(whole), True).as_py()
        raise DataError(
            "nulls",
            f"`labels` must not have nulls, found {whole.null_count}, the first at row {row}. "
            "Use an empty list for an example without labels, and remove rows whose labels are unknown.",
        )
    lengths = pc.list_value_length(whole).cast(pa.int64()).to_numpy()
    return lengths, _texts(pc.list_flatten(whole), "labels")


def parts_of_text(
    texts: pa.Array, tasks: pa.Array, separator: str, single_tasks: frozenset[str], open_ended_tasks: frozenset[str]
) -> Parts:
    """Split strings at a separator, except those of single-label and open-ended tasks."""
    if not separator.strip():
        raise DataError("blank-separator", f"`separator` must be a non-blank string, found {separator!r}.")
    known = set(pc.unique(tasks).to_pylist())
    for name, named in (("single_tasks", single_tasks), ("open_ended_tasks", open_ended_tasks)):
        if named - known:
            message = f"`{name}` must name tasks of {sorted(known)}, found {sorted(named - known)}."
            raise DataError("unknown-task", message)
    if both := sorted(single_tasks & open_ended_tasks):
        raise DataError("conflicting-tasks", f"{both} must not be both in `single_tasks` and `open_ended_tasks`.")

    def split(task: str, text: str) -> list[str]:
        pieces = [text] if task in single_tasks else text.split(separator)
        return [] if task in open_ended_tasks else [part for piece in pieces if (part := piece.strip())]

    return parts_of_lists(map(split, tasks.to_pylist(), texts.to_pylist()))


def tasks_of(tasks: str | Sequence[Label] | pa.Array | pa.ChunkedArray, n_rows: int) -> pa.Array:
    """Return one task name per row."""
    if isinstance(tasks, str):
        return pa.repeat(pa.scalar(tasks, pa.large_string()), n_rows)
    names = _texts(tasks, "tasks")
    if len(names) != n_rows:
        message = f"`tasks` must be one string, or one for each of the {n_rows} examples, found {len(names)}."
        raise DataError("wrong-length", message)
    if names.null_count:
        row = pc.index(pc.is_null(names), True).as_py()
        message = (
            f"`tasks` must name a task for each example, found none in {names.null_count}, the first in row {row}."
        )
        raise DataError("missing-task", message)
    return names


def strings_of(values: Sequence[str] | pa.Array | pa.ChunkedArray, name: str) -> pa.Array:
    """Return an Arrow array of strings without nulls."""
    try:
        whole: Any = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        message = f"`{name}` must be strings, found values of several types ({error})."
        raise DataError("not-a-string", message) from error
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.combine_chunks()
    if not _is_text(whole.type) or whole.null_count:
        found = f"{whole.null_count} nulls" if whole.null_count else str(whole.type)
        raise DataError("not-a-string", f"`{name}` must be strings without nulls, found {found}. Give one per example.")
    return whole.cast(pa.large_string())


def grouped(tasks: pa.Array, lengths: npt.NDArray[np.int64], labels: pa.Array) -> tuple[Any, ...]:
    """Return the fields of `LabelSets`: sorted codes, each once per row, and its instances."""
    task_names, task_of_row = _encoded(tasks)
    row_of_entry = np.repeat(np.arange(len(lengths)), lengths)
    _check_labels(labels, row_of_entry)
    label_names, label_of_entry = _encoded(labels)

    # Names are sorted, so pairs of codes in ascending order are sorted strata.
    n = max(len(label_names), 1)
    pairs, code_of_entry = np.unique(task_of_row[row_of_entry] * n + label_of_entry, return_inverse=True)
    strata = tuple(Stratum(task_names[pair // n], label_names[pair % n]) for pair in pairs.tolist())
    entries, instances = np.unique(row_of_entry * max(len(strata), 1) + code_of_entry, return_counts=True)
    rows, codes = np.divmod(entries, max(len(strata), 1))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(lengths)))])
    task_codes = task_of_row.astype(np.int32)
    return tuple(task_names), task_codes, strata, offsets, codes.astype(np.int32), instances.astype(np.int32)


def _texts(values: Any, name: str, classes: Sequence[str] | None = None) -> pa.Array:
    """Return labels as strings, as `coded_labels` does; one that is missing is null."""
    return coded_labels(values, name, classes).dictionary_decode()


def _encoded(values: pa.Array) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the distinct values, sorted, and the position of each value among them."""
    encoded: Any = values.dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
    return [names[number] for number in order.tolist()], np.argsort(order)[encoded.indices.to_numpy()]


def _check_labels(labels: pa.Array, row_of_entry: npt.NDArray[np.int64]) -> None:
    entry = pc.index(pc.is_null(labels), True).as_py()
    if entry >= 0:
        raise DataError(
            "blank-label",
            f"a label must not be missing or blank, found such a label at row {row_of_entry[entry]}. Remove it from the"
            " list.",
        )


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_null(inner)
