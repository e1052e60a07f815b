"""What the samplers of a plan share: rows computed ahead, and how many of them were yielded."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import length_hint

import numpy as np
from numpy.typing import NDArray


class Reading:
    """One reading of the stream by one rank.

    Parameters
    ----------
    start : int
        Position at which it starts, counted over all ranks.
    world_size : int
        Number of ranks.
    """

    def __init__(self, start: int, world_size: int) -> None:
        self._world_size = world_size
        self._end = start  # position after the draws that were computed
        self._unread: Iterator[int] = iter(())  # this rank's share of them that was not yielded yet

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self._end - length_hint(self._unread) * self._world_size

    def read(
        self, stretches: Iterable[tuple[int, int]], rows: Callable[[int, int], NDArray[np.int64]]
    ) -> Iterator[int]:
        """Yield the rows of each stretch (first, last) as Python ints; `rows` gives this rank's as an array."""
        # Chained lists are the fastest way to yield ints: no Python code runs between two of them.
        return chain.from_iterable(self._lists(stretches, rows))

    def _lists(
        self, stretches: Iterable[tuple[int, int]], rows: Callable[[int, int], NDArray[np.int64]]
    ) -> Iterator[Iterator[int]]:
        for first, last in stretches:
            self._unread = iter(rows(first, last).tolist())  # it knows how many it still has
            self._end = last
            yield self._unread
