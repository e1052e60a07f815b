"""Batches that each hold their share of every stratum."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.drawing.batches.base import OfSize
from equipoise.drawing.drawn import StrataStream
from equipoise.drawing.staged import staged
from equipoise.plan import Plan, Stage
from equipoise.schedule import Drawable


@dataclass(frozen=True)
class Quota(OfSize):
    """Every global batch holds its share of each stratum, the rounding carried over between batches.

    A stratum of 0.1 % is drawn once in a thousand draws, whatever the batch: at the end of every batch each stratum is
    less than one draw from its share if each is due a draw in a batch, and within 1.5 draws in all searches if not.
    With batches that are not a power of two, t / 2**59 of a draw is added after t draws: 0.000002 after 10**12.
    Gradients vary less from step to step than
    with `Mixed`, most where strata are rare; drawing costs more, about as much as a batch has strata.

    Parameters
    ----------
    global_batch : int
        Examples in a step of all ranks together, gradient accumulation included.

    Raises
    ------
    ConfigError
        If it is not an integer from 1 to 2**24.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal())
    >>> index = StratumIndex.from_sizes(plan)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=Quota(8))))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)
    >>> np.bincount(of_small).tolist()  # four in each of the 256 batches
    [0, 0, 0, 0, 256]
    """

    name = "quota"
    keeps_strata = True

    def stream(self, stages: Sequence[Stage], seed: int, used: NDArray[np.int64] | None = None) -> StrataStream:
        """Return the stream whose blocks are the global batches."""
        return staged(stages, seed, block=self.block, used=used)

    def block(self, plan: Plan) -> int:  # noqa: ARG002 - of every plan
        """Return the draws of a global batch."""
        return self.global_batch

    def pools(self, plan: Drawable, strata: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ARG002 - the strata do
        """Return the strata."""
        return strata
