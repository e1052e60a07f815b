"""Stream the task and the label of every row, from which a census is counted."""

import functools
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from equipoise.base.arrow import as_coded_text, is_blank, pc
from equipoise.census.labels import MissingLabels, check_missing_labels, coded_column
from equipoise.data.columns import Columns, canonical_splits, check_split
from equipoise.data.readers.encodings import UTF8
from equipoise.data.readers.fields import Reading, has_values
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.data.readers.options import ReadOptions
from equipoise.data.readers.source import Source
from equipoise.data.readers.sources import find_sources

_COLUMNS = Columns()


def iter_labels(
    source: object,
    columns: Columns = _COLUMNS,
    *,
    default_task: str | None = None,
    split: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    delimiter: str | None = None,
    encoding: str = UTF8,
    splits: Mapping[str, str] = MappingProxyType({}),
    missing_labels: MissingLabels = "error",
) -> Iterator[pa.Table]:
    """Stream the task and the label of every row, in constant memory, without the inputs.

    Parameters
    ----------
    source, columns, default_task, limits, delimiter, encoding, splits
        As in `read_records`.
    split : {"train", "validation", "test"} or None
        Only rows of this split; None takes all of them and does not read the splits.
    missing_labels : {"error", "skip"}
        "skip": the label of a row that has none is null, so that rows keep their numbers.

    Yields
    ------
    pyarrow.Table
        Columns `task` and `label`, both dictionaries of `large_string`.

    Raises
    ------
    DataError
        As in `read_records`, or if `split` is given and a source has none.
    """
    check_split(split)
    check_missing_labels(missing_labels)
    how = ReadOptions(limits, delimiter, encoding, splits)
    for one in find_sources(source, how):
        yield from labels_of(labels_reading(one, columns, how.splits, default_task, split, missing_labels), split)


def labels_reading(
    source: Source,
    columns: Columns,
    splits: Mapping[str, str],
    default_task: str | None,
    split: str | None,
    missing_labels: MissingLabels = "error",
) -> Reading:
    """Return the reading of the labels of one source, and if one split is wanted of the splits."""
    fields = ("task", "target", *(("split",) if split else ()))
    return Reading(source, columns, fields, default_task, splits=splits, missing_labels=missing_labels)


def labels_of(reading: Reading, split: str | None, *, or_all: bool = False) -> Iterator[pa.Table]:
    """Stream the labels of one source, as `iter_labels` does; with `or_all` those of all rows if none has a split."""
    for batch in reading.source_batches():
        # Valid batches are checked by their distinct values alone; others row by row, to name the row that is wrong.
        table = _plain(reading, batch)
        if table is None:
            table = _row_by_row(reading, batch, split, or_all=or_all)
        else:
            reading.note_splits(table)
            reading.rows += table.num_rows
        if split and "split" in table.column_names:
            table = table.filter(_is_split(table, split))
        yield table.select(["task", "target"]).rename_columns(["task", "label"])
    reading.end()


def _plain(reading: Reading, batch: pa.Table) -> pa.Table | None:
    """Return the fields of a batch as codes, or None where a value is missing or wrong."""
    arrays: dict[str, pa.DictionaryArray] = {}
    for field in reading.fields:
        name = reading.columns.source_of(field)
        if name not in batch.column_names:
            if field != "task" or reading.default_task is None:
                return None
            codes, names = np.zeros(batch.num_rows, np.int32), pa.array([reading.default_task], pa.large_string())
            arrays[field] = pa.DictionaryArray.from_arrays(codes, names)
            continue
        if field == "target" and reading.skips:
            arrays[field] = coded_column(batch.column(name), functools.partial(reading.wrong, name))
            continue
        array = as_coded_text(batch.column(name), functools.partial(reading.wrong, name))
        texts = pa.chunked_array([array.dictionary])
        if array.null_count or pc.any(is_blank(texts)).as_py():
            return None
        if field == "split":
            splits = canonical_splits(texts, reading.splits).combine_chunks()
            if splits.null_count:
                return None
            array = pa.DictionaryArray.from_arrays(array.indices, splits)
        arrays[field] = array
    return pa.table(arrays)


def _row_by_row(reading: Reading, batch: pa.Table, split: str | None, *, or_all: bool) -> pa.Table:
    table = reading.checked(batch)
    if split and not has_values(table, "split"):
        if not or_all and not reading.has_split:
            sentence = f"the rows have no split, so those of {split!r} cannot be selected."
            raise reading.source.error("no-splits", sentence)
        table = table.select(["task", "target"])
    elif split:
        reading.end()  # before a split of some rows is taken for that of all
    return pa.table({name: table.column(name).dictionary_encode() for name in table.column_names})


def _is_split(table: pa.Table, split: str) -> pa.ChunkedArray:
    chunks = [pc.take(pc.equal(chunk.dictionary, split), chunk.indices) for chunk in table.column("split").chunks]
    return pa.chunked_array(chunks, pa.bool_())
