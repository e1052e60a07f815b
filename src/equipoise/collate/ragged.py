"""Rows of unequal length in two flat arrays (compressed sparse rows)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """Token sequences in one flat array: row i is `values[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    values : ndarray of int32
        All rows, concatenated.
    offsets : ndarray of int64, shape (rows + 1,)
        Start of each row, and the end of the last.

    Examples
    --------
    >>> rows = Ragged.from_lists([[5, 6], [], [7, 8, 9]])
    >>> len(rows), rows[2].tolist(), rows.lengths.tolist()
    (3, [7, 8, 9], [2, 0, 3])
    """

    values: NDArray[np.int32]
    offsets: NDArray[np.int64]

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Copy lists of token ids.

        Parameters
        ----------
        rows : sequence of sequences of int
            The token ids of each row; a row may be empty.

        Returns
        -------
        Ragged
            The same rows.
        """
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        values = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))
        return cls(values, _offsets(lengths))

    @classmethod
    def concatenate(cls, parts: Iterable["Ragged"]) -> "Ragged":
        """Concatenate the rows of several parts.

        Parameters
        ----------
        parts : iterable of Ragged
            May be empty.

        Returns
        -------
        Ragged
            The rows of the first part, then those of the next.
        """
        held = list(parts)
        lengths = np.concatenate([np.empty(0, np.int64), *(part.lengths for part in held)])
        return cls(np.concatenate([np.empty(0, np.int32), *(part.values for part in held)]), _offsets(lengths))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of tokens of each row."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        """Return one row as a view."""
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def truncated(self, maximum: int, last: int | None) -> "Ragged":
        """Cut every row to `maximum` tokens; a row that ended with the token `last` still ends with it.

        Parameters
        ----------
        maximum : int
            The most tokens a row may keep, at least 1.
        last : int or None
            The end-of-sequence token to keep.

        Returns
        -------
        Ragged
            The same object when no row is too long.

        Examples
        --------
        >>> rows = Ragged.from_lists([[5, 6, 7, 1], [8, 1]]).truncated(3, last=1)
        >>> rows[0].tolist(), rows[1].tolist()
        ([5, 6, 1], [8, 1])
        """
        long = self.lengths > maximum
        if not long.any():
            return self
        kept = np.minimum(self.lengths, maximum)
        offsets = _offsets(kept)
        place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], kept)
        values = self.values[np.repeat(self.offsets[:-1], kept) + place]
        if last is not None:
            values[offsets[1:][long & self.end_with(last)] - 1] = last
        return Ragged(values, offsets)

    def replaced(self, rows: NDArray[np.int64], tokens: Sequence[NDArray[np.int32]]) -> "Ragged":
        """Return all rows, with other tokens for some of them.

        Parameters
        ----------
        rows : ndarray of int64
            The rows to replace, ascending.
        tokens : sequence of ndarrays of int32
            Their new tokens.

        Examples
        --------
        >>> rows = Ragged.from_lists([[5, 6], [7], [8]]).replaced(np.array([1]), [np.array([3, 4], np.int32)])
        >>> [rows[row].tolist() for row in range(3)]
        [[5, 6], [3, 4], [8]]
        """
        lengths = self.lengths
        lengths[rows] = [len(each) for each in tokens]
        # What lies before, between and behind the replaced rows is copied in one piece each.
        between = np.split(self.values, np.stack([self.offsets[rows], self.offsets[rows + 1]], axis=1).ravel())
        between[1::2] = tokens
        return Ragged(np.concatenate(between), _offsets(lengths))

    def holding(self, token: int) -> NDArray[np.bool_]:
        """Return for every row whether it has a token.

        Parameters
        ----------
        token : int
            A token id.

        Returns
        -------
        ndarray of bool, shape (rows,)
            False for an empty row.

        Examples
        --------
        >>> Ragged.from_lists([[5, 1], [], [1, 5, 5], [1]]).holding(5).tolist()
        [True, False, True, False]
        """
        found = np.zeros(len(self), np.bool_)
        found[np.searchsorted(self.offsets, np.flatnonzero(self.values == token), side="right") - 1] = True
        return found

    def end_with(self, token: int) -> NDArray[np.bool_]:
        """Return for every row whether its last token is `token`.

        Parameters
        ----------
        token : int
            A token id.

        Returns
        -------
        ndarray of bool, shape (rows,)
            False for an empty row.

        Examples
        --------
        >>> Ragged.from_lists([[5, 1], [], [1, 5]]).end_with(1).tolist()
        [True, False, False]
        """
        ends = np.zeros(len(self), np.bool_)
        filled = self.lengths > 0
        ends[filled] = self.values[self.offsets[1:][filled] - 1] == token
        return ends

    def without_first(self, token: int) -> "Ragged":
        """Return all rows, without the first token of those that begin with `token`.

        Parameters
        ----------
        token : int
            A token id.

        Examples
        --------
        >>> rows = Ragged.from_lists([[5, 5, 1], [], [1, 5]]).without_first(5)
        >>> [rows[row].tolist() for row in range(3)]
        [[5, 1], [], [1, 5]]
        """
        filled = np.flatnonzero(self.lengths)
        begin = filled[self.values[self.offsets[filled]] == token]
        lengths = self.lengths
        lengths[begin] -= 1
        return Ragged(np.delete(self.values, self.offsets[begin]), _offsets(lengths))


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
