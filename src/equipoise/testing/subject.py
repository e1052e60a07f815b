"""The sampler under test, how the checks read it, and what they can find.

A check returns if the promise is kept.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.testing.random_state import scramble

Item = int | tuple[int, ...]
"""What a sampler yields: a row, or the rows of a batch."""


class BrokenPromiseError(Exception):
    """The message says what the sampler does instead of what it promises."""


class NotCheckableError(Exception):
    """The check cannot be made of this sampler; the message says why."""


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
    share_draws : int
        Draws that shares are tested on.
    """

    factory: Callable[..., Any]
    world_sizes: tuple[int, ...]
    n_examples: int | None
    shares: NDArray[np.float64] | None
    groups: NDArray[np.int64] | None
    covers: int
    together: int
    draws: int
    share_draws: int
    _made: Iterator[int] = field(default_factory=lambda: count(1))

    def make(self, seed: int = 0, rank: int = 0, world_size: int = 1) -> Any:
        """Return a fresh sampler, with global random generators in another state, as on another machine."""
        self.disturb()
        return self.factory(seed=seed, rank=rank, world_size=world_size)

    @cached_property
    def endless(self) -> bool:
        """Whether it has no length, and no end within `draws` items."""
        sampler = self.make()
        return not hasattr(sampler, "__len__") and len(self.read(sampler)) == self.draws

    def disturb(self) -> None:
        """Change the states of the process-wide random generators."""
        scramble(next(self._made))

    def raw(self, sampler: Any) -> Iterator[Any]:
        """Return one iteration, cut off far beyond its length."""
        limit = 4 * len(sampler) + 16 if hasattr(sampler, "__len__") else self.draws
        return islice(iter(sampler), limit)

    def items(self, sampler: Any, epoch: int | None = None) -> Iterator[Item]:
        """Return the items of one iteration: of an epoch, named by `set_epoch` where there is one, or of the next."""
        if epoch is not None and hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        return map(_item_of, self.raw(sampler))

    def read(self, sampler: Any, epoch: int | None = None) -> list[Item]:
        """Return all items of one iteration."""
        return list(self.items(sampler, epoch))

    def epochs(self, numbers: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> list[list[Item]]:
        """Return the items of the first epochs of a fresh sampler."""
        sampler = self.make(seed, rank, world_size)
        return [self.read(sampler, number) for number in range(numbers)]

    def ranks(self, world_size: int, numbers: int) -> list[list[list[Item]]]:
        """Return the items of the first epochs of every rank; of an endless sampler, their part of the first items."""
        end = self.draws // world_size if self.endless else None
        ranks = [self.epochs(numbers, rank=rank, world_size=world_size) for rank in range(world_size)]
        return [[items[:end] for items in rank] for rank in ranks]

    def single(self, world_size: int, numbers: int) -> list[list[Item]]:
        """Return the items of the first epochs of one process: what `ranks` of that number should yield together."""
        end = self.draws // world_size * world_size if self.endless else None
        return [items[:end] for items in self.epochs(numbers)]

    def rows(self, draws: int, rank: int = 0, world_size: int = 1) -> NDArray[np.int64]:
        """Return the rows of whole epochs, together at least `draws` unless an epoch is empty."""
        sampler = self.make(rank=rank, world_size=world_size)
        epochs: list[NDArray[np.int64]] = []
        for number in count():
            epochs.append(np.array(rows_of(self.items(sampler, number)), dtype=np.int64))
            draws -= len(epochs[-1])
            if not epochs[-1].size or draws <= 0:
                break
        return np.concatenate(epochs)

    def state_after(self, epoch: int, items: int, rank: int = 0, world_size: int = 1) -> Any:
        """Return the state of a fresh sampler after so many items of an epoch, as a checkpoint holds it.

        With no items it is taken between two epochs, before the next one begins.
        """
        sampler = self.make(0, rank, world_size)
        for number in range(epoch):
            self.read(sampler, number)
        if items:
            self.begin(sampler, epoch, items)
        return copy.deepcopy(sampler.state_dict())

    def begin(self, sampler: Any, epoch: int, items: int) -> Iterator[Item]:
        """Read the first items of an epoch, and return the iterator of the others."""
        reading = self.items(sampler, epoch)
        for _ in islice(reading, items):
            pass
        return reading

    def require(self, methods: Iterable[str]) -> None:
        """Raise a NotCheckableError that says which of the methods the sampler lacks."""
        missing = [name for name in methods if not hasattr(self.make(), name)]
        if missing:
            raise NotCheckableError("has no " + " and no ".join(missing))


def _item_of(value: Any) -> Item:
    """Return an item as plain numbers, so that numpy's and torch's can be compared too."""
    if isinstance(value, int):
        return value
    array = np.asarray(value)
    return tuple(array.tolist()) if array.ndim else int(array)


def rows_of(items: Iterable[Item]) -> list[int]:
    """Return all rows of the items, in order."""
    return [row for item in items for row in (item if isinstance(item, tuple) else (item,))]


def expect_equal(ours: list[Item], others: list[Item], where: str) -> None:
    """Raise a BrokenPromiseError that says where two readings first differ."""
    for place, (one, other) in enumerate(zip(ours, others, strict=False)):
        if one != other:
            raise BrokenPromiseError(f"{where}: item {place} is {one} in one and {other} in the other")
    if len(ours) != len(others):
        raise BrokenPromiseError(f"{where}: one has {len(ours)} items and the other {len(others)}")
