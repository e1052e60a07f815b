"""Alias table: a row by one random number and at most two look-ups, each row exactly in proportion to its mass.

The 2**60 values of the random number are cut into N columns, as equal as integers allow. Column i belongs to row i, up
to its threshold; the values above belong to one other row, the column's alias. A row with less mass than its column
leaves room, which rows with more mass fill, one after the other: the room before a row and the surplus before a heavy
row are running sums, and one search in the other yields each column's alias. Everything is in integers.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.base.masses import WHOLE
from equipoise.base.words import high_product, words
from equipoise.samplers.by_weight.masses import row_masses
from equipoise.samplers.by_weight.weights import Weights, chunks

_SPARE = np.uint64(4)  # bits of a word above the 60 of the masses


@dataclass(frozen=True, slots=True, eq=False)
class AliasTable:
    """Rows to be drawn in proportion to their masses.

    12 bytes a row. Made by `of`.

    Parameters
    ----------
    thresholds : ndarray of int64, shape (N,)
        Number of values of each column that belong to its own row.
    aliases : ndarray of uint32, shape (N,)
        Row that the other values of each column belong to.

    References
    ----------
    Walker (1977), An efficient method for generating discrete random variables with general distributions.
    Huebschle-Schneider and Sanders (2022), Parallel weighted random sampling, section 4.2 (the sweep).

    Examples
    --------
    >>> table = AliasTable.of(np.array([WHOLE // 2, WHOLE // 4, WHOLE // 4, 0]))
    >>> table.rows(np.array([0, 2**62, 2**63, 2**64 - 1], dtype=np.uint64)).tolist()
    [0, 1, 2, 0]
    """

    thresholds: NDArray[np.int64]
    aliases: NDArray[np.uint32]

    @classmethod
    def of(cls, masses: NDArray[np.int64]) -> "AliasTable":
        """Return the table of these masses; their array becomes its thresholds.

        Parameters
        ----------
        masses : ndarray of int64, shape (N,)
            Not negative, 2**60 together, at most 2**32 of them. Overwritten.
        """
        n = len(masses)
        heavy, spent = _heavy(masses)
        aliases = np.arange(n, dtype=np.uint32)
        # A heavy row that has spent its surplus leaves room itself, which the next heavy one fills.
        aliases[heavy[:-1]] = heavy[1:]
        room = 0  # in the light columns so far; heavy rows fill it in their order, each with all of its surplus
        parts = chunks(n)
        cuts = np.searchsorted(heavy, np.array([part.start for part in parts], dtype=np.uint32)).tolist()
        for part, own in zip(parts, pairwise([*cuts, len(heavy)]), strict=True):
            over = _over(masses, part)
            over[heavy[slice(*own)].astype(np.int64) - part.start] = 1  # also of those that have spent it by now
            light = over <= 0
            rows, rooms = part.start + np.flatnonzero(light), -over[light]
            after = np.cumsum(rooms) + room
            if not after.size or not heavy.size:
                continue
            # A column is filled by the first heavy row whose surplus the columns before it did not spend.
            giver = np.searchsorted(spent, after - rooms, side="right")
            aliases[rows] = heavy[np.minimum(giver, len(heavy) - 1)]
            # The heavy rows that these columns exhaust: what their last column overdraws is room in their own column.
            done = slice(*np.searchsorted(spent, (room, after[-1]), side="right"))
            overdrawn = after[np.searchsorted(after, spent[done])] - spent[done]
            full = heavy[done].astype(np.int64)
            masses[full] = _starts(n, full + 1) - _starts(n, full) - overdrawn
            room = int(after[-1])
        return cls(masses, aliases)

    def rows(self, random: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row that each random word draws; its top 60 bits count."""
        numbers = random >> _SPARE
        n = len(self.thresholds)
        columns = high_product(numbers << _SPARE, np.uint64(n)).astype(np.int64)
        own = numbers.astype(np.int64) - _starts(n, columns) < self.thresholds[columns]
        return np.where(own, columns, self.aliases[columns])


class AliasStream:
    """Independent draws of rows, each with its exact mass.

    Parameters
    ----------
    weights : ndarray of float64, shape (N,)
        Finite, not negative, not all zero.
    seed : int
        Any integer. Streams of different seeds are unrelated.

    Examples
    --------
    >>> stream = AliasStream(np.array([0.0, 1.0, 3.0, 1.0]), seed=0)
    >>> (np.bincount(stream.rows(np.arange(10_000))) / 10_000).round(2).tolist()
    [0.0, 0.2, 0.59, 0.2]
    """

    def __init__(self, weights: Weights, seed: int) -> None:
        self._table = AliasTable.of(row_masses(weights, WHOLE, WHOLE))
        self._key = int(key("weighted", seed))

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row at each of the rising positions."""
        return self._table.rows(words(self._key, positions, each=1)[:, 0])


def _heavy(masses: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the rows with more mass than their column holds, and the running sum of their surplus."""
    n = len(masses)
    least = WHOLE // n  # a column holds this or one more
    rows = np.empty(sum(int((masses[part] > least).sum()) for part in chunks(n)), dtype=np.uint32)
    surplus = np.empty(len(rows), dtype=np.int64)
    found = 0
    for part in chunks(n):
        over = _over(masses, part)
        at = np.flatnonzero(over > 0)
        rows[found : found + len(at)] = part.start + at
        surplus[found : found + len(at)] = over[at]
        found += len(at)
    rows, surplus = rows[:found], surplus[:found]
    return rows, np.cumsum(surplus, out=surplus)


def _over(masses: NDArray[np.int64], part: slice) -> NDArray[np.int64]:
    """Return the mass of each row of a part beyond what its column holds."""
    return masses[part] - np.diff(_starts(len(masses), np.arange(part.start, part.stop + 1)))


def _starts(n: int, columns: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the first value of each of n columns, ceil(column * 2**60 / n): where value * n // 2**60 is the column."""
    whole, rest = divmod(WHOLE, n)
    numbers = columns.astype(np.uint64)
    up = (numbers * np.uint64(rest) + np.uint64(n - 1)) // np.uint64(n)  # column * rest < 2**64
    return (numbers * np.uint64(whole) + up).astype(np.int64)
