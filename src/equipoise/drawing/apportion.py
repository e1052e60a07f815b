"""How many draws of the first t blocks each stratum gets: integers, within one draw of its exact share.

If the block is a power of two, the stream has 2**60 draws, and a stratum with mass m gets exactly m of them. With other
blocks it is up to half as long, and the masses are rounded to that by largest remainder. Halfway through the stream
each stratum has its exact share, rounded by largest remainder; halfway through a half again, and so on down to a
block. The count halfway is kept between the counts at the two ends, so counts never fall. Where every stratum is due
a draw in each half of a stretch, all are less than one draw from their exact share; with rarer strata one of them can
be slightly further away.

So the counts at any block's end are found by at most 60 halvings, without computing the blocks before it: resuming at
draw 10**9 costs as much as resuming at draw 0, and there is no carry to save. Everything is computed in integers.

A later stage of a schedule begins with the errors that the stage before it left, so that roundings do not add up over
many stages. Its stretches are the first 32 blocks, the next 32, the next 64 and so on: the counts at their
ends are the exact shares, rounded by largest remainder, and each is halved as above.
"""

from abc import ABC, abstractmethod

import numpy as np

from equipoise.base.masses import largest_remainder
from equipoise.drawing.rounding import STREAM_BITS, Counts, errors_after, rounded, settled

LENGTH = 1 << (STREAM_BITS - 1)  # draws that a stream has whatever its block
_CELLS = 1 << 15  # counts computed together: enough to spread numpy's calls, few enough for the processor's cache
_BLOCK_BITS = 8  # at most 2**8 blocks together: a short stretch should not pay for a long one
_FEW_CELLS = 1 << 12  # counts that are not worth leaving out
_AHEAD = 4  # times as many blocks as are asked for are computed where they are read in order
_FIRST_BITS = 5  # of the blocks in the first stretch of a later stage
_HELD = 4  # stretches of a later stage
_ERROR_BITS = 20  # below a draw, to which errors at the ends of a stretch are rounded


class Apportioned(ABC):
    """Cumulative draws of each stratum at the ends of blocks, from 0 at the start of the first."""

    @abstractmethod
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


class Apportionment(Apportioned):
    """Cumulative draws of each stratum of an endless stream.

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
        levels = STREAM_BITS - (block - 1).bit_length()
        counts = np.zeros((2, len(masses)), np.int64)
        counts[1] = largest_remainder(masses.tolist(), block << levels)
        self._whole = _Halving(counts, np.zeros_like(counts), levels)

    def ends(self, first: int, last: int) -> Counts:
        """Return the cumulative counts at blocks' starts; see `Apportioned.ends`."""
        return self._whole.ends(first, last)


class Carried(Apportioned):
    """Cumulative draws of each stratum of a stage that begins with the errors of the stage before it.

    Parameters
    ----------
    masses : ndarray of int64, shape (S,)
        Shares of the stage in units of 2**-60, at least 1 each.
    block : int
        Draws in a block, from 1.
    errors : ndarray of int64, shape (S,)
        Draws of each stratum before the stage less its exact shares until then, in units of 2**-60 draws.

    Examples
    --------
    >>> masses = np.array([1 << 59, 1 << 59])
    >>> Carried(masses, block=3, errors=np.array([-(1 << 59), 1 << 59])).ends(0, 4).tolist()
    [[0, 0], [2, 1], [4, 2], [5, 4], [7, 5]]
    """

    def __init__(self, masses: Counts, block: int, errors: Counts) -> None:
        self._masses, self._block, self._errors = masses, block, errors
        self._known = [np.zeros_like(masses)]  # counts at the ends of stretches, from the start of the first
        self._held: dict[int, _Halving] = {}  # the last stretches, by their numbers

    def ends(self, first: int, last: int) -> Counts:
        """Return the cumulative counts at blocks' starts; see `Apportioned.ends`."""
        parts: list[Counts] = []
        at = first
        while at <= last:
            number = max(0, at.bit_length() - _FIRST_BITS)
            begin, end = _start_of(number), _start_of(number + 1)
            # The end of a stretch is the start of the next, which is not computed for it alone.
            over = end + 1 if last == end else end
            parts.append(self._stretch(number).ends(at - begin, min(last + 1, over) - 1 - begin))
            at = min(last + 1, over)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _stretch(self, number: int) -> "_Halving":
        if number not in self._held:
            for known in range(len(self._known), number + 2):
                draws = self._block * _start_of(known)
                self._known.append(rounded(draws, self._masses, self._errors, self._known[-1]))
            counts = np.stack(self._known[number : number + 2])
            draws = self._block * np.array([[_start_of(number)], [_start_of(number + 1)]])
            errors = errors_after(counts, draws, self._masses, self._errors)
            levels = _FIRST_BITS + max(0, number - 1)
            bits = min(_ERROR_BITS, STREAM_BITS - levels)
            self._held[number] = _Halving(counts, errors >> (STREAM_BITS - bits), levels, bits)
            if len(self._held) > _HELD:
                del self._held[next(iter(self._held))]
        return self._held[number]


def _start_of(stretch: int) -> int:
    """Return the first block of a stretch of a later stage."""
    return 1 << (_FIRST_BITS + stretch - 1) if stretch else 0


class _Halving:
    """Counts at the ends of the 2**levels blocks of a stretch, from those at its own two ends.

    `counts` and `errors` have the shape (2, S); errors are in units of 2**-bits draws.
    """

    def __init__(self, counts: Counts, errors: Counts, levels: int, bits: int = 0) -> None:
        self._levels, self._unit = levels, bits
        # Of the stretches of 2**(levels - level) blocks that were halved last, level by level: number, counts at both
        # ends, and their errors in units of 2**-(bits + level) draws. An error is an integer in that unit: exact.
        self._path = [(0, counts, errors)]
        self._bits = min(levels, _BLOCK_BITS, max(0, (_CELLS // counts.shape[1]).bit_length() - 1))
        self._held = (-1, 0, counts[:0])  # the last group: number, first block, counts from it on

    def ends(self, first: int, last: int) -> Counts:
        parts: list[Counts] = []
        at, size = first, 1 << self._bits
        while at <= last:
            number = at >> self._bits
            start = number << self._bits
            # The end of a group is the start of the next, which is not computed for it alone.
            over = start + size + (last == start + size)
            until = min(last + 1, over)
            parts.append(self._group(number, at - start, until - start - 1))
            at = until
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _group(self, number: int, first: int, last: int) -> Counts:
        """Return the counts from `first` to `last` of an aligned group of blocks, which are split level by level."""
        held, begin, rows = self._held
        if number != held or not begin <= first <= last < begin + len(rows):
            size = 1 << self._bits
            begin, end = first, max(last, first + 1)
            if size * rows.shape[1] <= _FEW_CELLS:
                begin, end = 0, size
            elif number == held and self._held[1] <= first <= self._held[1] + len(rows):
                end = min(size, first + _AHEAD * (end - first))  # blocks are read in order
            top = self._levels - self._bits
            counts, errors = self._descend(number, top)
            left = 0
            for level in range(top, self._levels):
                counts, errors = _halved(counts, errors, self._unit + level)
                below = self._levels - level - 1
                start, stop = begin >> below, ((end - 1) >> below) + 2
                counts, errors = counts[start - 2 * left : stop - 2 * left], errors[start - 2 * left : stop - 2 * left]
                left = start
            rows = counts
            self._held = (number, begin, rows)
        return rows[first - begin : last + 1 - begin]

    def _descend(self, number: int, level: int) -> tuple[Counts, Counts]:
        """Return counts and errors at the two ends of a stretch."""
        while len(self._path) > level + 1 or self._path[-1][0] != number >> (level + 1 - len(self._path)):
            self._path.pop()
        while len(self._path) <= level:
            below = number >> (level - len(self._path))
            _, counts, errors = self._path[-1]
            counts, errors = (
                ends[below % 2 :][:2] for ends in _halved(counts, errors, self._unit + len(self._path) - 1)
            )
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
    middle, error = settled(middle, error, missing, np.int64(1) << whole, left, right)
    return _interleave(counts, middle), _interleave(errors * 2, error)


def _interleave(ends: Counts, middles: Counts) -> Counts:
    woven = np.empty((len(ends) + len(middles), ends.shape[1]), dtype=np.int64)
    woven[0::2], woven[1::2] = ends, middles
    return woven
