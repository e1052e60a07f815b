"""The stream of one plan: position -> stratum and example, a pure function of (plan, seed, position)."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key, subkeys
from equipoise.drawing import placing
from equipoise.drawing.apportion import Apportioned, Apportionment, Carried
from equipoise.drawing.drawn import StrataStream
from equipoise.drawing.inner import Inner
from equipoise.drawing.permutation import LARGEST, Permutations
from equipoise.drawing.placing import Ints, Runs
from equipoise.drawing.rounding import rounded
from equipoise.errors import PlanError
from equipoise.plan import Plan

_TOGETHER = 1 << 18  # draws computed at once: many for each of numpy's calls, few enough for the processor's cache
_CELLS = 1 << 16  # (block, stratum) pairs at once: their numbers stay 16-bit, which numpy sorts by radix


class Stream(StrataStream):
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
    errors : ndarray of int64, shape (S,), optional
        Draws of each stratum before the origin less its exact shares until then, in units of 2**-60 draws: what a stage
        carries on.
    counts : ndarray of int64, shape (S,), optional
        Draws of each stratum in a stream of one block, instead of its share.
    inner : Inner, optional
        The inner loop, shared by the stages of a stream.

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
        errors: Ints | None = None,
        counts: Ints | None = None,
        inner: Inner | None = None,
    ) -> None:
        largest = int(plan.counts.max(initial=0))
        if largest > LARGEST:
            raise PlanError(
                "too-many-rows",
                f"A stratum may have at most 2**32 rows, found {largest}. Split it into several strata.",
            )
        self._plan, self._seed = plan, seed
        self._block = plan.block if block is None else block
        self._origin = origin
        self._active = np.flatnonzero(plan.masses)
        self._sizes = plan.counts[self._active]
        self._masses = plan.masses[self._active]
        self._errors = np.zeros_like(self._masses) if errors is None else errors[self._active]
        self._apportionment: Apportioned = (
            _OneBlock(counts[self._active])
            if counts is not None
            else Apportionment(self._masses, self._block)
            if errors is None
            else Carried(self._masses, self._block, self._errors)
        )
        self._used = np.zeros(len(plan.strata), np.int64) if used is None else used
        self._block_key = key("block", seed, origin, *salt)
        self._inner = inner or Inner()

    @cached_property
    def _stratum_keys(self) -> NDArray[np.uint64]:
        # Keyed by name, not by position: a stratum that another plan has too keeps its order of examples.
        return self._inner.stratum_keys(self._seed, self._plan.strata)[self._active]

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
        inner = self._inner.for_draws(len(positions))
        strata = np.empty(len(positions), np.int64)
        for part, first, last in self._groups(positions):
            counts = np.diff(self._apportionment.ends(first, last), axis=0)
            of_slot = np.repeat(np.tile(self._active, len(counts)), counts.ravel())
            shuffles = self._shuffles(first, last)
            if part.stop - part.start == len(of_slot):
                inner.shuffled(shuffles, of_slot, strata[part])
            else:
                wanted = positions[part] - (self._origin + first * self._block)
                strata[part] = inner.shuffled(shuffles, of_slot, np.empty_like(of_slot))[wanted]
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

    def due(self, end: int) -> Ints:
        """Return the draws of each stratum from the origin to a position, exact also inside a block: if it ends there.

        Parameters
        ----------
        end : int

        Returns
        -------
        ndarray of int64, shape (S,)
        """
        block, rest = divmod(end - self._origin, self._block)
        least, most = self._apportionment.ends(block, block + 1)
        counts = np.zeros_like(self._used)
        counts[self._active] = rounded(end - self._origin, self._masses, self._errors, least, most) if rest else least
        return counts

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
        inner = self._inner.for_draws(len(positions))
        for part, first, last in self._groups(positions):
            ends = self._apportionment.ends(first, last)
            runs = Runs.between(ends + self._used[self._active], self._sizes)
            orders = Permutations.of(subkeys(self._stratum_keys[runs.strata], runs.passes), self._sizes[runs.strata])
            wanted = positions[part] - (self._origin + first * self._block)
            counts, shuffles = np.diff(ends, axis=0), self._shuffles(first, last)
            yield part, *inner.place(shuffles, counts, runs, orders, starts[runs.strata], wanted)

    def _shuffles(self, first: int, last: int) -> Permutations:
        blocks = np.arange(first, last)
        return Permutations.of(subkeys(self._block_key, blocks), np.full(len(blocks), self._block, dtype=np.int64))


class _OneBlock(Apportioned):
    """The counts of the one block that a stage is cut in."""

    def __init__(self, counts: Ints) -> None:
        self._ends = np.stack([np.zeros_like(counts), counts])

    def ends(self, first: int, last: int) -> Ints:
        return self._ends[first : last + 1]
