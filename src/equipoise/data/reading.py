"""Read records from files and datasets."""

import bisect
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.census.labels import MissingLabels, check_missing_labels, warn_skipped
from equipoise.data.checks.checks import raise_on_errors, row_errors
from equipoise.data.columns import (
    FIELDS,
    OPTIONAL,
    Columns,
)
from equipoise.data.prepared.rows import prepared_rows, rows_name
from equipoise.data.readers.encodings import UTF8
from equipoise.data.readers.fields import Reading, check_together, has_values
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.options import ReadOptions
from equipoise.data.readers.sources import find_sources
from equipoise.data.records import Records
from equipoise.errors import DataError

_COLUMNS: Final = Columns()
_NO_SPLITS: Final[Mapping[str, str]] = MappingProxyType({})


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
        check_together(readings)

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

        def batches_of_name() -> Iterator[pa.Table]:
            yield from batches()
            if rows_name(found, options) != name:
                sentence = "has changed while it was read" if len(found) == 1 else "or another has changed meanwhile"
                raise DataError("changed-file", f"{found[0].name}: the file {sentence}. Read it again.")

        records = prepared_rows(cache, name, batches_of_name, check)
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


def iter_rows(
    source: object,
    columns: Columns = _COLUMNS,
    *,
    default_task: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    delimiter: str | None = None,
    encoding: str = UTF8,
    splits: Mapping[str, str] = _NO_SPLITS,
    missing_labels: MissingLabels = "error",
) -> Iterator[pa.Table]:
    """Stream rows that are to be predicted, in constant memory; arguments and errors as in `read_records`.

    Yields
    ------
    pyarrow.Table
        Columns of large strings: `task`, `input` and `target` (null where it is missing), and of the optional fields
        those that the source has.
    """
    how = ReadOptions(limits, delimiter, encoding, splits)
    for one in find_sources(source, how):
        yield from Reading(one, columns, FIELDS, default_task, False, how.splits, missing_labels).batches()


def _with_targets(records: Records) -> NDArray[np.int64] | None:
    """Return the numbers of the rows that have a target; None if all have."""
    given = records.coded("target").codes >= 0
    return None if given.all() else np.flatnonzero(given)


def _is_empty(table: pa.Table, name: str) -> bool:
    return name in table.column_names and not has_values(table, name)
