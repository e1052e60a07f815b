"""Read records from files and datasets."""

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import as_text, first_true, is_blank, nan_as_null, pc
from equipoise.census.labels import MissingLabels, check_missing_labels, warn_skipped
from equipoise.data.checks.checks import raise_on_errors, row_errors
from equipoise.data.columns import (
    FIELDS,
    MAP_SPLITS,
    OPTIONAL,
    SPLITS,
    Columns,
    canonical_splits,
    split_names,
)
from equipoise.data.prepared.rows import prepared_rows, rows_name
from equipoise.data.readers.encodings import UTF8
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.options import ReadOptions
from equipoise.data.readers.source import MissingColumnError, Source
from equipoise.data.readers.sources import find_sources
from equipoise.data.readers.wide import Melted
from equipoise.data.records import Records
from equipoise.errors import DataError

_COLUMNS: Final = Columns()
_NO_SPLITS: Final[Mapping[str, str]] = MappingProxyType({})
_EXPECTED: Final = {"task": "the name of a task", "input": "a string", "target": "a label or a string"}
_REMEDY: Final = {
    "task": "Name the task, or drop the row.",
    "input": "Fill it in, or drop the row.",
    "target": 'Fill it in, or drop the row; `missing_labels="skip"` skips such rows; rows to be predicted are read with'
    " `require_target=False`.",
}


def read_records(
    source: object,
    columns: Columns = _COLUMNS,
    *,
    default_task: str | None = None,
    require_target: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    delimiter: str | None = None,
    encoding: str = UTF8,
    splits: Mapping[str, str] = _NO_SPLITS,
    missing_labels: MissingLabels = "error",
    cache: Path | None = None,
    on_rows: Callable[[int], object] = lambda _: None,
) -> Records:
    r"""Read all rows of one source or several, into memory or onto the disk.

    Parameters
    ----------
    source : path-like, str, table, datasets.Dataset, datasets.DatasetDict, list of dicts or an iterable of these
        Files of JSON lines, CSV, TSV or Parquet (each also gzipped), a glob, a folder, a table in memory (pandas,
        polars, Arrow, or another that has the Arrow interface), a list of one dict a row, or a Hugging Face
        dataset, loaded or saved with `save_to_disk`. The keys of a `DatasetDict` become the splits, unless
        `columns.split` names a column. So do the names of several files, if each is the name of a split
        ("train.csv", "dev.csv", "test-00000-of-00002.parquet") and the rows have no column of splits.
    columns : Columns
        Which column is which field.
    default_task : str or None
        Task of the rows that have none: the column is missing, or the value is null.
    require_target : bool
        False reads rows that are to be predicted: their target may be missing.
    limits : Limits
        Sizes above which a file is refused; by default rows of 16 MiB, and 200 times the size of a compressed file.
    delimiter : str, optional
        What separates the fields of CSV and TSV files; by default a comma in `.csv` and a tab in `.tsv`.
    encoding : str
        The encoding of text files, such as "utf-16" or "windows-1252".
    splits : mapping of str to str
        What names of splits mean, in a column, as keys of a `DatasetDict` or as names of files: "train", "validation"
        or "test" for each. "val", "valid", "dev" and "eval" mean "validation" if they are not in it.
    missing_labels : {"error", "skip"}
        What is done with rows whose target is missing (empty, null, NaN, the class label -1), unless they are to be
        predicted: "skip" leaves them out, and warns of how many they are.
    cache : pathlib.Path, optional
        The directory for rows on disk, see `equipoise.data.default_cache`. Files are read into it once, batch by batch,
        and mapped into memory from then on, until their content or an argument is another. Without it, and where the
        source is in memory, the records are too.
    on_rows : callable, optional
        Is called with the number of rows of each batch that was read.

    Returns
    -------
    Records
        The rows in the order of the sources. Numbers and booleans become strings, exactly as written. The columns
        `group`, `split` and `id` exist if any row has a value. A row with an empty group has none. A class label of
        Hugging Face features, in a dataset, a table or a Parquet file, is its name; -1 is no label.

    Raises
    ------
    DataError
        If something is missing or wrong; the message names the file, the line and the column.
    ConfigError
        If `delimiter`, `encoding` or `splits` cannot be used.
    RunError
        If `cache` cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "sentiment.csv"
    ...     _ = path.write_text("text,stars\nlovely,5\ndull,2\n")
    ...     read_records(path, Columns(input="text", target="stars"), default_task="sentiment").table.to_pylist()
    [{'task': 'sentiment', 'input': 'lovely', 'target': '5'}, {'task': 'sentiment', 'input': 'dull', 'target': '2'}]
    """
    check_missing_labels(missing_labels)
    how = ReadOptions(limits, delimiter, encoding, splits)
    found = find_sources(source, how)
    readings = [
        Reading(one, columns, FIELDS, default_task, require_target, how.splits, missing_labels) for one in found
    ]

    def batches() -> Iterator[pa.Table]:
        for one in readings:
            for batch in one.batches():
                on_rows(batch.num_rows)
                yield batch
        check_splits_everywhere(readings)
        if not any(one.rows for one in readings):
            raise DataError("no-rows", f"{', '.join(one.source.name for one in readings[:5])}: no rows were found.")

    def check(records: Records) -> None:
        first_rows = [0, *itertools.accumulate(one.rows for one in readings)]
        kept = _with_targets(records) if require_target else None

        def place(row: int) -> str:
            row = row if kept is None else int(kept[row])
            number = bisect.bisect_right(first_rows, row) - 1
            return readings[number].source.place(row - first_rows[number])

        raise_on_errors(row_errors(records if kept is None else records.take(kept), place))

    options = (columns, default_task, require_target, missing_labels, sorted(how.splits.items()))
    name = None if cache is None else rows_name(found, options)
    if cache is not None and name is not None:
        records = prepared_rows(cache, name, batches, check)
    else:
        table = pa.concat_tables(batches(), promote_options="default")
        records = Records(table.drop_columns([name for name in OPTIONAL if _is_empty(table, name)]))
        check(records)
    kept = _with_targets(records) if require_target else None
    if kept is None:
        return records
    tasks = records.coded("task").take(records.coded("target").codes < 0)
    warn_skipped(dict(zip(tasks.names.to_pylist(), tasks.counts().tolist(), strict=True)), len(records))
    if not len(kept):
        raise DataError("no-rows", f"{found[0].name}: no row has a target, so all of them were skipped.")
    return records.take(kept)


def _with_targets(records: Records) -> NDArray[np.int64] | None:
    """Return the numbers of the rows that have a target; None if all have."""
    given = records.coded("target").codes >= 0
    return None if given.all() else np.flatnonzero(given)


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
            sentence = f"is {present[row].as_py()!r}, expected one of {', '.join(SPLITS)}. {MAP_SPLITS}"
            raise self.wrong(name, row, sentence, "unknown-split")
        return splits


def has_values(table: pa.Table, name: str) -> bool:
    """Return whether a table has a column with a value."""
    return name in table.column_names and table.column(name).null_count < table.num_rows


def _is_empty(table: pa.Table, name: str) -> bool:
    return name in table.column_names and not has_values(table, name)


def check_splits_everywhere(readings: list[Reading]) -> None:
    """Raise a DataError if the rows of one source have splits and those of another do not."""
    having = [one.source for one in readings if one.has_split]
    lacking = [one.source for one in readings if one.without_split is not None]
    if having and lacking:
        sentence = f"the rows have no split, but those of {having[0].name} have one. Give one to every row or to none."
        raise lacking[0].error("missing-split", sentence)
