"""Read one source: its columns become the fields of records, as strings, and are checked."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from equipoise.base.arrow import as_text, first_true, is_blank, pc
from equipoise.data.columns import Columns
from equipoise.data.readers.source import Source
from equipoise.data.split_names import SPLITS, canonical_splits
from equipoise.errors import DataError

_EXPECTED: Final = {"task": "the name of a task", "input": "a string", "target": "a label or a string"}
_REMEDY: Final = {
    "task": "Name the task, or drop the row.",
    "input": "Fill it in, or drop the row.",
    "target": "Fill it in, or drop the row; rows to be predicted are read with `require_target=False`.",
}


@dataclasses.dataclass(slots=True)
class Reading:
    """Reads some fields of a source, and counts the rows that were read.

    Parameters
    ----------
    source : Source
        Where the rows are.
    columns : Columns
        Which column is which field.
    fields : tuple of str
        The fields to read.
    default_task : str or None
        Task of the rows that have none.
    require_target : bool
        Whether every row must have a target.
    """

    source: Source
    columns: Columns
    fields: tuple[str, ...]
    default_task: str | None = None
    require_target: bool = True
    rows: int = 0

    def __post_init__(self) -> None:
        name = self.default_task
        if name is not None and not name.strip():
            raise DataError("not-a-task", f"`default_task` must be the name of a task, found {name!r}.")

    @property
    def split_is_given(self) -> bool:
        """Whether all rows belong to one split because of where they are."""
        return self.source.split is not None and not self.columns.is_named("split")

    def source_batches(self) -> Iterator[pa.Table]:
        """Stream the needed columns of the source, unchanged."""
        wanted = self._wanted
        needed = {field for field in wanted if self._is_needed(field)}
        required = [self.columns.source_of(field) for field in wanted if field in needed]
        optional = [self.columns.source_of(field) for field in wanted if field not in needed]
        return self.source.batches(required, optional)

    def checked(self, batch: pa.Table) -> pa.Table:
        """Return the fields of a batch under their own names, as strings."""
        arrays = {field: self._field(batch, field) for field in self._wanted}
        table = pa.table({field: array for field, array in arrays.items() if array is not None})
        if self.split_is_given and "split" in self.fields:
            table = table.append_column("split", pa.array([self.source.split] * table.num_rows, pa.large_string()))
        self.rows += table.num_rows
        return table

    def check_splits(self, table: pa.Table, first_row: int) -> None:
        """Raise a DataError if some rows have a split and others do not."""
        row = first_true(pc.is_null(table.column("split")))
        if row is not None:
            raise DataError(
                "missing-split",
                f"{self.source.place(first_row + row)}: column `{self.columns.source_of('split')}` is empty. "
                "Give a split to every row or to none.",
            )

    def wrong(self, column: str, row: int | None, problem: str, code: str = "bad-value") -> DataError:
        """Make the error for a row of the next batch, or for all of them (None)."""
        place = self.source.name if row is None else self.source.place(self.rows + row)
        return DataError(code, f"{place}: column `{column}` {problem}")

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(field for field in self.fields if not (field == "split" and self.split_is_given))

    def _is_needed(self, field: str) -> bool:
        if field == "task":
            return self.default_task is None
        if field == "target":
            return self.require_target
        return field == "input" or self.columns.is_named(field)

    def _field(self, batch: pa.Table, field: str) -> pa.ChunkedArray | None:
        name = self.columns.source_of(field)
        if name not in batch.column_names:
            if field not in {"task", "target"}:
                return None
            missing = pa.nulls(batch.num_rows, pa.large_string())
            return pa.chunked_array([pc.fill_null(missing, self.default_task) if field == "task" else missing])
        text = as_text(batch.column(name), functools.partial(self.wrong, name))
        blank = is_blank(text)
        if field == "task" and self.default_task is not None:
            text = pc.fill_null(text, self.default_task)
            blank = is_blank(text)
        if field in {"task", "input"} or (field == "target" and self.require_target):
            row = first_true(blank)
            if row is not None:
                raise self.wrong(
                    name, row, f"is empty, expected {_EXPECTED[field]}. {_REMEDY[field]}", f"empty-{field}"
                )
            return text
        present = pc.if_else(blank, pa.scalar(None, pa.large_string()), text)
        return self._splits(present, name) if field == "split" else present

    def _splits(self, names: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
        splits = canonical_splits(names)
        row = first_true(pc.and_(pc.is_valid(names), pc.is_null(splits)))
        if row is not None:
            found = names[row].as_py()
            raise self.wrong(
                column, row, f"is {found!r}, expected one of {', '.join(SPLITS)}. Rename the split.", "unknown-split"
            )
        return splits
