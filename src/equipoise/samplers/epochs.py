"""Epochs of an endless stream, split over ranks, and their states: what samplers that yield single rows share."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from equipoise.base.states import check_accepted, check_state, warn_of_repeating
from equipoise.base.values import Settled, integer
from equipoise.drawing import Shard
from equipoise.drawing.apportion import LENGTH
from equipoise.errors import ConfigError, StateError
from equipoise.samplers.reading import Reading, Stretch

VERSION: Final = 1
"""Of the states, and of the streams that they are positions in."""
POSITION: Final = range(LENGTH + 1)
REBUILD: Final = "Build another sampler; it resumes from this one's state with `accept_changes=True`."
_FIRST, _TOGETHER = 1 << 16, 1 << 18  # draws computed at once, at first and then


class EpochSampler(Settled, Sampler[int]):
    """Epoch e starts at position ``e * draws``; a rank takes every ``world_size``-th position, starting at ``rank``.

    `draws` are those of all ranks together in an epoch, and `name` is what the caller calls them, for messages.
    ConfigError if they cannot be split evenly over the ranks, or are none.
    """

    _FIELDS: ClassVar[Mapping[str, Any]]
    """Types of what `_settings` returns, as `equipoise.base.states.check_state` reads them."""

    def __init__(self, draws: int, shard: Shard, name: str) -> None:
        if draws < 1:
            raise ConfigError("no-draws", f"`{name}` must be at least 1, found {draws}.")
        if draws % shard.world_size:
            raise ConfigError(
                "not-a-multiple",
                f"`{name}` must be a multiple of the {shard.world_size} ranks, so that all take equally many steps, "
                f"found {draws}. Use {nearest_multiples(draws, shard.world_size)}.",
            )
        self._draws = draws
        self._last = LENGTH // draws * draws - 1  # position of the stream in a whole epoch
        self.shard = shard
        self.origin = 0  # position at which this plan took over from another; draws before it are not this plan's
        self.start_at(0)

    @abstractmethod
    def rows_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows at rising positions of the whole training, counted over all ranks and epochs."""

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return what a state holds beside its position: what decides the draws."""

    @abstractmethod
    def _changes_since(self, state: Mapping[str, Any]) -> list[str]:
        """Return what differs from a state, whose types are right; StateError if `state_dict` cannot have made it."""

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

    def __iter__(self) -> Iterator[int]:
        """Yield the rows of this rank from the start of the epoch (or a loaded state) to the epoch's end."""
        return self.read(self._stretches)

    def _stretches(self, at: int) -> Iterator[Stretch]:
        """Yield the stretches from a position to its epoch's end: a short one first, so that the first row is fast."""
        _, end = self.bounds(at)
        ranks = self.shard.world_size
        draws = _FIRST
        while at < end:
            last = min(at + max(draws - draws % ranks, ranks), end)
            yield last, ranks, self.rows(at, last).tolist()
            at, draws = last, _TOGETHER

    def read(self, stretches: Callable[[int], Iterable[Stretch]]) -> Iterator[Any]:
        """Start an iteration: yield the items of the stretches from where it starts to its epoch's end."""
        self.start_at(self.start)
        _, end = self.bounds(self.begun)
        # Chained lists are the fastest way to yield ints: no Python code runs between two of them.
        return chain.from_iterable(self._reading.read(stretches, end))

    @property
    def start(self) -> int:
        """Position at which the next iteration starts.

        An epoch that was yielded completely is over, even if the loop counted its steps and never asked for more.
        """
        _, end = self.bounds(self.begun)
        return end if self.position == end else self.begun

    def bounds(self, position: int) -> tuple[int, int]:
        """Return the positions at which the epoch that holds a position begins and ends."""
        begin = position - position % self._draws
        return begin, begin + self._draws

    @property
    def epoch(self) -> int:
        """Epoch that the next iteration is in: a loop that resumes begins with it."""
        return self.start // self._draws

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self._reading.position

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch.

        A state that was loaded inside this epoch keeps its position: frameworks name the epoch again on resuming. A
        loop of your own resumes with ``for epoch in range(sampler.epoch, epochs)``.

        Parameters
        ----------
        epoch : int
            From 0.

        Raises
        ------
        ConfigError
            If it is not an integer, is negative, ends behind the stream, or begins before another plan was taken over.

        Warns
        -----
        RunWarning
            If it is before the epoch of a state that was loaded and not read from: its position is lost.
        """
        epoch = integer("epoch", epoch)
        position = epoch * self._draws
        if epoch == self.epoch:
            return
        if 0 <= position < self.origin:
            raise ConfigError(
                "epoch-out-of-range",
                f"`epoch` must begin at draw {self.origin} or later, where this plan took over from another, found "
                f"{epoch}, which begins at draw {position}. Load a state from before the change into a sampler of the "
                "plan before it.",
            )
        loaded = self.epoch if self._loaded else 0
        self.start_at(position)
        if epoch < loaded:
            warn_of_repeating(epoch, loaded)

    def start_at(self, position: int) -> None:
        """Let the next iteration start at a position, counted over all ranks and epochs."""
        if not 0 <= position <= self._last:
            epoch = position // self._draws
            raise ConfigError("epoch-out-of-range", f"`epoch` must be from 0 and end before draw 2**59, found {epoch}.")
        self._loaded = False  # whether the next iteration is the first after a state was loaded
        self.begun = position  # where the last iteration started, or the next one does if that was set since
        self._reading = Reading(position)

    def state_dict(self, *, position: int | None = None) -> dict[str, Any]:
        """Return the state to resume from: JSON-serialisable, of constant size.

        Parameters
        ----------
        position : int, optional
            Draws that all ranks together have trained on. By default those that were yielded, which is right for
            torchdata's StatefulDataLoader and for a loader without workers. A plain DataLoader with workers reads
            ahead: then give ``steps * batch_size * world_size``.

        Returns
        -------
        dict
            The same on all ranks.

        Raises
        ------
        ConfigError
            If the position is not an integer, before another plan was taken over, or behind the stream's last whole
            epoch.
        """
        at = self.position if position is None else integer("position", position)
        if not self.origin <= at <= self._last:
            expected = f"from {self.origin}, where this sampler's draws begin, to {self._last}"
            raise ConfigError("position-out-of-range", f"`position` must be {expected}, found {at}.")
        return {"version": VERSION, "position": at, **self._settings()}

    def load_state_dict(self, state: Mapping[str, Any], *, accept_changes: bool = False) -> None:
        """Resume where the state was taken; the world size may be another.

        Parameters
        ----------
        state : mapping
            What `state_dict` returned.
        accept_changes : bool, default False
            Whether other settings than the state's (plan or weights, seed, dataset, epoch length) are intended. Then
            this sampler's own hold from the state's position on; the class says what that does to the draws.

        Raises
        ------
        StateError
            If the state is damaged, or belongs to other settings and the change is not accepted. The message names
            the differences. The sampler stays as it was.
        """
        self.resume_checked(state, changed=self.check(state, accept_changes=accept_changes))

    def check(self, state: Mapping[str, Any], *, accept_changes: bool) -> bool:
        """Return whether a state belongs to other settings; StateError if `load_state_dict` must refuse it."""
        check_state(state, type(self).__name__, {"position": range(self._last + 1), **self._FIELDS}, VERSION)
        position, ranks = state["position"], self.shard.world_size
        changes = self._changes_since(state)
        if position % ranks:
            raise StateError(
                "not-a-multiple",
                f"Position {position} of the state is not a multiple of the {ranks} ranks. "
                "Resume on a number of ranks that divides the global batch.",
            )
        check_accepted(changes, accept_changes)
        return bool(changes)

    def resume_checked(self, state: Mapping[str, Any], *, changed: bool) -> None:
        """Continue from a state that was checked."""
        self._resume(state, changed=changed)
        self._loaded = True

    def _resume(self, state: Mapping[str, Any], *, changed: bool) -> None:  # noqa: ARG002 - of use to others
        self.start_at(state["position"])

    def _checked_boundary(self, at: int, multiple: int) -> int:
        """Return a position as an int, or raise ConfigError unless the plan can change there.

        `multiple` is the draws of a global batch, or one for each rank.
        """
        at, first, last = integer("at", at), max(self.position, self.origin), self._last
        if not first <= at <= last:
            raise ConfigError(
                "position-out-of-range",
                f"`at` must be from {first}, the draws that were yielded, to 2**59 - {LENGTH - last}, found "
                f"{at!r:.80}. Where a loader has read ahead of the training, load `state_dict(position=...)` of what "
                "was trained on first.",
            )
        if at % multiple:
            raise ConfigError(
                "not-a-multiple",
                f"`at` must be a multiple of {multiple}, so that no global batch is of two plans, found {at}. "
                f"Use {nearest_multiples(at, multiple)}.",
            )
        return at

    def _cut(self, at: int) -> None:
        """Let the iteration that is running compute anew what it yields from a position on."""
        self._reading.cut(at)


def nearest_multiples(number: int, of: int, origin: int = 0) -> str:
    """Return the nearest multiples as text, for a message; `origin` is added to them.

    Examples
    --------
    >>> nearest_multiples(1096, 100), nearest_multiples(3, 8), nearest_multiples(96, 100, 1000)
    ('1000 or 1100', '8', '1100')
    """
    lower = number - number % of
    return f"{origin + lower} or {origin + lower + of}" if lower else str(origin + of)
