"""One reading of a stream by one rank: what was yielded of it, and what was computed ahead."""

from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Any

Stretch = tuple[int, int, list[Any]]
"""Items of one rank in turn: the position after the last of them, draws of all ranks for each, the items."""


class Reading:
    """One reading of the stream by one rank, from a position on."""

    def __init__(self, start: int) -> None:
        self._end = start  # position after the items that were computed
        self._each = 0
        self._items: list[Any] = []
        self._unread: Iterator[Any] = iter(())  # those that were not yielded yet; it knows how many they are
        self._stale = False

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self._end - length_hint(self._unread) * self._each

    def read(self, stretches: Callable[[int], Iterable[Stretch]], end: int) -> Iterator[Iterator[Any]]:
        """Yield the items of each stretch to an epoch's end; those after a cut are computed again."""
        while self._end < end:
            self._stale = False
            for stretch in stretches(self._end):
                self._end, self._each, self._items = stretch
                self._unread = iter(self._items)
                yield self._unread
                if self._stale:
                    break

    def cut(self, at: int) -> None:
        """Let what was computed for positions from `at` on be computed again."""
        self._stale = True
        if at < self._end:
            left_out = -((at - self._end) // self._each)
            del self._items[len(self._items) - left_out :]
            self._end -= left_out * self._each
