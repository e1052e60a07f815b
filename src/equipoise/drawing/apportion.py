"""How many draws of the first t blocks each stratum gets: integers, within one draw of its exact share.

If the block is a power of two, the stream has 2**60 draws, and a stratum with mass m gets exactly m of them. With other
blocks it is up to half as long, and the masses are rounded to that by largest remainder. Halfway through the stream
each stratum has its exact share, rounded by largest remainder; halfway through a half again, and so on down to a
block. The count halfway is kept between the counts at the two ends, so counts never fall. Where every stratum is due
a draw in each half of a stretch, all are less than one draw from their exact share; with rarer strata one of them can
be slightly further away.

So the counts at any block's end are found by at most 60 halvings, without computing the blocks before it: resuming at
draw 10**9 costs as much as resuming at draw 0, and there is no carry to save. Everything is computed in integers.
"""

import numpy as np
from numpy.typing import NDArray

from equipoise.base.masses import largest_remainder

_STREAM_BITS = 60  # the longest stream has 2**60 draws
LENGTH = 1 << (_STREAM_BITS - 1)  # draws that a stream has whatever its block
_CELLS = 1 << 15  # counts computed together: enough to spread numpy's calls, few enough for the processor's cache
_BLOCK_BITS = 8  # at most 2**8 blocks together: a short stretch should not pay for a long one
_LARGEST = np.iinfo(np.int64).max

Counts = NDArray[np.int64]


class Apportionment:
    """Cumulative draws of each stratum at the ends of blocks.

    The last group of blocks and the halvings that lead to it are kept: what follows is computed incrementally.

    Parameters
    ----------
    masses : ndarray of int64, shape (S,)
        Draws of each stratum in the whole stream: at least 1 each, 2**60 together.
    block : int
        Draws in a block, from 1.

    Examples
    --------
    >>> third = (1 << 60) // 3
    >>> masses = np.array([third, third, (1 << 60) - 2 * third])
    >>> Apportionment(masses, block=8).ends(0, 3).tolist()
    [[0, 0, 0], [3, 2, 3], [5, 5, 6], [8, 8, 8]]
    """

    def __init__(self, masses: Counts, block: int) -> None:
        self._levels = _STREAM_BITS - (block - 1).bit_length()
        counts = np.zeros((2, len(masses)), np.int64)
        counts[1] = largest_remainder(masses.tolist(), block << self._levels)
        # Of the stretches of 2**(levels - level) blocks that were halved last, level by level: number, counts at both
        # ends, and their errors in units of 2**-level draws. An error is an integer in that unit: exact.
        self._path = [(0, counts, np.zeros_like(counts))]
        self._bits = min(self._levels, _BLOCK_BITS, max(0, (_CELLS // len(masses)).bit_length() - 1))
        self._held = (-1, np.zeros((0, len(masses)), np.int64))  # the last group, and its number

    def ends(self, first: int, last: int) -> Counts:
        """Return the cumulative counts at the start of each block from `first` to `last` inclusive.

        Parameters
        ----------
        first, last : int
            Block numbers, ``0 <= first <= last``.

        Returns
        -------
        ndarray of int64, shape (last - first + 1, S)
            Row i holds the draws of each stratum before block ``first + i``.
        """
        parts: list[Counts] = []
        at = first
        while at <= last:
            rows, start = self._group(at >> self._bits), at >> self._bits << self._bits
            # The end of a group is the start of the next, which is not computed for it alone.
            over = start + len(rows) if last == start + len(rows) - 1 else start + len(rows) - 1
            parts.append(rows[at - start : min(last + 1, over) - start])
            at = min(last + 1, over)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _group(self, number: int) -> Counts:
        """Return the counts at all ends of an aligned group of blocks, which are split together, level by level."""
        if number != self._held[0]:
            top = self._levels - self._bits
            counts, errors = self._descend(number, top)
            for level in range(top, self._levels):
                counts, errors = _halved(counts, errors, level)
            self._held = (number, counts)
        return self._held[1]

    def _descend(self, number: int, level: int) -> tuple[Counts, Counts]:
        """Return counts and errors at the two ends of a stretch."""
        while len(self._path) > level + 1 or self._path[-1][0] != number >> (level + 1 - len(self._path)):
            self._path.pop()
        while len(self._path) <= level:
            below = number >> (level - len(self._path))
            _, counts, errors = self._path[-1]
            counts, errors = (ends[below % 2 :][:2] for ends in _halved(counts, errors, len(self._path) - 1))
            self._path.append((below, counts, errors))
        return self._path[-1][1:]


def _halved(counts: Counts, errors: Counts, level: int) -> tuple[Counts, Counts]:
    """Return the counts at the ends and halfway; errors are in units of 2**-level and then of 2**-(level + 1)."""
    left, right = counts[:-1], counts[1:]
    both = left + right
    half = both >> 1
    whole = np.int64(level + 1)  # one draw is 2**whole of the new unit
    # The exact share halfway, counted from `half`. Two errors in the old unit add up to their mean in the new one.
    share = ((both & 1) << np.int64(level)) - (errors[:-1] + errors[1:])
    middle = np.minimum(np.maximum(half + (share >> whole), left), right)
    error = ((middle - half) << whole) - share
    # All counts halfway must sum to half of all counts.
    missing = both.sum(axis=-1, keepdims=True) // 2 - middle.sum(axis=-1, keepdims=True)
    while missing.any():
        # One draw more for the strata furthest behind, or one less for those furthest ahead.
        sign = np.sign(missing)
        free = np.where(sign > 0, middle < right, middle > left)
        step = np.where(free & _smallest(np.where(free, error * sign, _LARGEST), np.abs(missing)), sign, 0)
        middle = middle + step
        error = error + (step << whole)
        missing = missing - step.sum(axis=-1, keepdims=True)
    return _interleave(counts, middle), _interleave(errors * 2, error)


def _smallest(values: Counts, count: Counts) -> NDArray[np.bool_]:
    """Mark the ``count`` smallest values of each row, the earlier one in a tie."""
    width = values.shape[-1]
    ordered = np.sort(values, axis=-1).ravel()
    row_starts = np.arange(0, values.size, width)
    last = np.minimum(np.maximum(count, 1), width).ravel() - 1
    threshold = ordered.take(row_starts + last).reshape(count.shape)
    below, equal = values < threshold, values == threshold
    room = count - below.sum(axis=-1, keepdims=True)
    return (below | (equal & (equal.cumsum(axis=-1) <= room))) & (count > 0)


def _interleave(ends: Counts, middles: Counts) -> Counts:
    woven = np.empty((len(ends) + len(middles), ends.shape[1]), dtype=np.int64)
    woven[0::2], woven[1::2] = ends, middles
    return woven
