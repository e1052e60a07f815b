"""Records: the rows that everything else counts, draws and encodes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.data.coded import CodedColumn, numbered
from equipoise.data.columns import FIELDS, REQUIRED, check_split
from equipoise.errors import DataError

_SORTED = frozenset({"task", "split"})
_NEVER_NULL = ("task", "input", "split")


class Records:
    """An immutable table of text-to-text examples.

    Every column is held as codes, each distinct string once. Records that are taken from others share their columns,
    and hold the numbers of their rows alone.

    Parameters
    ----------
    table : pyarrow.Table
        Columns `task`, `input` and `target`, and optionally `group`, `split` and `id`, of any Arrow string
        type. `target`, `group` and `id` may hold nulls (no target yet, no group, no id).

    Attributes
    ----------
    folder : pathlib.Path or None
        Where these rows are on disk, if they are all rows of a source that was prepared there.

    Raises
    ------
    DataError
        If a column is missing, unknown, duplicate or not of strings, or `task`, `input` or `split` holds a null.

    Examples
    --------
    >>> records = Records.from_dict(
    ...     {"task": ["nli", "nli"], "input": ["a", "b"], "target": ["yes", "no"], "split": ["train", "test"]}
    ... )
    >>> len(records), records.tasks
    (2, ('nli',))
    >>> records.where(split="test").column("input").to_pylist()
    ['b']
    >>> records.coded("task").names.to_pylist(), records.coded("task").codes.tolist()
    (['nli'], [0, 0])
    """

    __slots__ = ("_columns", "_rows", "folder")
    _columns: dict[str, CodedColumn]
    _rows: npt.NDArray[np.integer] | None
    folder: Path | None

    def __init__(self, table: pa.Table) -> None:
        names: list[str] = table.column_names
        for name in REQUIRED:
            if name not in names:
                raise DataError("missing-column", f"Records need a column `{name}`, found {_listed(names)}.")
        for name in names:
            _check_name(name)
        if len(set(names)) < len(names):
            raise DataError("duplicate-column", f"Records need each column once, found {_listed(names)}.")
        self._columns = {name: _encoded(table.column(name), name) for name in FIELDS if name in names}
        self._rows = self.folder = None

    @classmethod
    def from_dict(cls, columns: dict[str, Sequence[str | None]]) -> "Records":
        """Build records from one sequence of strings per column."""
        return cls(pa.table({name: pa.array(values, pa.large_string()) for name, values in columns.items()}))

    @classmethod
    def of_columns(
        cls,
        columns: Mapping[str, CodedColumn],
        rows: npt.NDArray[np.integer] | None = None,
        folder: Path | None = None,
    ) -> "Records":
        """Build records from columns that are coded already, of all rows or of those with some numbers.

        `folder` is where all of the rows are on disk.
        """
        records = cls.__new__(cls)
        records._columns, records._rows, records.folder = dict(columns), rows, folder
        return records

    @property
    def table(self) -> pa.Table:
        """The rows as an Arrow table of `large_string` columns, decoded anew by each use."""
        return pa.table({name: self.column(name) for name in self._columns})

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._columns)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks, sorted."""
        return tuple(self.coded("task").present())

    def __len__(self) -> int:
        return len(self._columns["task"] if self._rows is None else self._rows)

    def __repr__(self) -> str:
        return f"Records({len(self)} rows, columns {', '.join(self._columns)})"

    def has(self, name: str) -> bool:
        """Return whether there is a column `name`."""
        return name in self._columns

    def coded(self, name: str) -> CodedColumn:
        """Return one column as codes.

        The names of `task` and `split` are sorted, those of the other columns are in no particular order.

        Raises
        ------
        DataError
            If there is no such column.
        """
        if name not in self._columns:
            found = _listed(self.columns)
            raise DataError("missing-column", f"The records have no column `{name}`, found {found}.")
        column = self._columns[name]
        return column if self._rows is None else column.take(self._rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column as `large_string`, decoded anew; `coded` needs no copy.

        Raises
        ------
        DataError
            If there is no such column.
        """
        return self.coded(name).decoded()

    def take(self, indices: npt.ArrayLike | pa.Array) -> "Records":
        """Return the rows of these numbers, in their order."""
        rows = np.asarray(indices, dtype=np.int64)
        if ((rows < 0) | (rows >= len(self))).any():
            raise DataError("row-out-of-range", f"`indices` must be row numbers from 0 to {len(self) - 1}.")
        return self._chosen(rows)

    def where(self, *, split: str | None = None, task: str | Iterable[str] | None = None) -> "Records":
        """Return the rows of one split, of one task or several, or of these in one split.

        Raises
        ------
        DataError
            If `split` is not "train", "validation" or "test", or the records have no column `split`.
        """
        keep = np.ones(len(self), np.bool_)
        if split is not None:
            check_split(split)
            if not self.has("split"):
                raise DataError("no-splits", "The records have no column `split`. Give them one with `assign_splits`.")
            keep &= self.coded("split").is_in([split])
        if task is not None:
            keep &= self.coded("task").is_in([task] if isinstance(task, str) else task)
        return self if keep.all() else self._chosen(np.flatnonzero(keep))

    def with_column(self, name: str, array: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> "Records":
        """Return the same rows with the column `name` added or replaced."""
        values = array if isinstance(array, pa.Array | pa.ChunkedArray) else pa.array(array, pa.large_string())
        if len(values) != len(self):
            sentence = f"`{name}` must have one value per row ({len(self)}), found {len(values)}."
            raise DataError("unequal-lengths", sentence)
        _check_name(name)
        columns = {each: self.coded(each) for each in self._columns if each != name}
        columns[name] = _encoded(pa.chunked_array(getattr(values, "chunks", [values])), name)
        return self.of_columns({each: columns[each] for each in FIELDS if each in columns})

    def _chosen(self, rows: npt.NDArray[np.integer]) -> "Records":
        rows = rows if self._rows is None else self._rows[rows]
        few = len(self._columns["task"]) <= np.iinfo(np.uint32).max
        return self.of_columns(self._columns, rows.astype(np.uint32 if few else np.int64))

    def labels(self, open_ended_tasks: Iterable[str] = ()) -> CodedColumn:
        """Return the label of every row: its target, and null for the rows of open-ended tasks; the names are sorted.

        Examples
        --------
        >>> records = Records.from_dict({"task": ["a", "b"], "input": ["x", "y"], "target": ["no", "free text"]})
        >>> records.labels(open_ended_tasks=["b"]).to_arrow().to_pylist()
        ['no', None]
        """
        target = self.coded("target")
        is_open = self.coded("task").is_in(open_ended_tasks)
        return CodedColumn(target.names, np.where(is_open, np.int32(-1), target.codes)).compact()

    def strata(self, open_ended_tasks: Iterable[str] = ()) -> tuple[npt.NDArray[np.integer], int]:
        """Number the stratum (task, label) of each row.

        Parameters
        ----------
        open_ended_tasks : iterable of str
            The tasks that are one stratum each, whatever their targets.

        Returns
        -------
        strata : ndarray of int32 or int64, shape (N,)
            The strata that have rows are numbered in the order of task and label; no label comes last.
        n_strata : int
            Number of strata.
        """
        labels, tasks = self.labels(open_ended_tasks), self.coded("task")
        width = len(labels.names) + 1
        pairs = tasks.codes * np.int64(width) + np.where(labels.codes < 0, width - 1, labels.codes)
        numbers, distinct = numbered(pairs, width * len(tasks.names))
        return numbers, len(distinct)


def _check_name(name: str) -> None:
    if name not in FIELDS:
        sentence = f"Records have the columns {_listed(FIELDS)}, found also {_listed([name])}. Drop it."
        raise DataError("unknown-column", sentence)


def _encoded(column: pa.ChunkedArray, name: str) -> CodedColumn:
    kind: pa.DataType = column.type
    values: pa.DataType = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(values) or pa.types.is_large_string(values) or pa.types.is_null(values)):
        raise DataError("not-strings", f"Column `{name}` of the records must hold strings, found {kind}.")
    encoded = CodedColumn.of(column, is_sorted=name in _SORTED)
    if name in _NEVER_NULL and (encoded.codes < 0).any():
        raise DataError("nulls", f"Column `{name}` of the records holds a null: every row needs one.")
    return encoded


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
