"""A torch sampler over the stream of draws: distributed, resumable, of any size."""

import warnings
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from equipoise.base.states import differences as state_differences
from equipoise.base.values import boolean, integer
from equipoise.drawing import Batches, Mixed, Shard, StratumIndex
from equipoise.drawing.batches import make
from equipoise.drawing.drawn import DrawnStream
from equipoise.drawing.independent import IndependentStream
from equipoise.drawing.labelled import check_sizes, on_rows
from equipoise.drawing.staged import stages_from
from equipoise.errors import ConfigError, PlanWarning, StateError
from equipoise.plan import Plan, Stage
from equipoise.plan.forecasted import listed
from equipoise.samplers.epochs import POSITION, REBUILD, nearest_multiples
from equipoise.samplers.replanning import REPLAN, Replanning
from equipoise.schedule import Drawable, Replanned, differences


class PlanSampler(Replanning):
    """Row numbers in the order in which a plan draws them, for `torch.utils.data.DataLoader`.

    There is one endless stream of draws, f(plan, seed, position). Epoch e is positions ``e * draws_per_epoch`` on;
    a rank takes every ``world_size``-th position, from ``rank`` on. No rank needs to talk to another, and none uses
    torch's or numpy's global random numbers.

    Parameters
    ----------
    plan : Plan or Schedule
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
        plan: Drawable,
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
        self._draw_by(Replanned(plan), 0, 0, None)
        if shard.rank == 0 and (problems := self._epoch.forecast(self.draws_per_epoch).problems):  # not on every rank
            message = "\n".join([f"The forecast of an epoch of {self.draws_per_epoch} draws:", *listed(problems)])
            hint = "`plan.forecast(draws)` shows all of it; change rates, weights, `max_passes` or `draws_per_epoch`."
            warnings.warn(PlanWarning("epoch-forecast", f"{message}\n{hint}"), stacklevel=2)

    def __repr__(self) -> str:
        return (
            f"PlanSampler({self.plan!r}, {len(self.index)} rows, seed={self.seed},"
            f" {self.draws_per_epoch} draws per epoch, {self.shard}, {self.batches}, at position {self.position})"
        )

    def _repr_html_(self) -> str:
        forecast: Any = self._epoch.forecast(self.draws_per_epoch)
        return f"<p>{escape(repr(self))}</p>{forecast._repr_html_()}"

    @property
    def _epoch(self) -> Plan:
        """The plan of an average epoch of the training: a task that only a later one draws is not missing."""
        average = self.plan.average(self.plan.draws or self.plan.stages[-1].at + self.draws_per_epoch)
        return on_rows(average.stages, self.index)[0].plan

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
            "plan": self._course.to_json(),
            "index": self.index.fingerprint,
            "origin": self.origin,
            "used": None if self._used is None else self._used.tolist(),
        }

    def _changes_since(self, state: Mapping[str, Any]) -> list[str]:
        then, now = Replanned.from_json(state["plan"]), self._course.declared
        used, origin, position = state["used"], state["origin"], state["position"]
        if used is not None and len(used) != len(then.declared.strata):
            message = f"`used` in the state must be null or {len(then.declared.strata)} integers, found {len(used)}."
            raise StateError("damaged-state", message)
        try:
            make(state["batches"])
        except ConfigError as error:
            raise StateError("damaged-state", f"`batches` in the state: {error}") from error
        if origin > position:
            message = f"`origin` in the state must be at most `position`, {position}, found {origin}."
            raise StateError("damaged-state", message)
        changes = state_differences(state, self._settings(), ("seed", "draws_per_epoch", "replacement", "batches"))
        if now.fingerprint not in (then.declared.fingerprint, then.drawn.fingerprint):
            changes += [f"the plan changed: {sentence}" for sentence in differences(then.declared, now)]
        if state["index"] != self.index.fingerprint:
            changes.append("the dataset changed: other rows belong to the strata, or they are in another order")
        return changes

    def _resume(self, state: Mapping[str, Any], *, changed: bool) -> None:
        """Continue from a state, each stratum behind the draws already used."""
        position, origin = state["position"], state["origin"]
        used = None if state["used"] is None else np.array(state["used"], dtype=np.int64)
        course = Replanned.from_json(state["plan"])
        if changed:
            plan = course.drawn
            was = _stream(plan.stages, state["seed"], state["replacement"], make(state["batches"]), origin, used)
            spent = dict(zip(plan.strata, was.used(position).tolist(), strict=True))
            course, origin = Replanned(self._course.declared), position
            used = np.array([spent.get(stratum, 0) for stratum in course.declared.strata], dtype=np.int64)
        self._draw_by(course, position, origin, used)

    def _draw_by(self, course: Replanned, position: int, origin: int, used: NDArray[np.int64] | None) -> None:
        size = self.batches.size or 1
        for stage in course.drawn.stages:
            if stage.at > origin and (stage.at - origin) % size:
                raise ConfigError(
                    "not-a-multiple",
                    f"`plan` must have stages that begin at multiples of the global batch of {self.batches}, found one "
                    f"at draw {stage.at}. Use {nearest_multiples(stage.at, size)}.",
                )
        self.start_at(position)
        self.trained_until(0)
        self.origin, self._used = origin, used  # draws of each stratum before the origin
        self._draw(course)

    def _draw(self, course: Replanned) -> None:
        self._course = course
        # Another one whenever other rows are drawn.
        stages = on_rows(course.drawn.stages, self.index)
        self.stream = _stream(stages, self.seed, self.replacement, self.batches, self.origin, self._used)


def _stream(
    stages: Sequence[Stage], seed: int, replacement: bool, batches: Batches, origin: int, used: NDArray[np.int64] | None
) -> DrawnStream:
    left = stages_from(stages, origin)
    return IndependentStream(left, seed) if replacement else batches.stream(left, seed, used)
