"""Arrow: its compute functions, and columns of any plain type as strings, exactly."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute

from equipoise.errors import DataError

pc: Any = pyarrow.compute
"""pyarrow makes its functions while it is imported, so a type checker does not see them under their own name."""

Complain = Callable[[int | None, str], DataError]


def loading(value: object) -> str:
    """Return the advice for a table that is not computed yet (polars, dask, Spark, Arrow datasets); "" for others.

    Examples
    --------
    >>> import pyarrow.dataset
    >>> table = pa.table({"task": ["mood"]})
    >>> loading(pyarrow.dataset.dataset(table)), loading(table)
    (' It has no rows yet: pass what its `.to_table()` returns.', '')
    """
    if hasattr(value, "__arrow_c_stream__"):
        return ""
    found = [name for name in ("toArrow", "to_table", "compute", "collect") if hasattr(value, name)]
    return f" It has no rows yet: pass what its `.{found[0]}()` returns." if found else ""


def as_text(column: pa.ChunkedArray, complain: Complain) -> pa.ChunkedArray:
    """Convert a column to `large_string`, exactly: the integer 1 is "1", the float 1.0 is "1.0".

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Strings, integers, booleans ("true" and "false"), floats (the shortest string that parses to the
        same number), or a dictionary of these. Nulls stay null.
    complain : callable
        Makes the error from the row number (None: all rows) and a phrase that says what is wrong.

    Raises
    ------
    DataError
        If a float is NaN, a string is not UTF-8, or the type is none of these (a list, a struct, a date).

    Examples
    --------
    >>> def complain(row, problem):
    ...     return DataError("bad-value", f"row {row} {problem}")
    >>> as_text(pa.chunked_array([[1, None]]), complain).to_pylist()
    ['1', None]
    >>> as_text(pa.chunked_array([[1.0, 0.1]]), complain).to_pylist()
    ['1.0', '0.1']
    """
    kind: pa.DataType = column.type
    if pa.types.is_dictionary(kind):
        plain = [chunk.dictionary_decode() for chunk in column.chunks]
        return as_text(pa.chunked_array(plain, kind.value_type), complain)
    if pa.types.is_floating(kind):
        return _float_text(column, complain)
    if not _is_plain(kind):
        raise complain(None, f"has the type {kind}, expected strings or plain numbers. Convert it to strings first.")
    if _is_text(kind):
        _check_utf8(column, complain)
    return pc.cast(column, pa.large_string())


def text_fields(schema: pa.Schema) -> list[str]:
    """Return the names of the fields whose type `as_text` takes, each once.

    Examples
    --------
    >>> text_fields(pa.schema({"text": pa.string(), "words": pa.list_(pa.string()), "age": pa.int8()}))
    ['text', 'age']
    """
    kinds = ((field.name, field.type) for field in schema)
    values = ((name, kind.value_type if pa.types.is_dictionary(kind) else kind) for name, kind in kinds)
    return list(dict.fromkeys(name for name, kind in values if _is_plain(kind)))


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
        if str(column.type) == "string_view" or pa.types.is_null(column.type):
            column = column.cast(pa.large_string())
        column = column.dictionary_encode()
    try:
        array = _one_chunk(column)
        texts = as_text(pa.chunked_array([array.dictionary]), lambda _, problem: DataError("bad-value", problem))
        if not texts.null_count:
            return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), texts.combine_chunks())
    except (pa.ArrowInvalid, DataError):
        pass  # more values than the codes can number, or an invalid one: only the rows tell which of them has it
    return _one_chunk(as_text(column, complain).dictionary_encode())


def nan_as_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace NaN by null in a column of floats, or of a dictionary of floats; return any other column as it is.

    Examples
    --------
    >>> nan_as_null(pa.chunked_array([[1.5, float("nan")]])).to_pylist()
    [1.5, None]
    """
    kind: pa.DataType = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_floating(kind.value_type):
        column = pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], kind.value_type)
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def is_blank(column: pa.ChunkedArray) -> pa.ChunkedArray:
    r"""Return where a string is null, empty or only white space.

    Examples
    --------
    >>> is_blank(pa.chunked_array([["a", "", " \u3000", None]])).to_pylist()
    [False, True, True, True]
    """
    blank = pc.or_(pc.equal(pc.binary_length(column), 0), pc.utf8_is_space(column))
    return pc.fill_null(blank, fill_value=True)


def first_true(mask: pa.ChunkedArray) -> int | None:
    """Return the number of the first true row, or None.

    Examples
    --------
    >>> first_true(pa.chunked_array([[False], [True, True]])), first_true(pa.chunked_array([[False]]))
    (1, None)
    """
    row: int = pc.index(mask, value=True).as_py()
    return None if row < 0 else row


def _one_chunk(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if not column.num_chunks:  # which Arrow 16 cannot combine
        return pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], column.type.value_type))
    whole: pa.DictionaryArray | pa.ChunkedArray = column.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view"


def _is_plain(kind: pa.DataType) -> bool:
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return _is_text(kind) or numbers or pa.types.is_null(kind)


def _float_text(column: pa.ChunkedArray, complain: Complain) -> pa.ChunkedArray:
    row = first_true(pc.fill_null(pc.is_nan(column), fill_value=False))
    if row is not None:
        raise complain(row, "is NaN (not a number). Drop the row, or replace the value.")
    texts: list[pa.Array] = []
    for chunk in column.chunks:
        coded = chunk.dictionary_encode()
        # numpy prints a float of any width as the shortest string that parses to the same number.
        distinct = [str(value) for value in coded.dictionary.to_numpy(zero_copy_only=False)]
        texts.append(pc.take(pa.array(distinct, pa.large_string()), coded.indices))
    return pa.chunked_array(texts, pa.large_string())


def _check_utf8(column: pa.ChunkedArray, complain: Complain) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        for row, value in enumerate(pc.cast(column, pa.large_binary())):
            try:
                (value.as_py() or b"").decode("utf-8")
            except UnicodeDecodeError as error:
                problem = f"is not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {error.start} of the value)."
                raise complain(row, f"{problem} Encode it as UTF-8.") from None
        raise
