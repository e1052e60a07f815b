"""Assign units, the groups of rows that stay together, to splits so that every stratum is near its fractions."""

import dataclasses
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from equipoise.base.keys import mix

_TRAIN, _VALIDATION, _TEST = 0, 1, 2
_COVERED_IN_TURN: Final = (_TRAIN, _TEST, _VALIDATION)
_UNASSIGNED: Final = -1
_AT_ONCE: Final = 1 << 20  # units
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # so that 0 is mixed too


@dataclasses.dataclass(frozen=True, slots=True)
class Units:
    """A sparse matrix of counts, unit by stratum (compressed sparse rows).

    Parameters
    ----------
    starts : ndarray of int64, shape (units + 1,)
        The entries of unit u are those from `starts[u]` to `starts[u + 1]`.
    strata : ndarray of int32, shape (entries,)
        Stratum of each entry, ascending within a unit.
    counts : ndarray of int32, shape (entries,)
        Number of rows of each entry.
    n_strata : int
        Number of strata.
    """

    starts: npt.NDArray[np.int64]
    strata: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    n_strata: int

    @classmethod
    def count(
        cls, unit_of_row: npt.NDArray[np.integer], n_units: int, stratum_of_row: npt.NDArray[np.integer], n_strata: int
    ) -> "Units":
        """Count the rows of every unit in every stratum.

        Examples
        --------
        >>> units = Units.count(np.array([0, 1, 0]), 2, np.array([1, 0, 1]), 2)
        >>> units.starts.tolist(), units.strata.tolist(), units.counts.tolist()
        ([0, 1, 2], [1, 0], [2, 1])
        """
        rows = unit_of_row * np.int64(n_strata)
        rows += stratum_of_row
        rows.sort()  # in place, and without the flags and copies of `numpy.unique`
        is_first = np.append(True, rows[1:] != rows[:-1])[: len(rows)]
        counts = np.diff(np.flatnonzero(is_first), append=len(rows)).astype(np.int32)
        cells = rows[is_first]
        del rows, is_first
        starts = np.searchsorted(cells, np.arange(n_units + 1, dtype=np.int64) * n_strata)
        strata = np.remainder(cells, n_strata, out=cells).astype(np.int32)
        return cls(starts.astype(np.int64), strata, counts, n_strata)

    def signatures(self) -> npt.NDArray[np.uint64]:
        """Return for each unit a number that depends only on its counts: ndarray of uint64, shape (units,)."""
        found: list[npt.NDArray[np.uint64]] = []
        for first in range(0, len(self.starts) - 1, _AT_ONCE):
            starts = self.starts[first : first + _AT_ONCE + 1]
            part = slice(int(starts[0]), int(starts[-1]))
            strata, counts = self.strata[part].astype(np.uint64), self.counts[part].astype(np.uint64)
            found.append(np.add.reduceat(mix((mix(strata + _GOLDEN) ^ counts) + _GOLDEN), starts[:-1] - starts[0]))
        return np.concatenate(found)


def assign_groups(units: Units, fractions: tuple[float, float, float]) -> npt.NDArray[np.int8]:
    """Return the number of the split of each unit (0 train, 1 validation, 2 test): ndarray of int8, shape (units,).

    First every stratum, rarest first, gets a unit in train, then one in test, then one in validation. Then
    units with the same counts are taken together, those with the rarest stratum and the largest first: each
    split gets the integer part of its fraction, and each of the few units that are left goes where it reduces the
    error most.

    Only the four basic float operations are used, in a fixed order: all platforms return the same splits.
    """
    assignment = _Assignment(units, fractions)
    assignment.cover()
    assignment.fill()
    return assignment.split


class _Assignment:
    def __init__(self, units: Units, fractions: tuple[float, float, float]) -> None:
        self.units = units
        self.fractions = fractions
        self.n_units = len(units.starts) - 1
        numbers = np.arange(self.n_units, dtype=np.int32 if self.n_units < 1 << 31 else np.int64)
        self.unit_of_entry = np.repeat(numbers, np.diff(units.starts))
        totals = np.bincount(units.strata, weights=units.counts, minlength=units.n_strata)
        self.units_per_stratum = np.bincount(units.strata, minlength=units.n_strata)
        rows = [*totals.tolist(), float(totals.sum())]  # last: all rows
        self.wanted = [[fraction * row for row in rows] for fraction in fractions]
        self.given = [[0.0] * len(rows) for _ in fractions]
        self.split = np.full(self.n_units, _UNASSIGNED, dtype=np.int8)

    def cover(self) -> None:
        """Assign a unit of every stratum to each split, as far as there are units."""
        by_stratum = np.argsort(self.units.strata, kind="stable")
        ends = np.cumsum(self.units_per_stratum)
        rarest_first = np.argsort(self.units_per_stratum, kind="stable").tolist()
        entries = [by_stratum[end - size : end] for end, size in zip(ends, self.units_per_stratum, strict=True)]
        for split in _COVERED_IN_TURN:
            if self.fractions[split] == 0:
                continue
            for stratum in rarest_first:
                members = self.unit_of_entry[entries[stratum]]
                assigned = self.split[members]
                if (assigned == split).any():
                    continue
                free = assigned == _UNASSIGNED
                if free.any():
                    # The free unit whose size is nearest to what the split needs; the first by hash if several.
                    sizes = self.units.counts[entries[stratum]][free]
                    nearest = int(np.argmin(np.abs(sizes - self._fair_size(split, stratum))))
                    self._give(int(members[free][nearest]), split)

    def _fair_size(self, split: int, stratum: int) -> float:
        wanted = self.wanted[split][stratum]
        if split == _TRAIN:
            return wanted
        # A small split must not be filled by the largest group of a stratum.
        rows = self.wanted[_TRAIN][stratum] / self.fractions[_TRAIN]
        return min(wanted, rows / float(self.units_per_stratum[stratum]))

    def fill(self) -> None:
        """Assign the other units, those with the same counts together."""
        free = np.flatnonzero(self.split == _UNASSIGNED)
        if len(free) == 0:
            return
        signatures = self.units.signatures()[free]
        rarity = np.minimum.reduceat(
            self.units_per_stratum.astype(np.int32)[self.units.strata], self.units.starts[:-1]
        )[free]
        sizes = np.add.reduceat(self.units.counts, self.units.starts[:-1])[free]
        order = np.lexsort((free, signatures, -sizes, rarity))
        ordered = free[order]
        borders = np.flatnonzero(np.diff(signatures[order])) + 1
        del signatures, rarity, sizes, order
        for first, last in pairwise((0, *borders.tolist(), len(ordered))):
            alike, position = ordered[first:last], 0  # not all at once: there may be millions
            for split, fraction in enumerate(self.fractions):
                share = int(len(alike) * fraction)
                self.split[alike[position : position + share]] = split
                self._account(int(alike[0]), split, share)
                position += share
            for unit in alike[position:].tolist():
                self._give(unit, self._neediest(unit))

    def _give(self, unit: int, split: int) -> None:
        self.split[unit] = split
        self._account(unit, split, 1)

    def _account(self, unit: int, split: int, times: int) -> None:
        for stratum, count in self._entries(unit):
            self.given[split][stratum] += count * times

    def _entries(self, unit: int) -> list[tuple[int, int]]:
        first, end = self.units.starts[unit], self.units.starts[unit + 1]
        strata: list[int] = self.units.strata[first:end].tolist()
        counts: list[int] = self.units.counts[first:end].tolist()
        return [*zip(strata, counts, strict=True), (self.units.n_strata, sum(counts))]

    def _neediest(self, unit: int) -> int:
        """Return the split where the unit adds least to the sum of (given - wanted)^2 / wanted over the strata."""
        entries = self._entries(unit)
        best, least = _TRAIN, float("inf")
        for split in (_TRAIN, _TEST, _VALIDATION):
            if self.fractions[split] == 0:
                continue
            added = 0.0
            for stratum, count in entries:
                wanted = self.wanted[split][stratum]
                added += count * (2.0 * (self.given[split][stratum] - wanted) + count) / wanted
            if added < least:
                best, least = split, added
        return best
