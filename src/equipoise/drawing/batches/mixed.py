"""Batches that are as mixed as random ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.drawing.batches.base import Batches
from equipoise.drawing.drawn import StrataStream
from equipoise.drawing.staged import staged
from equipoise.plan import Plan, Stage
from equipoise.schedule import Drawable


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

    def stream(self, stages: Sequence[Stage], seed: int, used: NDArray[np.int64] | None = None) -> StrataStream:
        """Return the stream whose blocks are the plan's."""
        return staged(stages, seed, block=self.block, used=used)

    def block(self, plan: Plan) -> int:
        """Return the draws of a block of the plan."""
        return plan.block

    def pools(self, plan: Drawable, strata: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ARG002 - all draws alike
        """Return one number for all draws."""
        return np.zeros_like(strata)
