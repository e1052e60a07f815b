"""Another plan in a training that is running: on all ranks from the same position on, or on none."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar, cast

import torch.distributed as dist

from equipoise.errors import ConfigError, EquipoiseError, PlanError
from equipoise.plan import Plan
from equipoise.samplers import LengthSorted, PlanSampler, TokenBatches

T = TypeVar("T")


def replan(sampler: PlanSampler | LengthSorted | TokenBatches, plan: Plan, *, at: int | None = None) -> int:
    """Draw by another plan from a position on, on all ranks alike; every rank must call it, between the same steps.

    Loaders read ahead of the training, each rank by another amount, and what was read is not changed. So the plan
    changes at the first position that no rank has read beyond, or later. Any loop can call it: plain torch, accelerate,
    a callback of the Trainer in `on_step_end` or of Lightning in `on_train_batch_end`, or Ray Train. The states of the
    loop hold the change from then on.

    Parameters
    ----------
    sampler : PlanSampler, LengthSorted or TokenBatches
        The one that the loop draws from, such as `StreamLoader.sampler`.
    plan : Plan
        Of the same strata and counts; the same on all ranks.
    at : int, optional
        Draws of all ranks together after which the plan changes; by default the first position that is possible.

    Returns
    -------
    int
        The position from which the plan is drawn.

    Raises
    ------
    PlanError
        On all ranks, if `plan` is not a plan on one of them, or has other strata or counts.
    ConfigError
        On all ranks, if they differ in plan or position, if a rank has read beyond the position, or it is not a
        multiple of the global batch. The message names the first position that is possible. No sampler has changed.

    See Also
    --------
    PlanSampler.replan : the same on a single rank.

    Examples
    --------
    >>> from equipoise import Census, StratumIndex
    >>> from equipoise.loaders import StreamLoader
    >>> census = Census.from_counts({"large": 900, "small": 100})
    >>> natural, equal = (Plan.build(census, rates=rates) for rates in ("proportional", "equal"))
    >>> index = StratumIndex.from_sizes(census)
    >>> loader = StreamLoader(range(1000), lambda shard: PlanSampler(
    ...     natural, index, draws_per_epoch=4096, shard=shard), batch_size=64)
    >>> for rows in loader:
    ...     if loader.step == 10:  # scores of a validation say so
    ...         begin = replan(loader.sampler, equal)
    >>> begin, [stage.at for stage in loader.sampler.plan.stages]
    (2048, [0, 2048])
    """
    found = _of_all_ranks(_found(sampler, plan, at))
    earliest = max(each.earliest for each in found)
    _raise_first([each.error for each in found], earliest)
    for name, values in (("plan", [each.plan for each in found]), ("at", [each.at for each in found])):
        if any(value != values[0] for value in values):
            listed = ", ".join(f"{value} on rank {rank}" for rank, value in enumerate(values))
            raise ConfigError(
                "ranks-differ",
                f"`{name}` must be the same on all ranks, found {listed}. Let one rank decide, and broadcast it. "
                f"{_possible(earliest)}",
            )
    begin = earliest if at is None else at
    _raise_first(_of_all_ranks(_refusal(sampler, plan, begin)), earliest)
    return sampler.replan(plan, at=begin)


class _Found(NamedTuple):
    """What a rank was called with, and the first position that is possible there."""

    plan: str
    at: Any
    earliest: int
    error: EquipoiseError | None


def _found(sampler: Any, plan: Any, at: Any) -> _Found:
    if not isinstance(sampler, PlanSampler | LengthSorted | TokenBatches):
        error = ConfigError(
            "not-a-sampler",
            f"`sampler` must be a PlanSampler, LengthSorted or TokenBatches, found a {type(sampler).__name__}. Pass "
            "the one that the loop draws from, such as `loader.sampler`.",
        )
        return _Found("", None, 0, error)
    earliest = sampler.earliest_replan()
    if not isinstance(plan, Plan):
        error = PlanError("not-a-plan", f"`plan` must be a Plan, found a {type(plan).__name__}. Build one.")
        return _Found("", None, earliest, error)
    return _Found(f"fingerprint {plan.fingerprint[:12]}", at, earliest, None)


def _refusal(sampler: PlanSampler | LengthSorted | TokenBatches, plan: Plan, at: int) -> EquipoiseError | None:
    """Return why a sampler cannot change; the others must hear of it before this rank raises it."""
    try:
        sampler.check_replan(plan, at=at)
    except EquipoiseError as error:
        return error
    return None


def _raise_first(errors: Sequence[EquipoiseError | None], earliest: int) -> None:
    """Raise the first error of the ranks, on all of them."""
    for rank, error in enumerate(errors):
        if error is not None:
            of_rank = f" Rank {rank} refuses it, so all do. {_possible(earliest)}" if len(errors) > 1 else ""
            raise type(error)(error.code, f"{error}{of_rank}")


def _possible(earliest: int) -> str:
    return f"The first position that is possible on all ranks is {earliest}."


def _of_all_ranks(value: T) -> list[T]:
    """Return the values of all ranks of a process group, or the one of this process."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    cast(Any, dist).all_gather_object(values, value)
    return values
