"""The stream of draws: position -> stratum and example, a pure function of (plan, seed, position)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.apportion import STREAM_BITS, Apportionment
from equipoise.errors import PlanError
from equipoise.hashing import key, subkeys
from equipoise.permutation import LARGEST, Permutations
from equipoise.plan import Plan

LENGTH = 1 << STREAM_BITS
_TOGETHER = 1 << 16  # draws computed at once: the arrays stay in the processor's cache
_CELLS = 1 << 16  # (block, stratum) pairs at once: their numbers stay 16-bit, which numpy sorts by radix

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Stretches of slots, in the unshuffled blocks, that hold consecutive draws of one pass of one stratum."""

    slots: NDArray[np.int64]  # first slot of each
    lengths: NDArray[np.int64]
    strata: NDArray[np.int64]  # position in plan.strata
    passes: NDArray[np.int64]
    places: NDArray[np.int64]  # place in the pass of its first draw


class Stream:
    """Strata and examples at any positions of the endless stream of draws.

    Parameters
    ----------
    plan : Plan
        What to draw.
    seed : int
        Any integer. Streams of different seeds are unrelated.
    origin : int
        Position at which this stream takes over from another plan's.
    used : ndarray of int64, shape (S,), optional
        Draws of each stratum before the origin.

    Examples
    --------
    >>> from equipoise import Census, Plan, rates
    >>> census = Census.from_counts({"large": {"no": 90, "yes": 10}, "small": {"no": 5, "yes": 5}})
    >>> stream = Stream(Plan.build(census, rates=rates.Equal()), seed=0)
    >>> strata, places = stream.at(np.arange(2048))
    >>> np.bincount(strata).tolist()  # large: 1024 draws, 9 to 1; small: 1024 draws, half and half
    [922, 102, 512, 512]
    """

    def __init__(self, plan: Plan, seed: int, origin: int = 0, used: NDArray[np.int64] | None = None) -> None:
        largest = int(plan.counts.max(initial=0))
        if largest > LARGEST:
            raise PlanError(f"A stratum may have at most 2**32 rows, found {largest}. Split it into several strata.")
        self._block = plan.block
        self._origin = origin
        self._active = np.flatnonzero(plan.masses)
        self._sizes = plan.counts[self._active]
        self._apportionment = Apportionment(plan.masses[self._active], plan.block)
        self._used = np.zeros(len(plan.strata), np.int64) if used is None else used
        # Keyed by name, not by position: a stratum that another plan has too keeps its order of examples.
        self._stratum_keys = np.array(
            [key("stratum", seed, *plan.strata[position]) for position in self._active], dtype=np.uint64
        )
        self._block_key = key("block", seed, origin)

    def at(self, positions: Positions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Stratum and place in the stratum of the draws at rising positions.

        Parameters
        ----------
        positions : ndarray of int64, shape (k,)
            Rising, from the origin to 2**60 - 1.

        Returns
        -------
        strata : ndarray of int64, shape (k,)
            Positions in ``plan.strata``.
        places : ndarray of int64, shape (k,)
            Which example of the stratum, from 0 to its count - 1.
        """
        if not positions.size:
            return positions.copy(), positions.copy()
        positions = positions - self._origin
        first, last = int(positions[0]) // self._block, int(positions[-1]) // self._block + 1
        together = max(1, min(_TOGETHER // self._block, _CELLS // len(self._active)))
        groups = range(first, last, together)
        cuts = np.searchsorted(positions, np.array(groups)[1:] * self._block)
        parts = [
            self._at_blocks(part, start, min(start + together, last))
            for start, part in zip(groups, np.split(positions, cuts), strict=True)
            if part.size
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def used(self, position: int) -> NDArray[np.int64]:
        """Draws of each stratum before `position`, those before the origin included.

        Parameters
        ----------
        position : int
            From the origin to 2**60 - 1.

        Returns
        -------
        ndarray of int64, shape (S,)
        """
        block = (position - self._origin) // self._block
        counts = self._used.copy()
        counts[self._active] += self._apportionment.ends(block, block)[0]
        begun, _ = self.at(np.arange(self._origin + block * self._block, position))
        return counts + np.bincount(begun, minlength=len(counts))

    def _at_blocks(self, positions: Positions, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        ends = self._apportionment.ends(first, last)
        slots = self._slots(np.diff(ends, axis=0), first)[positions - first * self._block]
        runs = self._runs(ends)
        run = np.repeat(np.arange(len(runs.slots), dtype=np.int32), runs.lengths)[slots]
        orders = Permutations.of(subkeys(self._stratum_keys[runs.strata], runs.passes), self._sizes[runs.strata])
        places = orders.apply(run, (slots + (runs.places - runs.slots)[run]).astype(np.uint32))
        return self._active[runs.strata[run]], places.astype(np.int64)

    def _slots(self, counts: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        """Slot that each position's draw comes from, for whole blocks from block `first` on.

        Slots lie block after block, stratum after stratum. Which stratum comes at which position of a block is
        shuffled, by a permutation of its own in each block; a stratum's slots are taken in rising order, so that its
        passes follow one another.
        """
        n_blocks = len(counts)
        shuffles = Permutations.of(
            subkeys(self._block_key, np.arange(first, first + n_blocks)),
            np.full(n_blocks, self._block, dtype=np.int64),
        )
        block = np.repeat(np.arange(n_blocks), self._block)
        offset = np.tile(np.arange(self._block, dtype=np.uint32), n_blocks)
        shuffled = block * self._block + shuffles.apply(block, offset)
        # A (block, stratum) cell's number: narrow integers, which numpy sorts by radix.
        cell = np.repeat(np.arange(counts.size, dtype=np.min_scalar_type(counts.size - 1)), counts.ravel())[shuffled]
        slots = np.empty(len(cell), dtype=np.int64)
        slots[np.argsort(cell, kind="stable")] = np.arange(len(cell))
        return slots

    def _runs(self, ends: NDArray[np.int64]) -> _Runs:
        """Runs of the blocks whose cumulative counts are given, block after block, stratum after stratum."""
        n_strata = len(self._active)
        ends = ends + self._used[self._active]
        starts, lengths = ends[:-1].ravel(), np.diff(ends, axis=0).ravel()
        strata = np.tile(np.arange(n_strata), len(ends) - 1)
        some = np.flatnonzero(lengths)
        starts, lengths, strata = starts[some], lengths[some], strata[some]
        # Cut where a pass ends: draws k // n of stratum size n belong to one pass.
        sizes = self._sizes[strata]
        first_pass = starts // sizes
        pieces = (starts + lengths - 1) // sizes - first_pass + 1
        of = np.repeat(np.arange(len(starts)), pieces)
        passes = first_pass[of] + _count_up(pieces)
        begin = np.maximum(starts[of], passes * sizes[of])
        end = np.minimum((starts + lengths)[of], (passes + 1) * sizes[of])
        lengths = end - begin
        return _Runs(
            slots=np.cumsum(lengths) - lengths,
            lengths=lengths,
            strata=strata[of],
            passes=passes,
            places=begin - passes * sizes[of],
        )


def _count_up(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... for each length, one after the other."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
