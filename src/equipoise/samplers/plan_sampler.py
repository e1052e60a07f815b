"""A torch sampler over the stream of draws: distributed, resumable, of any size."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from equipoise.drawing import Mixed, OneTask, Quota, Shard, StratumIndex
from equipoise.drawing.batch_kinds import Batches, from_dict, to_dict
from equipoise.drawing.independent import IndependentStream
from equipoise.drawing.index import check_sizes
from equipoise.drawing.stream import Stream
from equipoise.drawing.task_stream import TaskStream
from equipoise.errors import ConfigError
from equipoise.plan import Plan, difference
from equipoise.samplers.epochs import EpochSampler, nearest_multiples
from equipoise.samplers.state import VERSION, check_accepted, check_divides, checked_plan


class DrawnStream(Protocol):
    """What gives strata and examples at positions: `Stream`, `TaskStream` and `IndependentStream`."""

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Stratum and place in the stratum of the draws at rising positions."""
        ...

    def entries_at(self, positions: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places counted on from where each stratum starts in an index."""
        ...


class PlanSampler(EpochSampler):
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

    batches : Mixed, Quota or OneTask, default Mixed()
        What the global batches are made of. With `Quota` and `OneTask` an epoch is a whole number of them.

    Raises
    ------
    PlanError
        If the index does not have the counts of the plan.
    ConfigError
        If the epoch cannot be split evenly over the ranks and into global batches, or is empty.

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
        batches: Batches = Mixed(),  # noqa: B008 - frozen
    ) -> None:
        check_sizes(plan, index)
        self.plan = plan
        self.index = index
        self.seed = seed
        self.draws_per_epoch = len(index) if draws_per_epoch is None else draws_per_epoch
        super().__init__(self.draws_per_epoch, shard, "draws_per_epoch")
        self.replacement = replacement
        self.batches = batches
        _check_batches(batches, replacement, self.draws_per_epoch, shard.world_size)
        self._origin = 0  # position at which this plan took over from another
        self._used: NDArray[np.int64] | None = None  # draws of each stratum before it did
        self._stream = self._make_stream()

    @property
    def origin(self) -> int:
        """Position at which this plan took over from another; draws before it are not this plan's."""
        return self._origin

    def rows_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows at rising positions of the whole training, counted over all ranks and epochs."""
        return self.index.rows_of_entries(self._stream.entries_at(positions, self.index.starts))

    def of_all_ranks(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of all ranks at positions `first` to `last - 1` of the whole training, and the stratum of each."""
        strata, places = self._stream.at(np.arange(first, last))
        return self.index.rows(strata, places), strata

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
            "batches": to_dict(self.batches),
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
        check_divides(position, self.shard.world_size)
        carried = None if used is None else np.array(used, dtype=np.int64)
        differences = self._differences(state, saved_plan)
        check_accepted(differences, accept_changes)
        if differences:
            was = _stream(saved_plan, state["seed"], state["replacement"], from_dict(state["batches"]), origin, carried)
            # Independent draws use nothing up.
            carried = None if isinstance(was, IndependentStream) else self._carry(saved_plan, was.used(position))
            origin = position
        self._origin, self._used = origin, carried
        self._stream = self._make_stream()
        self.go_on_at(position)

    def _make_stream(self) -> DrawnStream:
        return _stream(self.plan, self.seed, self.replacement, self.batches, self._origin, self._used)

    def _differences(self, state: Mapping[str, Any], plan: Plan) -> list[str]:
        ours = self.state_dict()
        found = [
            f"{name} was {state[name]!r} and is {ours[name]!r}"
            for name in ("seed", "draws_per_epoch", "replacement", "batches")
            if state[name] != ours[name]
        ]
        if plan.fingerprint != self.plan.fingerprint:
            found += [f"the plan changed: {sentence}" for sentence in difference(plan, self.plan)]
        if state["index"] != ours["index"]:
            found.append("the dataset changed: other rows belong to the strata, or they lie in another order")
        return found

    def _carry(self, plan: Plan, spent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draws of each of this plan's strata, from those that another plan's stream had used up."""
        by_stratum = dict(zip(plan.strata, spent.tolist(), strict=True))
        return np.array([by_stratum.get(stratum, 0) for stratum in self.plan.strata], dtype=np.int64)


def _stream(
    plan: Plan, seed: int, replacement: bool, batches: Batches, origin: int, used: NDArray[np.int64] | None
) -> Stream | TaskStream | IndependentStream:
    if replacement:
        return IndependentStream(plan, seed)
    if isinstance(batches, OneTask):
        return TaskStream(plan, seed, batches.global_batch, origin, used)
    block = batches.global_batch if isinstance(batches, Quota) else None
    return Stream(plan, seed, block=block, origin=origin, used=used)


def _check_batches(batches: Batches, replacement: bool, draws_per_epoch: int, world_size: int) -> None:
    if isinstance(batches, Mixed):
        return
    if replacement:
        raise ConfigError(
            f"`batches` must be Mixed() with `replacement`, found {batches}: independent draws hold no shares. "
            "Leave one of the two out."
        )
    if batches.global_batch % world_size:
        raise ConfigError(f"`global_batch` must be a multiple of the {world_size} ranks, found {batches.global_batch}.")
    if draws_per_epoch % batches.global_batch:
        raise ConfigError(
            f"`draws_per_epoch` must be a multiple of `global_batch`, so that batches do not reach over an epoch's "
            f"end, found {draws_per_epoch} and {batches.global_batch}. "
            f"Use {nearest_multiples(draws_per_epoch, batches.global_batch)}."
        )
