"""Epochs of an endless stream, split over ranks: what samplers that yield single rows have in common."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import length_hint

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from equipoise.drawing import Shard
from equipoise.drawing.apportion import LENGTH
from equipoise.errors import ConfigError

_FIRST, _TOGETHER = 1 << 16, 1 << 18  # draws computed at once, at first and then


class EpochSampler(Sampler[int]):
    """Epoch e starts at position ``e * draws``; a rank takes every ``world_size``-th position, starting at ``rank``.

    Parameters
    ----------
    draws : int
        Draws of all ranks together in an epoch.
    shard : Shard
        The part of this process.
    name : str
        The caller's name of `draws`, for messages.

    Raises
    ------
    ConfigError
        If the epoch cannot be split evenly over the ranks, or is empty.
    """

    def __init__(self, draws: int, shard: Shard, name: str) -> None:
        check_epoch(draws, shard.world_size, name)
        self._draws = draws
        self.shard = shard
        self._start = 0
        self._reading = Reading(0, shard.world_size)

    @abstractmethod
    def rows_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows at rising positions of the whole training, counted over all ranks and epochs."""

    def rows(self, first: int, last: int) -> NDArray[np.int64]:
        """Return this rank's rows among positions `first` to `last - 1` of the whole training.

        Parameters
        ----------
        first, last : int
            Positions, counted over all ranks and epochs; `first` a multiple of the world size.

        Returns
        -------
        ndarray of int64, shape (k,)
        """
        return self.rows_at(np.arange(first + self.shard.rank, last, self.shard.world_size))

    def __len__(self) -> int:
        """Return the draws of this rank in a whole epoch."""
        return self._draws // self.shard.world_size

    @property
    def start(self) -> int:
        """Position at which the next iteration starts.

        An epoch that was yielded completely is over, even if the loop counted its steps and never asked for more.
        """
        _, end = self.bounds(self._start)
        return end if self._reading.position == end else self._start

    def __iter__(self) -> Iterator[int]:
        """Yield the rows of this rank from the start of the epoch (or a loaded state) to the epoch's end."""
        self.start_at(self.start)
        return self._reading.read(self._stretches(self._start), self.rows)

    def _stretches(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield the stretches from a position to its epoch's end: a short one first, so that the first row is fast."""
        _, end = self.bounds(at)
        ranks = self.shard.world_size
        draws = _FIRST
        while at < end:
            last = min(at + max(draws - draws % ranks, ranks), end)
            yield at, last
            at, draws = last, _TOGETHER

    def bounds(self, position: int) -> tuple[int, int]:
        """Return the positions at which the epoch that holds a position begins and ends."""
        begin = position - position % self._draws
        return begin, begin + self._draws

    @property
    def epoch(self) -> int:
        """Epoch that the next iteration is in."""
        return self.start // self._draws

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self._reading.position

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch.

        A state that was loaded inside this epoch keeps its position: frameworks name the epoch again on resuming.

        Parameters
        ----------
        epoch : int
            From 0.

        Raises
        ------
        ConfigError
            If it is negative, or ends behind the stream.
        """
        if epoch < 0 or (epoch + 1) * self._draws > LENGTH:
            raise ConfigError("epoch-out-of-range", f"`epoch` must be from 0 and end before draw 2**59, found {epoch}.")
        if epoch != self.epoch:
            self.start_at(epoch * self._draws)

    def start_at(self, position: int) -> None:
        """Let the next iteration start at a position, counted over all ranks and epochs."""
        self._start = position
        self._reading = Reading(position, self.shard.world_size)


def check_epoch(draws: int, world_size: int, name: str) -> None:
    """Raise ConfigError unless an epoch has draws, and equally many for each rank."""
    if draws < 1:
        raise ConfigError("no-draws", f"`{name}` must be at least 1, found {draws}.")
    if draws % world_size:
        raise ConfigError(
            "not-a-multiple",
            f"`{name}` must be a multiple of the {world_size} ranks, so that all take equally many steps, "
            f"found {draws}. Use {nearest_multiples(draws, world_size)}.",
        )


def checked_boundary(at: int, position: int, multiple: int) -> int:
    """Return a position as an int, or raise ConfigError unless the plan can change there.

    Parameters
    ----------
    at : int
        Position, counted over all ranks and epochs.
    position : int
        Draws that were yielded.
    multiple : int
        Draws of a global batch, or one for each rank.
    """
    if not isinstance(at, int | np.integer) or isinstance(at, bool) or not position <= at <= LENGTH:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            "position-out-of-range",
            f"`at` must be an integer from {position}, the draws that were yielded, to 2**59, found {at!r:.80}. Where "
            "a loader has read ahead of the training, load `state_dict(position=...)` of what was trained on first.",
        )
    if at % multiple:
        raise ConfigError(
            "not-a-multiple",
            f"`at` must be a multiple of {multiple}, so that no global batch is of two plans, found {at}. "
            f"Use {nearest_multiples(int(at), multiple)}.",
        )
    return int(at)


def nearest_multiples(number: int, of: int) -> str:
    """Return the nearest multiples as text, for a message.

    Examples
    --------
    >>> nearest_multiples(1096, 100), nearest_multiples(3, 8)
    ('1000 or 1100', '8')
    """
    lower = number - number % of
    return f"{lower} or {lower + of}" if lower else str(of)


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
        self._unread: Iterator[int] = iter(())  # those of this rank among them that were not yielded yet

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
