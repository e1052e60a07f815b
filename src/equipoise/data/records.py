"""Records: the rows that everything else counts, draws and encodes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.data.columns import OPTIONAL, REQUIRED
from equipoise.data.split_names import SPLITS
from equipoise.errors import DataError


class Records:
    """An immutable table of text-to-text examples.

    Every column is `large_string`, so that taking rows never overflows the 2 GiB of a `string` array.

    Parameters
    ----------
    table : pyarrow.Table
        Columns `task`, `input` and `target`, and optionally `group`, `split` and `id`, of any Arrow text
        type. `target`, `group` and `id` may hold nulls (no target yet, no group, no id).

    Raises
    ------
    DataError
        A column is missing, unknown or not text, or `task`, `input` or `split` holds a null.

    Examples
    --------
    >>> records = Records.from_dict(
    ...     {"task": ["nli", "nli"], "input": ["a", "b"], "target": ["yes", "no"], "split": ["train", "test"]}
    ... )
    >>> len(records), records.tasks
    (2, ('nli',))
    >>> records.where(split="test").column("input").to_pylist()
    ['b']
    """

    __slots__ = ("_table",)

    def __init__(self, table: pa.Table) -> None:
        names: list[str] = table.column_names
        for name in REQUIRED:
            if name not in names:
                raise DataError(f"Records need a column `{name}`, found {_listed(names)}.")
        allowed = (*REQUIRED, *OPTIONAL)
        if unknown := [name for name in names if name not in allowed]:
            raise DataError(f"Records have the columns {_listed(allowed)}, found also {_listed(unknown)}. Drop them.")
        ordered = [name for name in allowed if name in names]
        if len(ordered) < len(names):
            raise DataError(f"Records need each column once, found {_listed(names)}.")
        self._table = pa.table({name: _large_string(table.column(name), name) for name in ordered})
        for name in ("task", "input", "split"):
            if name in ordered and self._table.column(name).null_count:
                raise DataError(f"Column `{name}` of the records holds a null: every row needs one.")

    @classmethod
    def from_dict(cls, columns: dict[str, Sequence[str | None]]) -> "Records":
        """Build records from one sequence of texts per column."""
        return cls(pa.table({name: pa.array(values, pa.large_string()) for name, values in columns.items()}))

    @property
    def table(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self._table

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks, sorted."""
        return tuple(sorted(pc.unique(self._table.column("task")).to_pylist()))

    def __len__(self) -> int:
        return self._table.num_rows

    def __repr__(self) -> str:
        return f"Records({len(self)} rows, columns {', '.join(self._table.column_names)})"

    def has(self, name: str) -> bool:
        """Tell whether there is a column `name`."""
        return name in self._table.column_names

    def column(self, name: str) -> pa.ChunkedArray:
        """Give one column.

        Raises
        ------
        DataError
            There is no such column.
        """
        if not self.has(name):
            raise DataError(f"The records have no column `{name}`, found {_listed(self._table.column_names)}.")
        return self._table.column(name)

    def take(self, indices: npt.ArrayLike | pa.Array) -> "Records":
        """Give the rows of these numbers, in their order."""
        rows = indices if isinstance(indices, pa.Array) else pa.array(np.asarray(indices, dtype=np.int64))
        return Records(self._table.take(rows))

    def where(self, *, split: str | None = None, task: str | None = None) -> "Records":
        """Give the rows of one split, of one task, or of one task in one split.

        Raises
        ------
        DataError
            `split` is not "train", "validation" or "test", or the records have no column `split`.
        """
        table = self._table
        if split is not None:
            if split not in SPLITS:
                raise DataError(f"`split` must be one of {_listed(SPLITS)}, found {split!r}.")
            if not self.has("split"):
                raise DataError("The records have no column `split`. Give them one with `assign_splits`.")
            table = table.filter(pc.equal(table.column("split"), split))
        if task is not None:
            table = table.filter(pc.equal(table.column("task"), task))
        return Records(table)

    def with_column(self, name: str, array: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> "Records":
        """Give the same rows with the column `name` added or replaced."""
        values = array if isinstance(array, pa.Array | pa.ChunkedArray) else pa.array(array, pa.large_string())
        if len(values) != len(self):
            raise DataError(f"`{name}` must have one value per row ({len(self)}), found {len(values)}.")
        others = {other: self._table.column(other) for other in self._table.column_names if other != name}
        return Records(pa.table({**others, name: values}))


def _large_string(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    kind: pa.DataType = column.type
    values: pa.DataType = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(values) or pa.types.is_large_string(values) or pa.types.is_null(values)):
        raise DataError(f"Column `{name}` of the records must be text, found {kind}.")
    return column if pa.types.is_large_string(kind) else pc.cast(column, pa.large_string())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
