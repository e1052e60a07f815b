"""Streams of draws: position -> stratum and example, a pure function of (plan, seed, position)."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

import numpy as np

from equipoise.base.keys import key, subkeys
from equipoise.base.words import words
from equipoise.drawing import placing
from equipoise.drawing.apportion import Apportionment
from equipoise.drawing.permutation import LARGEST, Permutations
from equipoise.drawing.placing import Ints, Runs
from equipoise.errors import PlanError
from equipoise.plan import Plan

_TOGETHER = 1 << 18  # draws computed at once: many for each of numpy's calls, few enough for the processor's cache
_CELLS = 1 << 16  # (block, stratum) pairs at once: their numbers stay 16-bit, which numpy sorts by radix
_COMPILE_AFTER = 1 << 21  # draws after which the second that numba takes to start is worth it


class DrawnStream(ABC):
    """Strata and examples as a function of the position, as `Batches.stream` returns it."""

    @abstractmethod
    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return stratum and place in the stratum of the draws at rising positions.

        Parameters
        ----------
        positions : ndarray of int64, shape (k,)
            Rising, from the origin to 2**59 - 1.

        Returns
        -------
        strata : ndarray of int64, shape (k,)
            Positions in ``plan.strata``.
        places : ndarray of int64, shape (k,)
            Number of the example in its stratum, from 0 to its count - 1.
        """

    def entries_at(self, positions: Ints, starts: Ints) -> Ints:
        """Return only the places, counted from where each stratum starts in an index: ``starts[strata] + places``.

        Parameters
        ----------
        positions : ndarray of int64, shape (k,)
            As for `at`.
        starts : ndarray of int64, shape (S,)

        Returns
        -------
        ndarray of int64, shape (k,)
        """
        strata, places = self.at(positions)
        return starts[strata] + places

    @abstractmethod
    def used(self, position: int) -> Ints:
        """Return the draws of each stratum before a position that its passes have used up.

        Parameters
        ----------
        position : int
            From the origin, the draws before which are included, to 2**59.

        Returns
        -------
        ndarray of int64, shape (S,)
        """


class IndependentStream(DrawnStream):
    """Strata and examples drawn independently of each other, each example of a stratum with the same probability.

    The distribution of torch's WeightedRandomSampler with ``replacement=True``, at any position of an endless stream.
    Strata are chosen by their exact integer masses: no rate is rounded.

    Parameters
    ----------
    plan : Plan
        What to draw.
    seed : int
        Any integer. Streams of different seeds are unrelated.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> stream = IndependentStream(Plan.build(Census.from_counts({"a": {"x": 9, "y": 1}}), weights="natural"), seed=0)
    >>> strata, places = stream.at(np.arange(5, 9))
    >>> np.array_equal(stream.at(np.arange(7, 8))[0], strata[2:3])
    True
    """

    def __init__(self, plan: Plan, seed: int) -> None:
        self._key = int(key("independent", seed))
        self._ends = np.cumsum(plan.masses)
        self._counts = plan.counts

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return stratum and place in the stratum of the draws at rising positions; shapes as in `DrawnStream.at`."""
        chosen = words(self._key, positions, each=2)
        # The masses sum to 2**60: the top 60 bits of a word choose among them without rounding.
        strata = np.searchsorted(self._ends, (chosen[:, 0] >> np.uint64(4)).astype(np.int64), side="right")
        uniform = (chosen[:, 1] >> np.uint64(11)).astype(np.float64) * 2.0**-53
        places = np.minimum((uniform * self._counts[strata]).astype(np.int64), self._counts[strata] - 1)
        return strata, places

    def used(self, position: int) -> Ints:  # noqa: ARG002 - nothing, wherever
        """Return zeros: independent draws use nothing up."""
        return np.zeros_like(self._counts)


class Stream(DrawnStream):
    """Strata and examples at any positions of the endless stream of draws.

    Parameters
    ----------
    plan : Plan
        What to draw.
    seed : int
        Any integer. Streams of different seeds are unrelated.
    block : int, optional
        Draws in which every stratum has its share; ``plan.block`` by default.
    origin : int
        Position at which this stream takes over from another plan's.
    used : ndarray of int64, shape (S,), optional
        Draws of each stratum before the origin.
    salt : tuple of str and int
        Further parts of the key of the order inside blocks.
    compile_after : int or None
        Draws after which numba is used, where it is installed; where it is loaded already, it is used at once. The
        numbers are the same. None: never.

    Examples
    --------
    >>> from equipoise import Census, Plan, rates
    >>> census = Census.from_counts({"large": {"no": 90, "yes": 10}, "small": {"no": 5, "yes": 5}})
    >>> stream = Stream(Plan.build(census, rates=rates.Equal(), weights="natural"), seed=0)
    >>> strata, places = stream.at(np.arange(2048))
    >>> np.bincount(strata).tolist()  # large: 1024 draws, 9 to 1; small: 1024 draws, half and half
    [922, 102, 512, 512]
    """

    def __init__(
        self,
        plan: Plan,
        seed: int,
        *,
        block: int | None = None,
        origin: int = 0,
        used: Ints | None = None,
        salt: tuple[str | int, ...] = (),
        compile_after: int | None = _COMPILE_AFTER,
    ) -> None:
        largest = int(plan.counts.max(initial=0))
        if largest > LARGEST:
            raise PlanError(
                "too-many-rows",
                f"A stratum may have at most 2**32 rows, found {largest}. Split it into several strata.",
            )
        self._block = plan.block if block is None else block
        self._origin = origin
        self._active = np.flatnonzero(plan.masses)
        self._sizes = plan.counts[self._active]
        self._apportionment = Apportionment(plan.masses[self._active], self._block)
        self._used = np.zeros(len(plan.strata), np.int64) if used is None else used
        # Keyed by name, not by position: a stratum that another plan has too keeps its order of examples.
        self._stratum_keys = np.array(
            [key("stratum", seed, *plan.strata[position]) for position in self._active], dtype=np.uint64
        )
        self._block_key = key("block", seed, origin, *salt)
        self._inner: ModuleType = placing  # or `compiled`: the same functions, faster
        self._until_compiled = compile_after

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return stratum and place in the stratum of the draws at rising positions; see `DrawnStream.at`."""
        strata, places = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
        for part, active, of_part in self._parts(positions, np.zeros(len(self._active), np.int64)):
            strata[part], places[part] = self._active[active], of_part
        return strata, places

    def entries_at(self, positions: Ints, starts: Ints) -> Ints:
        """Return only the places, counted from `starts`, at a lower cost than `at`; see `DrawnStream.entries_at`."""
        entries = np.empty(len(positions), np.int64)
        for part, _, of_part in self._parts(positions, starts[self._active]):
            entries[part] = of_part
        return entries

    def strata_at(self, positions: Ints) -> Ints:
        """Return only the strata that `at` returns, at a lower cost."""
        self._count_down(len(positions))
        strata = np.empty(len(positions), np.int64)
        for part, first, last in self._groups(positions):
            counts = np.diff(self._apportionment.ends(first, last), axis=0)
            of_slot = np.repeat(np.tile(self._active, len(counts)), counts.ravel())
            shuffles = self._shuffles(first, last)
            if part.stop - part.start == len(of_slot):
                self._inner.shuffled(shuffles, of_slot, strata[part])
            else:
                wanted = positions[part] - (self._origin + first * self._block)
                strata[part] = self._inner.shuffled(shuffles, of_slot, np.empty_like(of_slot))[wanted]
        return strata

    def numbered_at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the strata as `at` does, and for each draw the number of draws of its stratum before it."""
        strata, numbers = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
        for part, first, last in self._groups(positions):
            ends = self._apportionment.ends(first, last)
            counts = np.diff(ends, axis=0)
            cells = placing.cells(self._shuffles(first, last), counts)
            starts = np.cumsum(counts) - counts.ravel()
            number = np.empty(len(cells), np.int64)
            number[np.argsort(cells, kind="stable")] = np.arange(len(cells)) + np.repeat(
                ends[:-1].ravel() - starts, counts.ravel()
            )
            wanted = positions[part] - (self._origin + first * self._block)
            strata[part] = self._active[cells[wanted] % len(self._active)]
            numbers[part] = number[wanted]
        return strata, numbers + self._used[strata]

    def used(self, position: int) -> Ints:
        """Return the draws of each stratum before `position`; see `DrawnStream.used`."""
        block = (position - self._origin) // self._block
        counts = self._used.copy()
        counts[self._active] += self._apportionment.ends(block, block)[0]
        begun = self.strata_at(np.arange(self._origin + block * self._block, position))
        return counts + np.bincount(begun, minlength=len(counts))

    def _groups(self, positions: Ints) -> Iterator[tuple[slice, int, int]]:
        """Cut rising positions where a group of blocks ends: yield part, first block and the one after the last."""
        together = max(1, min(_TOGETHER // self._block, _CELLS // len(self._active)))
        begin = 0
        while begin < len(positions):
            first = int(positions[begin] - self._origin) // self._block
            end = int(np.searchsorted(positions, self._origin + (first + together) * self._block))
            last = int(positions[end - 1] - self._origin) // self._block + 1
            yield slice(begin, end), first, last
            begin = end

    def _parts(self, positions: Ints, starts: Ints) -> Iterator[tuple[slice, Ints, Ints]]:
        """Yield strata, as positions among those that are drawn, and places counted from `starts`, group by group."""
        self._count_down(len(positions))
        for part, first, last in self._groups(positions):
            ends = self._apportionment.ends(first, last)
            runs = Runs.between(ends + self._used[self._active], self._sizes)
            orders = Permutations.of(subkeys(self._stratum_keys[runs.strata], runs.passes), self._sizes[runs.strata])
            wanted = positions[part] - (self._origin + first * self._block)
            counts, shuffles = np.diff(ends, axis=0), self._shuffles(first, last)
            yield part, *self._inner.place(shuffles, counts, runs, orders, starts[runs.strata], wanted)

    def _shuffles(self, first: int, last: int) -> Permutations:
        blocks = np.arange(first, last)
        return Permutations.of(subkeys(self._block_key, blocks), np.full(len(blocks), self._block, dtype=np.int64))

    def _count_down(self, draws: int) -> None:
        if self._until_compiled is None:
            return
        self._until_compiled -= draws
        if self._until_compiled <= 0 or "numba" in sys.modules:
            self._until_compiled = None  # looked for once
            if find_spec("numba"):
                from equipoise.drawing import compiled  # noqa: PLC0415 - numba is optional, and slow to import

                self._inner = compiled
