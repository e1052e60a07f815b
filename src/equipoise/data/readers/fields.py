"""The fields of a source's rows as strings, checked, batch by batch."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

from equipoise.base.arrow import as_text, first_true, is_blank, nan_as_null, pc
from equipoise.census.labels import MissingLabels
from equipoise.data.columns import SPLITS, Columns, canonical_splits, mapping_of, split_names
from equipoise.data.readers.source import MissingColumnError, Source
from equipoise.data.readers.wide import Melted
from equipoise.errors import DataError

_EXPECTED: Final = {"task": "the name of a task", "input": "a string", "target": "a label or a string"}
_REMEDY: Final = {
    "task": "Name the task, or drop the row.",
    "input": "Fill it in, or drop the row.",
    "target": 'Fill it in, or drop the row; `missing_labels="skip"` skips such rows; rows to be predicted are read with'
    " `require_target=False`.",
}


@dataclasses.dataclass(slots=True)
class Reading:
    """Reads some fields of a source as `read_records` does, and counts the rows that were read."""

    source: Source
    columns: Columns
    fields: tuple[str, ...]
    default_task: str | None = None
    require_target: bool = True
    splits: Mapping[str, str] = dataclasses.field(default_factory=lambda: split_names({}))
    missing_labels: MissingLabels = "error"
    rows: int = 0
    has_split: bool = False
    without_split: int | None = None  # the first such row

    def __post_init__(self) -> None:
        if self.skips:
            names = self.columns.tasks or (self.columns.target,)
            self.source = dataclasses.replace(self.source, nullable=frozenset(names))
        if self.columns.tasks:
            self.source = Melted(self.source, self.columns, self.require_target, split=self.source.split)
        name = self.default_task
        if name is not None and not name.strip():
            raise DataError("not-a-task", f"`default_task` must be the name of a task, found {name!r}.")

    @property
    def skips(self) -> bool:
        """Whether a missing target is null, and its row is to be skipped."""
        return self.missing_labels == "skip"

    @property
    def split_is_given(self) -> bool:
        """Whether all rows belong to one split because of where they are."""
        return self.source.split is not None and not self.columns.is_named("split")

    @property
    def _wanted(self) -> tuple[str, ...]:
        # The key of a DatasetDict comes before a column of splits, the name of a file after it.
        without = {"split"} if self.split_is_given and self.source.in_memory else frozenset[str]()
        return tuple(field for field in self.fields if field not in without)

    def batches(self) -> Iterator[pa.Table]:
        """Stream the fields of all rows as strings, and check that all of them have a split, or none."""
        for batch in self.source_batches():
            yield self.checked(batch)
        self.end()

    def note_splits(self, table: pa.Table) -> None:
        """Note whether rows of the next batch have a split, and the first that has none."""
        missing = first_true(pc.is_null(table.column("split"))) if "split" in table.column_names else 0
        if missing is not None and self.without_split is None and table.num_rows:
            self.without_split = self.rows + missing
        self.has_split |= has_values(table, "split")

    def end(self) -> None:
        """Raise a DataError if some rows have a split and others do not."""
        if self.has_split and self.without_split is not None:
            sentence = f"column `{self.columns.source_of('split')}` is empty. Give a split to every row or to none."
            raise self.source.error_at("missing-split", self.without_split, sentence)

    def source_batches(self) -> Iterator[pa.Table]:
        """Stream the needed columns of the source, unchanged."""
        needed = {field: self._is_needed(field) for field in self._wanted}
        names = [[self.columns.source_of(field) for field in needed if needed[field] is each] for each in (True, False)]
        try:
            yield from self.source.batches(*names)
        except MissingColumnError as error:
            raise DataError(error.code, f"{error} {self._remedy(error.column)}") from None

    def checked(self, batch: pa.Table) -> pa.Table:
        """Return the fields of a batch under their own names, as strings."""
        arrays = {field: self._field(batch, field) for field in self._wanted}
        table = pa.table({field: array for field, array in arrays.items() if array is not None})
        if self.split_is_given and "split" in self.fields and not has_values(table, "split"):
            table = table.select([name for name in table.column_names if name != "split"])
            table = table.append_column("split", pa.array([self.source.split] * table.num_rows, pa.large_string()))
        self.note_splits(table)
        self.rows += table.num_rows
        return table

    def wrong(self, column: str, row: int | None, problem: str, code: str = "bad-value") -> DataError:
        """Make the error for a row of the next batch, or for all of them (None)."""
        return self.source.error_at(code, row, f"column `{column}` {problem}", self.rows)

    def _remedy(self, column: str) -> str:
        """Return how to name a column that is missing."""
        field = next((field for field in self.fields if self.columns.source_of(field) == column), "tasks")
        sentences = [f"Name another column with `Columns({field}=...)`."]
        if field == "task":
            sentences.append("If all rows are of one task, name it with `default_task=...`.")
        if field in {"task", "target"}:
            sentences.append("If each task has a column of targets, name these with `Columns(tasks=...)`.")
        return " ".join(sentences)

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
            value = self.default_task if field == "task" else None
            return pa.chunked_array([pa.repeat(pa.scalar(value, pa.large_string()), batch.num_rows)])
        may_lack = field == "target" and self.skips
        column = nan_as_null(batch.column(name)) if may_lack else batch.column(name)
        text = as_text(column, functools.partial(self.wrong, name))
        if field == "task" and self.default_task is not None:
            text = pc.fill_null(text, self.default_task)
        blank = is_blank(text)
        if field in {"task", "input"} or (field == "target" and self.require_target and not may_lack):
            row = first_true(blank)
            if row is not None:
                sentence = f"is empty, expected {_EXPECTED[field]}. {_REMEDY[field]}"
                raise self.wrong(name, row, sentence, f"empty-{field}")
            return text
        present = pc.if_else(blank, pa.scalar(None, pa.large_string()), text)
        if field != "split":
            return present
        splits = canonical_splits(present, self.splits)
        row = first_true(pc.and_(pc.is_valid(present), pc.is_null(splits)))
        if row is not None:
            found = present[row].as_py()
            sentence = f"is {found!r}, expected one of {', '.join(SPLITS)}. {mapping_of(found)}"
            raise self.wrong(name, row, sentence, "unknown-split")
        return splits


def has_values(table: pa.Table, name: str) -> bool:
    """Return whether a table has a column with a value."""
    return name in table.column_names and table.column(name).null_count < table.num_rows


def check_together(readings: list[Reading]) -> None:
    """Raise a DataError if no source has a row, or the rows of one have splits and those of another do not."""
    having = [one.source for one in readings if one.has_split]
    lacking = [one.source for one in readings if one.without_split is not None]
    if having and lacking:
        sentence = f"the rows have no split, but those of {having[0].name} have one. Give one to every row or to none."
        raise lacking[0].error("missing-split", sentence)
    if not any(one.rows for one in readings):
        raise DataError("no-rows", f"{', '.join(one.source.name for one in readings[:5])}: no rows were found.")
