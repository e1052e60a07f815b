"""Columns of strings as codes: each distinct string is held once, and each row is a number."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.data.spellings import same_spelling


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class CodedColumn:
    """A column of strings, dictionary-encoded.

    Parameters
    ----------
    names : pyarrow.Array of large_string
        Distinct strings, perhaps with some that no row has.
    codes : ndarray of int32, shape (N,)
        The position in `names` of each row's string; -1 for null.

    Examples
    --------
    >>> column = CodedColumn.of(pa.chunked_array([["b", None], ["a", "b"]]))
    >>> column.names.to_pylist(), column.codes.tolist()
    (['a', 'b'], [1, -1, 0, 1])
    """

    names: pa.Array
    codes: npt.NDArray[np.int32]

    @classmethod
    def of(cls, column: pa.ChunkedArray, *, is_sorted: bool = True) -> "CodedColumn":
        """Encode a column of any Arrow string type; its names are sorted, or else in the order of their first rows."""
        if not pa.types.is_large_string(column.type):
            column = pc.cast(column, pa.large_string())
        chunks: list[Any] = column.dictionary_encode().chunks
        names: pa.Array = chunks[-1].dictionary if chunks else pa.nulls(0, pa.large_string())
        parts = [chunk.indices.fill_null(-1).to_numpy() for chunk in chunks]
        codes = np.concatenate([np.empty(0, np.int32), *parts])
        if is_sorted:
            order = pc.sort_indices(names)
            places = np.full(len(names) + 1, -1, np.int32)  # the last is what the code -1 reads
            places[order.to_numpy()] = np.arange(len(names))
            names, codes = names.take(order), places[codes]
        return cls(names, codes)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str | None:
        """Return the string of one row."""
        code = int(self.codes[row])
        return None if code < 0 else self.names[code].as_py()

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "CodedColumn":
        """Return some rows, by their numbers or by a mask; the names are shared."""
        return CodedColumn(self.names, self.codes[rows])

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
        return np.append(given, np.asarray(missing, given.dtype))[self.codes]

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
        return CodedColumn(self.names, self.spread(same_spelling(self.names), missing=-1).astype(np.int32))

    def compact(self) -> "CodedColumn":
        """Return the same rows, without the names that no row has."""
        used = np.flatnonzero(self.counts())
        places = np.full(len(self.names) + 1, -1, np.int32)
        places[used] = np.arange(len(used))
        return CodedColumn(self.names.take(pa.array(used)), places[self.codes])

    def by_appearance(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return what depends on the rows' strings alone, whatever the order of the names and the names without rows.

        Returns
        -------
        used : ndarray of int64
            Positions in `names` of those that some row has, in the order of their first rows.
        codes : ndarray of int32, shape (N,)
            The position in `used` of each row's string; -1 for null.
        """
        first = np.full(len(self.names) + 1, len(self), np.int64)  # the last is what the code -1 writes
        np.minimum.at(first, self.codes, np.arange(len(self)))
        used = np.argsort(first[:-1], kind="stable")[: np.count_nonzero(first[:-1] < len(self))]
        places = np.full(len(self.names) + 1, -1, np.int32)
        places[used] = np.arange(len(used))
        return used, places[self.codes]

    def to_arrow(self) -> pa.DictionaryArray:
        """Return the column as an Arrow dictionary; a null is a null code."""
        return pa.DictionaryArray.from_arrays(pa.array(self.codes, mask=self.codes < 0), self.names)

    def decoded(self) -> pa.ChunkedArray:
        """Return the column as large strings, each row with its own."""
        return pa.chunked_array([self.to_arrow().dictionary_decode()], pa.large_string())
