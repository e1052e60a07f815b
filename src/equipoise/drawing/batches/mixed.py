"""Batches that are as mixed as random ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.drawing.batches.base import Batches
from equipoise.drawing.stream import Stream
from equipoise.plan import Plan


@dataclass(frozen=True)
class Mixed(Batches):
    """Batches of whatever is drawn next: strata are shuffled over a block of ``plan.block`` draws.

    The shares hold over a block, and a batch is as mixed as one drawn at random would be.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal())
    >>> index = StratumIndex.from_sizes(plan)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=Mixed())))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)  # in each batch of 8
    >>> np.bincount(of_small).tolist(), int(of_small.sum())  # from none in a batch to seven
    ([1, 6, 29, 53, 77, 56, 25, 9], 1024)
    """

    name = "mixed"

    def stream(self, plan: Plan, seed: int, origin: int = 0, used: NDArray[np.int64] | None = None) -> Stream:
        """Return the stream whose blocks are the plan's."""
        return Stream(plan, seed, origin=origin, used=used)

    def pools(self, plan: Plan, strata: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ARG002 - all draws alike
        """Return one number for all draws."""
        return np.zeros_like(strata)
