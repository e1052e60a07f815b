"""Columns of strings as codes: each distinct string is held once, and each row is a number."""

import dataclasses
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from equipoise.base.arrow import pc
from equipoise.data.spellings import same_spelling

_CHUNK: Final = 1 << 16
_NARROW: Final = 1 << 31  # below this a number takes four bytes


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class CodedColumn:
    """A column of strings, dictionary-encoded.

    Parameters
    ----------
    names : pyarrow.Array of large_string
        Strings without nulls; those that rows have are distinct, and others may be among them.
    codes : ndarray of int32, shape (N,)
        The position in `names` of each row's string; -1 for null.
    hashes : ndarray of uint64, shape (len(names), 2), optional
        The result of `text_hashes`, if it is there already.
    spellings : ndarray of int32, shape (len(names),), optional
        For each name that rows have the one that stands for all of its spellings, if it is known already.

    Examples
    --------
    >>> column = CodedColumn.of(pa.chunked_array([["b", None], ["a", "b"]]))
    >>> column.names.to_pylist(), column.codes.tolist()
    (['a', 'b'], [1, -1, 0, 1])
    """

    names: pa.Array
    codes: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64] | None = None
    spellings: npt.NDArray[np.int32] | None = None

    @classmethod
    def of(cls, column: pa.ChunkedArray, *, is_sorted: bool = True) -> "CodedColumn":
        """Encode a column of any Arrow string type; its names are sorted, or else in the order of their first rows."""
        if is_sorted and column.num_chunks and pa.types.is_dictionary(column.type):
            coded = column.unify_dictionaries().combine_chunks()
            if isinstance(coded, pa.DictionaryArray):
                texts = coded.dictionary.cast(pa.large_string())
                if not texts.null_count and len(texts.unique()) == len(texts):  # no row is decoded
                    return cls(texts, coded.indices.cast(pa.int32()).fill_null(-1).to_numpy()).sorted()
        if not pa.types.is_large_string(column.type):
            column = pc.cast(column, pa.large_string())
        chunks: list[Any] = column.dictionary_encode().chunks
        names: pa.Array = chunks[-1].dictionary if chunks else pa.nulls(0, pa.large_string())
        parts = [chunk.indices.fill_null(-1).to_numpy() for chunk in chunks]
        codes = np.concatenate([np.empty(0, np.int32), *parts])
        return cls(names, codes).sorted() if is_sorted else cls(names, codes)

    def sorted(self) -> "CodedColumn":
        """Return the same rows, with the names sorted."""
        order = pc.sort_indices(self.names)
        places = np.full(len(self.names) + 1, -1, np.int32)  # the last is what the code -1 reads
        places[order.to_numpy()] = np.arange(len(self.names))
        hashes = None if self.hashes is None else self.hashes[order.to_numpy()]
        return CodedColumn(self.names.take(order), places[self.codes], hashes)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str | None:
        """Return the string of one row."""
        code = int(self.codes[row])
        return None if code < 0 else self.names[code].as_py()

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "CodedColumn":
        """Return some rows, by their numbers or by a mask; the names are shared."""
        return dataclasses.replace(self, codes=self.codes[rows])

    def counts(self) -> npt.NDArray[np.int64]:
        """Return the number of rows of each name: ndarray of int64, shape (len(names),)."""
        return np.bincount(self.codes + np.int64(1), minlength=len(self.names) + 1)[1:]

    def present(self) -> list[str]:
        """Return the names that some row has, in the order of `names`."""
        return self.names.take(pa.array(np.flatnonzero(self.counts()))).to_pylist()

    def spread(self, values: Any, missing: Any) -> npt.NDArray[Any]:
        """Return for each row the value of its name, and `missing` for null.

        Parameters
        ----------
        values : array-like, shape (len(names),)
            One value for each name.
        missing : scalar
            The value of rows without a string.

        Examples
        --------
        >>> CodedColumn.of(pa.chunked_array([["b", None, "a"]])).spread([False, True], missing=True).tolist()
        [True, True, False]
        """
        given = np.asarray(values)
        if not len(given):
            return np.full(len(self), missing, given.dtype)
        spread = given[self.codes]  # a null reads the last one
        spread[self.codes < 0] = missing
        return spread

    def is_in(self, names: Any) -> npt.NDArray[np.bool_]:
        """Return for each row whether its string is one of some; null is not.

        Parameters
        ----------
        names : iterable of str
            The strings to look for.
        """
        wanted = pa.array(list(names), pa.large_string())
        return self.spread(pc.is_in(self.names, value_set=wanted).to_numpy(zero_copy_only=False), missing=False)

    def in_one_spelling(self) -> "CodedColumn":
        """Return the same rows, those with equal strings in several spellings (see `same_spelling`) with one of them.

        Examples
        --------
        >>> CodedColumn.of(pa.chunked_array([["7.0", None, "7", "8"]])).in_one_spelling().codes.tolist()
        [0, -1, 0, 2]
        """
        spellings = same_spelling(self.names).astype(np.int32) if self.spellings is None else self.spellings
        return dataclasses.replace(self, codes=self.spread(spellings, missing=-1))

    def compact(self) -> "CodedColumn":
        """Return the same rows, without the names that no row has; the others are sorted."""
        used = np.flatnonzero(self.counts())
        places = np.full(len(self.names) + 1, -1, np.int32)
        places[used] = np.arange(len(used))
        return CodedColumn(self.names.take(pa.array(used)), places[self.codes]).sorted()

    def hashed(self) -> "CodedColumn":
        """Return the same rows, with the hashes of the names."""
        return self if self.hashes is not None else dataclasses.replace(self, hashes=text_hashes(self.names))

    def row_hashes(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        """Return the hashes of the strings of some consecutive rows, of shape (rows, 2); zeros for null."""
        hashes = self.hashed().hashes
        assert hashes is not None
        codes = self.codes[start:stop]
        found = hashes[codes] if len(hashes) else np.zeros((len(codes), 2), np.uint64)
        found[codes < 0] = 0
        return found

    def to_arrow(self) -> pa.DictionaryArray:
        """Return the column as an Arrow dictionary; a null is a null code."""
        return pa.DictionaryArray.from_arrays(pa.array(self.codes, mask=self.codes < 0), self.names)

    def decoded(self) -> pa.ChunkedArray:
        """Return the column as large strings, each row with its own."""
        return pa.chunked_array([self.to_arrow().dictionary_decode()], pa.large_string())


def numbered(values: npt.NDArray[np.integer], below: int) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """Number the distinct values of an array, ascending, as `numpy.unique` does; without sorting where they are dense.

    Parameters
    ----------
    values : ndarray of integers, shape (N,)
        From 0 to `below` - 1.
    below : int
        More than the largest value.

    Returns
    -------
    numbers : ndarray of int32 or int64, shape (N,)
        The position of each value in `distinct`.
    distinct : ndarray of int64
        The values that occur, ascending.

    Examples
    --------
    >>> numbers, distinct = numbered(np.array([7, 3, 7]), 9)
    >>> numbers.tolist(), distinct.tolist()
    ([1, 0, 1], [3, 7])
    """
    if below > max(_CHUNK, 4 * len(values)):
        distinct, numbers = np.unique(values, return_inverse=True)
        return numbers.astype(np.int64, copy=False), distinct.astype(np.int64, copy=False)
    occurs = np.zeros(below, np.bool_)
    occurs[values] = True
    places = np.cumsum(occurs, dtype=np.int32 if below < _NARROW else np.int64)
    places -= 1
    return places[values], np.flatnonzero(occurs)


def text_bytes(texts: pa.Array) -> tuple[npt.NDArray[np.int64], memoryview]:
    """Return where strings end in the bytes that hold them, the end before the first included, and these bytes.

    Parameters
    ----------
    texts : pyarrow.Array of large_string, length K
        Without nulls.

    Returns
    -------
    ends : ndarray of int64, shape (K + 1,)
        String k is the bytes from ``ends[k]`` to ``ends[k + 1]``.
    data : memoryview
        Perhaps with bytes of other strings.
    """
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return ends, memoryview(data or b"")


def text_hashes(texts: pa.Array) -> npt.NDArray[np.uint64]:
    """Hash strings to 128 bits (XXH3), by which equal ones are found without comparing them.

    Parameters
    ----------
    texts : pyarrow.Array of large_string, length K
        Without nulls.

    Returns
    -------
    ndarray of uint64, shape (K, 2)
        Of ten billion distinct strings two have the same hash with a probability below 10^-18.

    Examples
    --------
    >>> one, other, same = text_hashes(pa.array(["a", "b", "a"], pa.large_string())).tolist()
    >>> one == same, one == other
    (True, False)
    """
    ends, view = text_bytes(texts)
    digest = xxhash.xxh3_128_digest
    hashes = np.empty((len(texts), 2), np.uint64)
    for start in range(0, len(texts), _CHUNK):
        bounds: list[int] = ends[start : start + _CHUNK + 1].tolist()
        joined = b"".join([digest(view[begin:end]) for begin, end in pairwise(bounds)])
        hashes[start : start + _CHUNK] = np.frombuffer(joined, "<u8").reshape(-1, 2)
    return hashes
