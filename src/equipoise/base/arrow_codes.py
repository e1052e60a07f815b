"""Dictionary-encoded columns, from which labels are counted."""

import pyarrow as pa

from equipoise.base.arrow_text import Complain, as_text
from equipoise.errors import DataError


def as_coded_text(column: pa.ChunkedArray, complain: Complain) -> pa.DictionaryArray:
    """Convert a column to strings as `as_text` does, dictionary-encoded.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        As in `as_text`; a dictionary column, as Parquet stores labels, is not decoded.
    complain : callable
        As in `as_text`.

    Returns
    -------
    pyarrow.DictionaryArray
        Its dictionary is `large_string` without nulls, perhaps with strings that no row has; a null is a null code.

    Raises
    ------
    DataError
        If `as_text` raises it.

    Examples
    --------
    >>> coded = as_coded_text(pa.chunked_array([[1, None, 1]]), lambda row, problem: DataError("bad-value", problem))
    >>> coded.dictionary.to_pylist(), coded.indices.to_pylist()
    (['1'], [0, None, 0])
    """
    if not pa.types.is_dictionary(column.type):
        as_text(column.slice(0, 0), complain)  # refuse types that cannot be strings
        if str(column.type) == "string_view":
            column = column.cast(pa.large_string())
        column = column.dictionary_encode()
    try:
        array = _one_chunk(column)
    except pa.ArrowInvalid:  # nulls in the dictionary, or more values than the codes can number
        array = _one_chunk(as_text(column, complain).dictionary_encode())
    values = pa.chunked_array([array.dictionary])
    try:
        texts = as_text(values, _odd_value)
    except DataError:
        # A distinct value is invalid; only the rows tell which of them has it, if any.
        return _one_chunk(as_text(column, complain).dictionary_encode())
    if texts.null_count:
        return _one_chunk(as_text(column, complain).dictionary_encode())
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), texts.combine_chunks())


def _one_chunk(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole: pa.DictionaryArray | pa.ChunkedArray = column.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _odd_value(_: int | None, problem: str) -> DataError:
    return DataError("bad-value", problem)
