"""What the global batches of a stream are made of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import ConfigError
from equipoise.plan import Plan

MOST_EXAMPLES = 1 << 24
"""Of a global batch: draws of one are computed together."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """Batches of whatever comes next: strata are shuffled over a block of ``plan.block`` draws.

    The shares hold over a block, and a batch is as mixed as one drawn at random would be.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal())
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=Mixed())))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)  # in each batch of 8
    >>> np.bincount(of_small).tolist(), int(of_small.sum())  # from none in a batch to seven
    ([1, 6, 29, 53, 77, 56, 25, 9], 1024)
    """

    def pools(self, plan: Plan, strata: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ARG002 - all draws alike
        """Draws of one number may change places with each other: here all."""
        return np.zeros_like(strata)


@dataclass(frozen=True, slots=True)
class Quota:
    """Every global batch holds its share of each stratum, the rounding carried over between batches.

    A stratum of 0.1 % comes once in a thousand draws, whatever the batch. Gradients vary less from step to step than
    with `Mixed`, most where strata are rare; drawing costs more, about as much as a batch has strata.

    Parameters
    ----------
    global_batch : int
        Examples in a step of all ranks together, gradient accumulation included.

    Raises
    ------
    ConfigError
        If it is below 1.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal())
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=Quota(8))))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)
    >>> np.bincount(of_small).tolist()  # four in each of the 256 batches
    [0, 0, 0, 0, 256]
    """

    global_batch: int

    def __post_init__(self) -> None:
        _check(self.global_batch)

    def pools(self, plan: Plan, strata: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ARG002 - the strata do
        """Draws of one number may change places with each other: those of a stratum."""
        return strata


@dataclass(frozen=True, slots=True)
class OneTask:
    """Every global batch is of one task, the same on all ranks; tasks come as often as the plan says.

    A batch holds its task's share of each class, carried over between the task's batches. The order of the tasks is
    shuffled over blocks of batches, so that no task is more than about one batch from its share at a block's end.

    Parameters
    ----------
    global_batch : int
        Examples in a step of all ranks together, gradient accumulation included.

    Raises
    ------
    ConfigError
        If it is below 1.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal())
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=OneTask(8))))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)
    >>> np.bincount(of_small).tolist()  # 128 batches without, 128 of nothing else
    [128, 0, 0, 0, 0, 0, 0, 0, 128]
    """

    global_batch: int

    def __post_init__(self) -> None:
        _check(self.global_batch)

    def pools(self, plan: Plan, strata: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draws of one number may change places with each other: those of a task."""
        return plan.task_numbers[strata]


Batches = Mixed | Quota | OneTask


def to_dict(batches: Batches) -> dict[str, Any]:
    """Give the batches as plain values.

    Examples
    --------
    >>> to_dict(Quota(32))
    {'kind': 'Quota', 'global_batch': 32}
    """
    return {"kind": type(batches).__name__, **asdict(batches)}


def from_dict(values: Mapping[str, Any]) -> Batches:
    """Make batches of what `to_dict` gave, or raise ConfigError.

    Examples
    --------
    >>> from_dict({"kind": "OneTask", "global_batch": 8})
    OneTask(global_batch=8)
    """
    for kind in (Mixed, Quota, OneTask):
        if values.get("kind") == kind.__name__ and set(values) == {"kind", *kind.__dataclass_fields__}:
            return kind(**{name: value for name, value in values.items() if name != "kind"})
    raise ConfigError(f"batches must be those of Mixed, Quota or OneTask, found {str(dict(values))!r:.80}.")


def _check(global_batch: int) -> None:
    is_integer = isinstance(global_batch, int | np.integer)  # pyright: ignore[reportUnnecessaryIsInstance]
    if isinstance(global_batch, bool) or not is_integer or not 1 <= global_batch <= MOST_EXAMPLES:
        raise ConfigError(
            f"`global_batch` must be a whole number from 1 to 2**24, found {global_batch!r:.80}. Give the examples of"
            " one step: batch size x accumulation x ranks."
        )
