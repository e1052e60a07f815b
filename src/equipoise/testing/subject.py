"""The sampler under test, and how the checks read it."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.testing.random_state import scramble

Item = int | tuple[int, ...]
"""What a sampler yields: a row, or the rows of a batch."""


@dataclass
class Subject:
    """The factory of the sampler under test, and what it promises.

    Parameters
    ----------
    factory : callable
        ``factory(seed=, rank=, world_size=)`` returns a fresh sampler.
    world_sizes : tuple of int
    n_examples : int or None
    shares : ndarray of float64, shape (N,), or None
        Expected share of each example, summing to 1.
    groups : ndarray of int64, shape (N,), or None
        Group of each example.
    covers, together, draws : int
        See `check_sampler`.
    """

    factory: Callable[..., Any]
    world_sizes: tuple[int, ...]
    n_examples: int | None
    shares: NDArray[np.float64] | None
    groups: NDArray[np.int64] | None
    covers: int
    together: int
    draws: int
    _made: Iterator[int] = field(default_factory=lambda: count(1))

    def make(self, seed: int = 0, rank: int = 0, world_size: int = 1) -> Any:
        """Return a fresh sampler, with global random generators in another state, as on another machine."""
        self.disturb()
        return self.factory(seed=seed, rank=rank, world_size=world_size)

    def disturb(self) -> None:
        """Change the states of the process-wide random generators."""
        scramble(next(self._made))

    def raw(self, sampler: Any) -> Iterator[Any]:
        """Return one iteration, cut off far beyond its length."""
        limit = 4 * len(sampler) + 16 if hasattr(sampler, "__len__") else self.draws
        return islice(iter(sampler), limit)

    def read(self, sampler: Any) -> list[Item]:
        """Return the items of one iteration."""
        return [item_of(value) for value in self.raw(sampler)]

    def epoch(self, sampler: Any, number: int) -> list[Item]:
        """Return the items of an epoch, named by `set_epoch` where there is one."""
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(number)
        return self.read(sampler)

    def epochs(self, numbers: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> list[list[Item]]:
        """Return the items of the first epochs of a fresh sampler."""
        sampler = self.make(seed, rank, world_size)
        return [self.epoch(sampler, number) for number in range(numbers)]

    def ranks(self, world_size: int) -> list[list[Item]]:
        """Return the items of the first epoch of every rank."""
        return [self.epochs(1, rank=rank, world_size=world_size)[0] for rank in range(world_size)]

    def rows(self, rank: int = 0, world_size: int = 1) -> NDArray[np.int64]:
        """Return the rows of whole epochs, together at least `draws` unless an epoch is empty."""
        sampler = self.make(rank=rank, world_size=world_size)
        rows: list[int] = []
        for number in count():
            epoch = rows_of(self.epoch(sampler, number))
            rows += epoch
            if not epoch or len(rows) >= self.draws:
                return np.array(rows, dtype=np.int64)
        raise AssertionError  # count() does not end

    def state_after(self, epoch: int, items: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> Any:
        """Return the state of a fresh sampler after so many items of an epoch, as a checkpoint holds it.

        With no items it is taken between two epochs, before the next one begins.
        """
        sampler = self.make(seed, rank, world_size)
        for number in range(epoch):
            self.epoch(sampler, number)
        if items:
            self.begin(sampler, epoch, items)
        return copy.deepcopy(sampler.state_dict())

    def begin(self, sampler: Any, epoch: int, items: int) -> tuple[list[Item], Iterator[Any]]:
        """Return the first items of an epoch, and the iterator of the others."""
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        reading = self.raw(sampler)
        return [item_of(value) for value in islice(reading, items)], reading

    def lacks(self, *methods: str) -> str | None:
        """Return which of the methods the sampler lacks, in words; None if it has all."""
        sampler = self.make()
        missing = [name for name in methods if not hasattr(sampler, name)]
        return "has no " + " and no ".join(missing) if missing else None


def item_of(value: Any) -> Item:
    """Return an item as plain numbers, so that numpy's and torch's can be compared too."""
    if isinstance(value, int):
        return value
    array = np.asarray(value)
    return tuple(array.tolist()) if array.ndim else int(array)


def rows_of(items: Iterable[Item]) -> list[int]:
    """Return all rows of the items, in order."""
    rows: list[int] = []
    for item in items:
        if isinstance(item, tuple):
            rows += item
        else:
            rows.append(item)
    return rows


def difference(ours: list[Item], others: list[Item]) -> str | None:
    """Return where two readings first differ, in words; None where they agree."""
    for place, (one, other) in enumerate(zip(ours, others, strict=False)):
        if one != other:
            return f"item {place} is {one} in one and {other} in the other"
    if len(ours) != len(others):
        return f"one has {len(ours)} items and the other {len(others)}"
    return None
