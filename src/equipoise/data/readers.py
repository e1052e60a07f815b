"""Read records from files and datasets."""

import bisect
import dataclasses
import functools
from collections.abc import Iterator

import pyarrow as pa

from equipoise.data.arrow import pc
from equipoise.data.columns import OPTIONAL, Columns
from equipoise.data.content_errors import row_errors
from equipoise.data.limits import DEFAULT_LIMITS, Limits
from equipoise.data.problem import raise_on_errors
from equipoise.data.records import Records
from equipoise.data.source import Source
from equipoise.data.sources import find_sources
from equipoise.data.split_names import SPLITS, canonical_splits
from equipoise.data.text import as_text, first_true, is_blank
from equipoise.errors import DataError

_COLUMNS = Columns()


def read_records(
    source: object,
    columns: Columns = _COLUMNS,
    *,
    default_task: str | None = None,
    require_target: bool = True,
    limits: Limits = DEFAULT_LIMITS,
) -> Records:
    r"""Read all rows of one or several sources.

    Parameters
    ----------
    source : path-like, str, datasets.Dataset, datasets.DatasetDict or an iterable of these
        Files of JSON lines, CSV, TSV or Parquet (each also gzipped), a glob, a folder, or a Hugging Face
        dataset, loaded or saved with `save_to_disk`. The keys of a `DatasetDict` become the splits, unless
        `columns.split` names a column.
    columns : Columns
        Which column is which field.
    default_task : str or None
        Task of the rows that have none: the column is missing, or null in that row.
    require_target : bool
        False reads rows that are to be predicted: their target may be missing.
    limits : Limits
        Sizes above which a file is refused; by default rows of 16 MiB, and 200 times a compressed file's size.

    Returns
    -------
    Records
        The rows in the order of the sources. Numbers and booleans are text, exactly as written. A column
        `group`, `split` or `id` is there if any row has one. A row with an empty group has none.

    Raises
    ------
    DataError
        Something is missing or wrong; the message names the file, the line and the column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "sentiment.csv"
    ...     _ = path.write_text("text,stars\nlovely,5\ndull,2\n")
    ...     read_records(path, Columns(input="text", target="stars"), default_task="sentiment").table.to_pylist()
    [{'task': 'sentiment', 'input': 'lovely', 'target': '5'}, {'task': 'sentiment', 'input': 'dull', 'target': '2'}]
    """
    _check_default_task(default_task)
    sources = find_sources(source, limits)
    parts: list[pa.Table] = []
    for one in sources:
        reading = _Reading(one, columns, default_task, require_target=require_target)
        parts.append(reading.table())
    _check_splits_everywhere(sources, parts)
    table = pa.concat_tables(parts, promote_options="default")
    if table.num_rows == 0:
        raise DataError(f"{', '.join(one.name for one in sources[:5])}: no rows were found.")
    records = Records(table)
    first_rows = [0]
    for part in parts:
        first_rows.append(first_rows[-1] + part.num_rows)

    def place(row: int) -> str:
        number = bisect.bisect_right(first_rows, row) - 1
        return sources[number].place(row - first_rows[number])

    raise_on_errors(row_errors(records, place))
    return records


def iter_labels(
    source: object,
    columns: Columns = _COLUMNS,
    *,
    default_task: str | None = None,
    split: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.Table]:
    """Stream the task and the label of every row, in constant memory, without the input texts.

    Parameters
    ----------
    source, columns, default_task, limits
        As in `read_records`.
    split : {"train", "validation", "test"} or None
        Only rows of this split; None takes all of them and does not read the splits.

    Yields
    ------
    pyarrow.Table
        Columns `task` and `label`, both `large_string`.

    Raises
    ------
    DataError
        As in `read_records`, or `split` is given and a source has none.
    """
    _check_default_task(default_task)
    if split is not None and split not in SPLITS:
        raise DataError(f"`split` must be one of {', '.join(SPLITS)}, found {split!r}.")
    for one in find_sources(source, limits):
        reading = _Reading(one, columns, default_task, require_target=True)
        for batch in reading.batches(("task", "target", *(("split",) if split else ()))):
            chosen = batch
            if split:
                if "split" not in batch.column_names:
                    raise DataError(f"{one.name}: the rows have no split, so those of {split!r} cannot be told.")
                reading.check_splits(batch, reading.rows - batch.num_rows)
                chosen = batch.filter(pc.equal(batch.column("split"), split))
            yield chosen.select(["task", "target"]).rename_columns(["task", "label"])


@dataclasses.dataclass(slots=True)
class _Reading:
    """One source on its way to becoming records; it knows how many rows were read."""

    source: Source
    columns: Columns
    default_task: str | None
    require_target: bool
    rows: int = 0

    def table(self) -> pa.Table:
        """Read all rows, with the optional columns that hold something."""
        batches = list(self.batches(("task", "input", "target", *OPTIONAL)))
        if not batches:
            return pa.table({name: pa.array([], pa.large_string()) for name in ("task", "input", "target")})
        table = pa.concat_tables(batches, promote_options="default")
        for name in OPTIONAL:
            if name in table.column_names and table.column(name).null_count == table.num_rows:
                table = table.drop_columns([name])
        if "split" in table.column_names:
            self.check_splits(table, 0)
        return table

    def check_splits(self, table: pa.Table, first_row: int) -> None:
        """Refuse rows without a split among rows with one."""
        row = first_true(pc.is_null(table.column("split")))
        if row is not None:
            raise DataError(
                f"{self.source.place(first_row + row)}: column `{self.columns.source_of('split')}` is empty. "
                "Give a split to every row or to none."
            )

    def batches(self, fields: tuple[str, ...]) -> Iterator[pa.Table]:
        """Stream these fields under their own names, checked."""
        keyed = self.source.split is not None and not self.columns.is_named("split")
        wanted = tuple(field for field in fields if not (field == "split" and keyed))
        needed = {field for field in wanted if self._is_needed(field)}
        required = [self.columns.source_of(field) for field in wanted if field in needed]
        optional = [self.columns.source_of(field) for field in wanted if field not in needed]
        for batch in self.source.batches(required, optional):
            arrays = {field: self._field(batch, field) for field in wanted}
            table = pa.table({field: array for field, array in arrays.items() if array is not None})
            if keyed and "split" in fields:
                table = table.append_column("split", pa.array([self.source.split] * table.num_rows, pa.large_string()))
            self.rows += table.num_rows
            yield table

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
        text = as_text(batch.column(name), functools.partial(self._wrong, name))
        blank = is_blank(text)
        if field == "task" and self.default_task is not None:
            text = pc.fill_null(text, self.default_task)
            blank = is_blank(text)
        if field in {"task", "input"} or (field == "target" and self.require_target):
            row = first_true(blank)
            if row is not None:
                raise self._wrong(name, row, f"is empty, expected {_EXPECTED[field]}. {_REMEDY[field]}")
            return text
        present = pc.if_else(blank, pa.scalar(None, pa.large_string()), text)
        return self._splits(present, name) if field == "split" else present

    def _splits(self, names: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
        splits = canonical_splits(names)
        row = first_true(pc.and_(pc.is_valid(names), pc.is_null(splits)))
        if row is not None:
            found = names[row].as_py()
            raise self._wrong(column, row, f"is {found!r}, expected one of {', '.join(SPLITS)}. Rename the split.")
        return splits

    def _wrong(self, column: str, row: int | None, problem: str) -> DataError:
        place = self.source.name if row is None else self.source.place(self.rows + row)
        return DataError(f"{place}: column `{column}` {problem}")


_EXPECTED = {"task": "the name of a task", "input": "a text", "target": "a label or a text"}
_REMEDY = {
    "task": "Name the task, or drop the row.",
    "input": "Fill it in, or drop the row.",
    "target": "Fill it in, or drop the row; rows to be predicted are read with `require_target=False`.",
}


def _check_default_task(name: str | None) -> None:
    if name is not None and not name.strip():
        raise DataError(f"`default_task` must be the name of a task, found {name!r}.")


def _check_splits_everywhere(sources: list[Source], parts: list[pa.Table]) -> None:
    filled = [(one, part) for one, part in zip(sources, parts, strict=True) if part.num_rows]
    having = [one for one, part in filled if "split" in part.column_names]
    lacking = [one for one, part in filled if "split" not in part.column_names]
    if having and lacking:
        raise DataError(
            f"{lacking[0].name}: the rows have no split, but those of {having[0].name} have one. "
            "Give one to every row or to none."
        )
