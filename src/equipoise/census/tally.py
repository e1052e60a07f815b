"""Count the occurrences of each task and label in the rows of Arrow tables."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import loading, pc
from equipoise.census.labels import MissingLabels, check_missing_labels, coded_column, warn_skipped
from equipoise.census.strata import MOST_EXAMPLES
from equipoise.errors import DataError

Cell = tuple[str, str | None]
_DENSE: Final = 1 << 20
"""Most pairs of codes for which all counts are kept at once."""
_ROWS_AT_ONCE: Final = 1 << 20
_NO_STRINGS: Final = pa.nulls(0, pa.large_string())  # `pa.array` would import pandas


class Tally:
    """Counts of (task, label) that grow batch by batch.

    Parameters
    ----------
    open_ended_tasks : iterable of str
        Tasks whose labels are ignored: their cell is (task, None).

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add(pa.array(["a", "a"]).dictionary_encode(), pa.array(["x", None]).dictionary_encode())
    >>> tally.cells()
    {('a', None): 1, ('a', 'x'): 1}
    """

    def __init__(self, open_ended_tasks: Iterable[str] = ()) -> None:
        self._open_tasks = pa.array(sorted(set(open_ended_tasks)), pa.large_string())
        self._cells: Counter[Cell] = Counter()
        # Batches of one file often have the same dictionary: their codes are counted together.
        self._tasks = self._labels = _NO_STRINGS
        self._counts = np.zeros(0, np.int64)

    def add(
        self, tasks: pa.DictionaryArray, labels: pa.DictionaryArray, counts: npt.NDArray[np.int64] | None = None
    ) -> None:
        """Count rows, or add their `counts`. No task is null; a null label is None."""
        if not (tasks.dictionary.equals(self._tasks) and labels.dictionary.equals(self._labels)):
            self._flush()
            self._tasks, self._labels = tasks.dictionary, labels.dictionary
        width = len(self._labels) + 1  # code 0: no label
        task_codes = tasks.indices.to_numpy().astype(np.int64)
        label_codes = pc.fill_null(labels.indices, -1).to_numpy() + np.int64(1)
        if len(self._open_tasks):
            label_codes[self._is_open(tasks)] = 0
        pairs = task_codes * width + label_codes
        size = len(self._tasks) * width
        if counts is not None or size > _DENSE:
            distinct, places = np.unique(pairs, return_inverse=True)
            sums = np.zeros(len(distinct), np.int64)
            np.add.at(sums, places, 1 if counts is None else counts)
            self._put(distinct, sums)
            return
        if not len(self._counts):
            self._counts = np.zeros(size, np.int64)
        self._counts += np.bincount(pairs, minlength=size)

    def _is_open(self, tasks: pa.DictionaryArray) -> npt.NDArray[np.bool_]:
        return pc.is_in(tasks.dictionary, value_set=self._open_tasks).take(tasks.indices).to_numpy(zero_copy_only=False)

    def are_open(self, tasks: pa.DictionaryArray) -> bool:
        """Return whether the tasks of all these rows are open-ended."""
        return bool(self._is_open(tasks).all())

    def cells(self) -> dict[Cell, int]:
        """Return the counts so far, in no particular order."""
        self._flush()
        return dict(self._cells)

    def _flush(self) -> None:
        pairs = np.flatnonzero(self._counts)
        self._put(pairs, self._counts[pairs])
        self._counts = np.zeros(0, np.int64)

    def _put(self, pairs: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> None:
        width = len(self._labels) + 1
        tasks = self._tasks.take(pa.array(pairs // width)).to_pylist()
        labels = pa.concat_arrays([pa.nulls(1, self._labels.type), self._labels]).take(pa.array(pairs % width))
        for task, label, count in zip(tasks, labels.to_pylist(), counts.tolist(), strict=True):
            self._cells[task, label] += count


def skip_missing(cells: Mapping[Cell, int], open_ended_tasks: Collection[str]) -> dict[Cell, int]:
    """Return the cells that have a label or are of an open-ended task; warn the caller's caller of the rows of others.

    Examples
    --------
    >>> skip_missing({("a", "x"): 3, ("b", None): 2}, ["b"])
    {('a', 'x'): 3, ('b', None): 2}
    """
    skipped = {task: n for (task, label), n in cells.items() if label is None and task not in open_ended_tasks}
    warn_skipped(skipped, sum(cells.values()), stacklevel=4)
    return {(task, label): n for (task, label), n in cells.items() if label is not None or task not in skipped}


def count_table(
    table: Any,
    task: str,
    label: str,
    open_ended_tasks: Iterable[str] = (),
    count: str | None = None,
    missing_labels: MissingLabels = "error",
) -> dict[Cell, int]:
    """Count the rows of a table, a data frame or anything else that `pyarrow.table` accepts, or sum its counts.

    With "skip", rows without a label are counted with the label None.

    Raises
    ------
    DataError
        If `pyarrow.table` does not accept it, a column is missing, is of a wrong type, or holds nulls, or a count is
        not an integer or is negative.

    Examples
    --------
    >>> count_table(pa.table({"task": ["a", "a"], "label": ["x", "x"], "n": [3, 4]}), "task", "label", count="n")
    {('a', 'x'): 7}
    """
    check_missing_labels(missing_labels)
    try:
        table = table if isinstance(table, pa.Table) else pa.table(table)
    except (TypeError, ValueError, pa.ArrowException) as error:
        message = f"`table` must be a table or an argument of pyarrow.table(), found {type(table).__name__} ({error})."
        raise DataError("not-a-table", message + loading(table)) from error
    for column in (task, label, *([count] if count else [])):
        if column not in table.column_names:
            raise DataError("missing-column", f"the table must have the column {column!r}, found {table.column_names}.")
        if table.column_names.count(column) > 1:
            message = f"the table has the column {column!r} more than once. Rename the others."
            raise DataError("duplicate-column", message)
    tally = Tally(open_ended_tasks)
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        rows = table.slice(start, _ROWS_AT_ONCE)
        tasks, labels = (coded_column(rows[name], partial(_odd_value, name, start)) for name in (task, label))
        refused = labels.null_count if missing_labels == "error" else 0
        if tasks.null_count or (refused and not tally.are_open(tasks.filter(pc.is_null(labels)))):
            raise DataError(
                "nulls",
                f"columns {task!r} and {label!r} must not have nulls, NaN or blank strings, found {tasks.null_count}"
                f' and {labels.null_count}. Drop those rows, skip those without a label by `missing_labels="skip"`, or'
                " name open-ended tasks in `open_ended_tasks`.",
            )
        tally.add(tasks, labels, None if count is None else _integers(rows[count], count))
    return tally.cells()


def _integers(column: pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise DataError("not-an-integer", f"the column {name!r} must hold integers, found the type {kind}.")
    try:
        counts: npt.NDArray[np.int64] = pc.fill_null(pc.cast(column, pa.int64()), -1).to_numpy()
    except pa.ArrowInvalid as error:
        message = f"the column {name!r} must hold integers, found other values ({error})."
        raise DataError("not-an-integer", message) from None
    if (counts < 0).any():
        message = f"the column {name!r} must hold integers of at least 0, found nulls or negative values."
        raise DataError("not-an-integer", message)
    if counts.sum(dtype=np.float64) > MOST_EXAMPLES:  # and before int64 overflows
        raise DataError("too-many-examples", f"the column {name!r} must have a sum of at most 2**53 examples.")
    return counts


def _odd_value(name: str, first_row: int, row: int | None, problem: str) -> DataError:
    place = "" if row is None else f"row {first_row + row + 1}: "
    return DataError("bad-value", f"the table: {place}column {name!r} {problem}")
