"""Read records from files and datasets."""

import bisect
import itertools

import pyarrow as pa

from equipoise.data.checks.content_errors import row_errors
from equipoise.data.columns import OPTIONAL, REQUIRED, Columns
from equipoise.data.fields import Reading
from equipoise.data.problem import raise_on_errors
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.source import Source
from equipoise.data.readers.sources import find_sources
from equipoise.data.records import Records
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
    r"""Read all rows of one source or several.

    Parameters
    ----------
    source : path-like, str, datasets.Dataset, datasets.DatasetDict or an iterable of these
        Files of JSON lines, CSV, TSV or Parquet (each also gzipped), a glob, a folder, or a Hugging Face
        dataset, loaded or saved with `save_to_disk`. The keys of a `DatasetDict` become the splits, unless
        `columns.split` names a column.
    columns : Columns
        Which column is which field.
    default_task : str or None
        Task of the rows that have none: the column is missing, or the value is null.
    require_target : bool
        False reads rows that are to be predicted: their target may be missing.
    limits : Limits
        Sizes above which a file is refused; by default rows of 16 MiB, and 200 times the size of a compressed file.

    Returns
    -------
    Records
        The rows in the order of the sources. Numbers and booleans become strings, exactly as written. The columns
        `group`, `split` and `id` exist if any row has a value. A row with an empty group has none.

    Raises
    ------
    DataError
        If something is missing or wrong; the message names the file, the line and the column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "sentiment.csv"
    ...     _ = path.write_text("text,stars\nlovely,5\ndull,2\n")
    ...     read_records(path, Columns(input="text", target="stars"), default_task="sentiment").table.to_pylist()
    [{'task': 'sentiment', 'input': 'lovely', 'target': '5'}, {'task': 'sentiment', 'input': 'dull', 'target': '2'}]
    """
    sources = find_sources(source, limits)
    fields = (*REQUIRED, *OPTIONAL)
    parts = [_table(Reading(one, columns, fields, default_task, require_target)) for one in sources]
    _check_splits_everywhere(sources, parts)
    first_rows = [0, *itertools.accumulate(part.num_rows for part in parts)]
    if first_rows[-1] == 0:
        raise DataError("no-rows", f"{', '.join(one.name for one in sources[:5])}: no rows were found.")
    records = Records(pa.concat_tables(parts, promote_options="default"))

    def place(row: int) -> str:
        number = bisect.bisect_right(first_rows, row) - 1
        return sources[number].place(row - first_rows[number])

    raise_on_errors(row_errors(records, place))
    return records


def _table(reading: Reading) -> pa.Table:
    """Read all rows, with the optional columns that are not empty."""
    batches = [reading.checked(batch) for batch in reading.source_batches()]
    if not batches:
        return pa.table({name: pa.array([], pa.large_string()) for name in REQUIRED})
    table = pa.concat_tables(batches, promote_options="default")
    for name in OPTIONAL:
        if name in table.column_names and table.column(name).null_count == table.num_rows:
            table = table.drop_columns([name])
    if "split" in table.column_names:
        reading.check_splits(table, 0)
    return table


def _check_splits_everywhere(sources: list[Source], parts: list[pa.Table]) -> None:
    filled = [(one, part) for one, part in zip(sources, parts, strict=True) if part.num_rows]
    having = [one for one, part in filled if "split" in part.column_names]
    lacking = [one for one, part in filled if "split" not in part.column_names]
    if having and lacking:
        raise DataError(
            "missing-split",
            f"{lacking[0].name}: the rows have no split, but those of {having[0].name} have one. "
            "Give one to every row or to none.",
        )
