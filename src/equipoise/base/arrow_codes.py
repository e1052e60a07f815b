"""Columns of which each distinct text is held once: what labels are counted from."""

import pyarrow as pa

from equipoise.base.arrow_text import Complain, as_text
from equipoise.errors import DataError


def as_coded_text(column: pa.ChunkedArray, complain: Complain) -> pa.DictionaryArray:
    """Convert a column as `as_text` does, but to codes and the distinct texts that they stand for.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        As in `as_text`; one that is a dictionary already, as Parquet stores labels, is not unpacked.
    complain : callable
        As in `as_text`.

    Returns
    -------
    pyarrow.DictionaryArray
        Its dictionary is `large_string` without nulls, perhaps with texts that no row has; a null is a null code.

    Raises
    ------
    DataError
        As `as_text`.

    Examples
    --------
    >>> coded = as_coded_text(pa.chunked_array([[1, None, 1]]), lambda row, problem: DataError(problem))
    >>> coded.dictionary.to_pylist(), coded.indices.to_pylist()
    (['1'], [0, None, 0])
    """
    if not pa.types.is_dictionary(column.type):
        as_text(column.slice(0, 0), complain)  # a type that no text is made of
        if str(column.type) == "string_view":
            column = column.cast(pa.large_string())
        column = column.dictionary_encode()
    try:
        array = _one_chunk(column)
    except pa.ArrowInvalid:  # nulls among the values, or more of them than the codes can number
        array = _one_chunk(as_text(column, complain).dictionary_encode())
    values = pa.chunked_array([array.dictionary])
    try:
        texts = as_text(values, _odd_value)
    except DataError:
        # One of the distinct values is not fit. Which row has it, if any, is seen in the rows themselves.
        return _one_chunk(as_text(column, complain).dictionary_encode())
    if texts.null_count:
        return _one_chunk(as_text(column, complain).dictionary_encode())
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), texts.combine_chunks())


def _one_chunk(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole: pa.DictionaryArray | pa.ChunkedArray = column.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _odd_value(_: int | None, problem: str) -> DataError:
    return DataError(problem)
