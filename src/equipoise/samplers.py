"""A torch sampler over the stream of draws: distributed, resumable, of any size."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from equipoise.errors import ConfigError, StateError
from equipoise.independent import IndependentStream
from equipoise.index import StratumIndex, check_sizes
from equipoise.plan import Plan
from equipoise.reading import Reading
from equipoise.sampler_state import VERSION, checked_plan
from equipoise.shard import Shard
from equipoise.stream import LENGTH, Stream

_TOGETHER = 1 << 16  # draws computed at once


class DrawnStream(Protocol):
    """What gives strata and examples at positions: `Stream` and `IndependentStream`."""

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Stratum and place in the stratum of the draws at rising positions."""
        ...


class PlanSampler(Sampler[int]):
    """Row numbers in the order in which a plan draws them, for `torch.utils.data.DataLoader`.

    There is one endless stream of draws, f(plan, seed, position). Epoch e is positions ``e * draws_per_epoch`` on;
    a rank takes every ``world_size``-th position, from ``rank`` on. No rank needs to talk to another, and none uses
    torch's or numpy's global random numbers.

    Parameters
    ----------
    plan : Plan
        What to draw.
    index : StratumIndex
        The dataset's rows, grouped by the plan's strata.
    seed : int, default 0
        Any integer; the same on all ranks.
    draws_per_epoch : int, optional
        Draws of all ranks together in an epoch; a multiple of the world size. By default the number of rows.
    shard : Shard, default Shard(0, 1)
        The part of this process. Under accelerate and Trainer leave the default: they slice batches themselves.
    replacement : bool, default False
        False: a stratum goes through all of its rows before it repeats one, and shares are exact at the end of
        every block. True: independent draws, as torch's WeightedRandomSampler makes them.

    Raises
    ------
    PlanError
        If the index does not have the counts of the plan.
    ConfigError
        If the epoch cannot be split evenly over the ranks, or is empty.

    See Also
    --------
    draws : the same rows as an array.

    Notes
    -----
    Without a call of `set_epoch` the next iteration goes on with the next epoch, so no epoch is repeated by
    mistake. After an iteration that was broken off, the next one starts where the broken one did.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, Shard, StratumIndex, weights
    >>> tasks, labels = ["triage"] * 6, ["routine"] * 4 + ["urgent"] * 2
    >>> plan = Plan.build(Census.from_labels(tasks, labels), weights=weights.InverseFrequency())
    >>> index = StratumIndex.from_labels(plan, tasks, labels)
    >>> sampler = PlanSampler(plan, index, seed=0)
    >>> epoch = list(sampler)
    >>> len(epoch) == len(sampler) == 6
    True
    >>> ranks = [PlanSampler(plan, index, seed=0, shard=Shard(rank, 2)) for rank in (0, 1)]
    >>> [row for pair in zip(*ranks) for row in pair] == epoch
    True
    """

    def __init__(
        self,
        plan: Plan,
        index: StratumIndex,
        seed: int = 0,
        draws_per_epoch: int | None = None,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        replacement: bool = False,
    ) -> None:
        check_sizes(plan, index)
        self.plan = plan
        self.index = index
        self.seed = seed
        self.draws_per_epoch = len(index) if draws_per_epoch is None else draws_per_epoch
        self.shard = shard
        self.replacement = replacement
        _check_epoch(self.draws_per_epoch, shard.world_size)
        self._origin = 0  # position at which this plan took over from another
        self._used: NDArray[np.int64] | None = None  # draws of each stratum before it did
        self._stream = self._make_stream()
        self.start = 0  # position at which the next iteration starts
        self._reading = Reading(0, shard.world_size)

    def __len__(self) -> int:
        """Draws of this rank in a whole epoch."""
        return self.draws_per_epoch // self.shard.world_size

    def __iter__(self) -> Iterator[int]:
        """Rows of this rank from where the epoch (or a loaded state) starts to the epoch's end."""
        self._reading = Reading(self.start, self.shard.world_size)
        return self._iterate(self._reading, self.start)

    def _iterate(self, reading: Reading, start: int) -> Iterator[int]:
        _, end = self.bounds(start)
        step = _TOGETHER - _TOGETHER % self.shard.world_size or self.shard.world_size
        yield from reading.read(((at, min(at + step, end)) for at in range(start, end, step)), self.rows)
        self.start = end

    def rows(self, first: int, last: int) -> NDArray[np.int64]:
        """This rank's rows among positions `first` to `last - 1` of the whole training.

        Parameters
        ----------
        first, last : int
            Positions, counted over all ranks and epochs; `first` a multiple of the world size.

        Returns
        -------
        ndarray of int64
        """
        positions = np.arange(first + self.shard.rank, last, self.shard.world_size)
        return self.index.rows(*self._stream.at(positions))

    def rows_of_all_ranks(self, first: int, last: int) -> NDArray[np.int64]:
        """Rows of all ranks at positions `first` to `last - 1` of the whole training."""
        return self.index.rows(*self._stream.at(np.arange(first, last)))

    def bounds(self, position: int) -> tuple[int, int]:
        """Positions at which the epoch that holds a position begins and ends."""
        begin = position - position % self.draws_per_epoch
        return begin, begin + self.draws_per_epoch

    @property
    def epoch(self) -> int:
        """Epoch that the next iteration is in."""
        return self.start // self.draws_per_epoch

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self._reading.position

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch.

        A loaded state that lies inside this epoch stays where it is: frameworks name the epoch again on resuming.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        if epoch < 0 or (epoch + 1) * self.draws_per_epoch > LENGTH:
            raise ConfigError(f"`epoch` must be from 0 and end before draw 2**60, found {epoch}.")
        if epoch != self.epoch:
            self.start = epoch * self.draws_per_epoch

    def state_dict(self, *, position: int | None = None) -> dict[str, Any]:
        """State to resume from: JSON-serialisable, of constant size.

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
        """
        at = self.position if position is None else position
        return {
            "version": VERSION,
            "position": at,
            "seed": self.seed,
            "draws_per_epoch": self.draws_per_epoch,
            "replacement": self.replacement,
            "plan": self.plan.to_json(),
            "index": self.index.fingerprint,
            "origin": self._origin,
            "used": None if self._used is None else self._used.tolist(),
        }

    def load_state_dict(self, state: Mapping[str, Any], *, accept_changes: bool = False) -> None:
        """Go on where the state was taken; the world size may be another.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave.
        accept_changes : bool, default False
            Whether another plan, seed, dataset or epoch length than the state's is meant. Then this sampler's own hold
            from here on, and each stratum goes on behind the draws already used: with the same seed and rows nothing
            is skipped or repeated.

        Raises
        ------
        StateError
            If the state is broken, or belongs to another plan, seed, dataset or epoch length and the change is not
            accepted. The message names the differences. The sampler stays as it was.
        """
        saved_plan = checked_plan(state)
        position, origin, used = state["position"], state["origin"], state["used"]
        if position % self.shard.world_size:
            raise StateError(
                f"Position {position} of the state is no multiple of the {self.shard.world_size} ranks. "
                "Resume on a number of ranks that divides the global batch."
            )
        carried = None if used is None else np.array(used, dtype=np.int64)
        differences = self._differences(state, saved_plan)
        if differences and not accept_changes:
            raise StateError(
                "The state belongs to another run: " + "; ".join(differences) + ". Build the sampler as it was, "
                "or pass accept_changes=True if the change is meant."
            )
        if differences:
            # Independent draws use nothing up.
            carried = (
                None if state["replacement"] else self._carry(saved_plan, state["seed"], position, origin, carried)
            )
            origin = position
        self._origin, self._used = origin, carried
        self._stream = self._make_stream()
        self.start = position
        self._reading = Reading(position, self.shard.world_size)

    def _make_stream(self) -> DrawnStream:
        if self.replacement:
            return IndependentStream(self.plan, self.seed)
        return Stream(self.plan, self.seed, self._origin, self._used)

    def _differences(self, state: Mapping[str, Any], plan: Plan) -> list[str]:
        ours = self.state_dict()
        found = [
            f"{name} was {state[name]!r} and is {ours[name]!r}"
            for name in ("seed", "draws_per_epoch", "replacement")
            if state[name] != ours[name]
        ]
        if plan.fingerprint != self.plan.fingerprint:
            found += [f"the plan changed: {sentence}" for sentence in plan.difference(self.plan)]
        if state["index"] != ours["index"]:
            found.append("the dataset changed: other rows belong to the strata, or they lie in another order")
        return found

    def _carry(
        self, plan: Plan, seed: int, position: int, origin: int, used: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Draws of each of this plan's strata that the saved stream had used up at the position."""
        spent = Stream(plan, seed, origin, used).used(position)
        by_stratum = dict(zip(plan.strata, spent.tolist(), strict=True))
        return np.array([by_stratum.get(stratum, 0) for stratum in self.plan.strata], dtype=np.int64)


def _check_epoch(draws_per_epoch: int, world_size: int) -> None:
    if draws_per_epoch < 1:
        raise ConfigError(f"`draws_per_epoch` must be at least 1, found {draws_per_epoch}.")
    over = draws_per_epoch % world_size
    if over:
        lower, upper = draws_per_epoch - over, draws_per_epoch - over + world_size
        choices = f"{lower} or {upper}" if lower else str(upper)
        raise ConfigError(
            f"`draws_per_epoch` must be a multiple of the {world_size} ranks, so that all take equally many steps, "
            f"found {draws_per_epoch}. Use {choices}."
        )
