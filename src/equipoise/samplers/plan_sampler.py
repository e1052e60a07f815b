"""A torch sampler over the stream of draws: distributed, resumable, of any size."""

import warnings
from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from equipoise.base.states import differences
from equipoise.base.values import boolean, integer
from equipoise.drawing import Batches, Mixed, Shard, StratumIndex
from equipoise.drawing.batches import make
from equipoise.drawing.labelled import check_sizes
from equipoise.drawing.stream import DrawnStream, IndependentStream
from equipoise.errors import ConfigError, PlanError, PlanWarning, StateError
from equipoise.plan import Plan, difference
from equipoise.plan.forecast import listed
from equipoise.samplers.epochs import POSITION, REBUILD, EpochSampler, nearest_multiples

REPLAN: Final = "Use `sampler.replan(plan, at=position)`."


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
        What the global batches are made of. With `Quota` and `OneTask` the epoch is a multiple of their size.

    Raises
    ------
    PlanError
        If the index does not have the counts of the plan.
    ConfigError
        If the epoch cannot be split evenly over the ranks and into global batches, or is empty.

    Warns
    -----
    PlanWarning
        If the forecast of an epoch has problems, such as 300 passes over one row: once, on rank 0.

    See Also
    --------
    draws : the same rows as an array.

    Notes
    -----
    Without a call of `set_epoch` the next iteration is the next epoch, so no epoch is repeated by mistake. An
    iteration that was broken off is started again by the next one. The plan is changed by `replan` alone.

    Where `load_state_dict` accepts changes, each stratum resumes behind the draws already used: with the same seed and
    rows nothing is skipped or repeated.

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

    _SETTLED: ClassVar = {
        "plan": REPLAN,
        **dict.fromkeys(("index", "seed", "draws_per_epoch", "shard", "replacement", "batches"), REBUILD),
    }
    _FIELDS: ClassVar = {
        "seed": int,
        "draws_per_epoch": POSITION,
        "replacement": bool,
        "batches": dict[str, Any],
        "plan": str,
        "index": str,
        "origin": POSITION,
        "used": list[POSITION] | None,
    }

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
        self.index = index
        self.seed = integer("seed", seed)
        self.draws_per_epoch = len(index) if draws_per_epoch is None else integer("draws_per_epoch", draws_per_epoch)
        super().__init__(self.draws_per_epoch, shard, "draws_per_epoch")
        self.replacement = boolean("replacement", replacement)
        self.batches = batches
        if batches.size is not None and self.replacement:
            raise ConfigError(
                "batches-with-replacement",
                f"`batches` must be Mixed() with `replacement`, found {batches}: independent draws hold no shares. "
                "Leave out one of the two.",
            )
        size = batches.size or shard.world_size
        if size % shard.world_size:
            message = f"`global_batch` must be a multiple of the {shard.world_size} ranks, found {size}."
            raise ConfigError("not-a-multiple", message)
        if self.draws_per_epoch % size:
            raise ConfigError(
                "not-a-multiple",
                f"`draws_per_epoch` must be a multiple of `global_batch`, so that batches do not reach over an epoch's "
                f"end, found {self.draws_per_epoch} and {size}. Use {nearest_multiples(self.draws_per_epoch, size)}.",
            )
        self._draw_by(plan, 0, 0, None)
        problems = plan.forecast(self.draws_per_epoch).problems if shard.rank == 0 else ()  # once, not on every rank
        if problems:
            message = "\n".join([f"The forecast of an epoch of {self.draws_per_epoch} draws:", *listed(problems)])
            hint = "`plan.forecast(draws)` shows all of it; change rates, weights, `max_passes` or `draws_per_epoch`."
            warnings.warn(PlanWarning("epoch-forecast", f"{message}\n{hint}"), stacklevel=2)

    def __repr__(self) -> str:
        return (
            f"PlanSampler({self._plan!r}, {len(self.index)} rows, seed={self.seed},"
            f" {self.draws_per_epoch} draws per epoch, {self.shard}, {self.batches}, at position {self.position})"
        )

    def _repr_html_(self) -> str:
        forecast: Any = self._plan.forecast(self.draws_per_epoch)
        return f"<p>{escape(repr(self))}</p>{forecast._repr_html_()}"

    @property
    def plan(self) -> Plan:
        """The plan that is drawn; `replan` changes it."""
        return self._plan

    def rows_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows at rising positions of the whole training, counted over all ranks and epochs."""
        return self.index.rows_of_entries(self.stream.entries_at(positions, self.index.starts))

    def of_all_ranks(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of all ranks at positions `first` to `last - 1` of the training, and their strata."""
        strata, places = self.stream.at(np.arange(first, last))
        return self.index.rows(strata, places), strata

    def _settings(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "draws_per_epoch": self.draws_per_epoch,
            "replacement": self.replacement,
            "batches": self.batches.to_dict(),
            "plan": self._plan.to_json(),
            "index": self.index.fingerprint,
            "origin": self.origin,
            "used": None if self._used is None else self._used.tolist(),
        }

    def replan(self, plan: Plan, *, at: int) -> None:
        """Draw by another plan from a position on; call it on all ranks alike, then begin a new iteration.

        Each stratum resumes behind the draws already used, so that no example is repeated or left out within its pass,
        and the shares of the new plan are exact over blocks (or batches) counted from `at`.

        Parameters
        ----------
        plan : Plan
            Of the same strata and counts.
        at : int
            Draws of all ranks together after which the plan changes: `position`, or a later one, where draws before it
            that were not yielded count as used. A multiple of the world size, and of the global batch with `Quota` and
            `OneTask`.

        Raises
        ------
        PlanError
            If the plan has other strata or counts.
        ConfigError
            If `at` is before what was yielded, behind the stream's last whole epoch, or not such a multiple. The
            sampler stays as it was.

        Examples
        --------
        >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
        >>> census = Census.from_counts({"large": 900, "small": 100})
        >>> natural = Plan.build(census, rates="proportional")
        >>> sampler = PlanSampler(natural, StratumIndex.from_sizes(census), draws_per_epoch=4096)
        >>> first = list(sampler)
        >>> sampler.replan(Plan.build(census, rates=rates.Equal()), at=sampler.position)
        >>> [sum(row >= 900 for row in rows) for rows in (first, sampler)]
        [410, 2048]
        """
        if plan.strata != self._plan.strata:
            raise PlanError(
                "other-strata",
                f"`plan` must have the {len(self._plan.strata)} strata of the sampler's plan, found others. Build a "
                "new sampler with its own index, and load this one's state with accept_changes=True.",
            )
        check_sizes(plan, self.index)
        at = self.checked_boundary(at, self.batches.size or self.shard.world_size)
        changed = plan.fingerprint != self._plan.fingerprint
        origin, used = (at, self.stream.used(at)) if changed else (self.origin, self._used)
        self._draw_by(plan, at, origin, used)

    def _changes_since(self, state: Mapping[str, Any]) -> list[str]:
        plan = Plan.from_json(state["plan"])
        used, origin, position = state["used"], state["origin"], state["position"]
        if used is not None and len(used) != len(plan.strata):
            message = f"`used` in the state must be null or {len(plan.strata)} integers, found {len(used)}."
            raise StateError("damaged-state", message)
        try:
            make(state["batches"])
        except ConfigError as error:
            raise StateError("damaged-state", f"`batches` in the state: {error}") from error
        if origin > position:
            message = f"`origin` in the state must be at most `position`, {position}, found {origin}."
            raise StateError("damaged-state", message)
        changes = differences(state, self._settings(), ("seed", "draws_per_epoch", "replacement", "batches"))
        if plan.fingerprint != self._plan.fingerprint:
            changes += [f"the plan changed: {sentence}" for sentence in difference(plan, self._plan)]
        if state["index"] != self.index.fingerprint:
            changes.append("the dataset changed: other rows belong to the strata, or they are in another order")
        return changes

    def resume(self, state: Mapping[str, Any], *, changed: bool) -> None:
        """Continue from a state that was checked, each stratum behind the draws already used."""
        position, origin = state["position"], state["origin"]
        used = None if state["used"] is None else np.array(state["used"], dtype=np.int64)
        if changed:
            plan = Plan.from_json(state["plan"])
            was = _stream(plan, state["seed"], state["replacement"], make(state["batches"]), origin, used)
            spent = dict(zip(plan.strata, was.used(position).tolist(), strict=True))
            used = np.array([spent.get(stratum, 0) for stratum in self._plan.strata], dtype=np.int64)
            origin = position
        self._draw_by(self._plan, position, origin, used)

    def _draw_by(self, plan: Plan, position: int, origin: int, used: NDArray[np.int64] | None) -> None:
        stream = _stream(plan, self.seed, self.replacement, self.batches, origin, used)
        self.start_at(position)
        self._plan, self.origin = plan, origin
        self._used = used  # draws of each stratum before the origin
        self.stream = stream  # another one whenever other rows are drawn


def _stream(
    plan: Plan, seed: int, replacement: bool, batches: Batches, origin: int, used: NDArray[np.int64] | None
) -> DrawnStream:
    return IndependentStream(plan, seed) if replacement else batches.stream(plan, seed, origin, used)
