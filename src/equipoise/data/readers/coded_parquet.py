"""Columns of a Parquet file as dictionaries, read as the file stores them, while those stay small."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet

_MOST_BYTES: Final = 1 << 24  # of a dictionary

Reader = Callable[[Sequence[str]], pyarrow.parquet.ParquetFile]


def coded_batches(
    reader: Reader, groups: Sequence[int], names: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Stream the columns; decoding labels to strings and encoding them again would take ten times as long.

    Arrow keeps the dictionary of a column until the row group ends. A column whose strings hardly repeat, such as the
    answers of an open-ended task, is therefore read as plain strings from where its dictionary has grown too large.

    Parameters
    ----------
    reader : callable
        Opens the file with the given columns dictionary-encoded.
    groups : sequence of int
        The row groups to read.
    names : sequence of str
        The columns to read.
    batch_rows : int
        Most rows of a batch, and most strings in a dictionary before the column is read as plain strings.

    Yields
    ------
    pyarrow.RecordBatch
        In the order of the rows.
    """
    coded = list(names)
    file = reader(coded)
    for group in groups:
        given, grown = 0, True
        while grown:
            grown = False
            batches = file.iter_batches(batch_size=batch_rows, row_groups=[group], columns=names, use_threads=False)
            for batch in itertools.islice(batches, given, None):
                yield batch
                given += 1
                small = [name for name in coded if not _has_grown(batch.column(name), batch_rows)]
                if grown := len(small) < len(coded):
                    coded, file = small, reader(small)
                    break


def _has_grown(column: pa.Array, most: int) -> bool:
    if not isinstance(column, pa.DictionaryArray):
        return False
    return len(column.dictionary) > most or column.dictionary.nbytes > _MOST_BYTES
