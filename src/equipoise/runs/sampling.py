"""The sampler of a run, and what it draws."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.config import RunConfig
from equipoise.drawing import StratumIndex
from equipoise.drawing.batches import make
from equipoise.plan import Plan
from equipoise.runs.prepare import Prepared, strata_of
from equipoise.samplers import PlanSampler


def index_of(prepared: Prepared) -> StratumIndex:
    """The run's training rows, grouped by stratum."""
    return StratumIndex.from_labels(prepared.plan, *strata_of(prepared.train, prepared.tasks))


def sampler_of(prepared: Prepared, index: StratumIndex, draws: int) -> PlanSampler:
    """The sampler whose only epoch is the whole run of `draws` draws."""
    return _sampler(prepared.config, prepared.plan, index, draws)


def count_draws(config: RunConfig, plan: Plan, draws: int) -> NDArray[np.int64]:
    """Draw again what a run's training drew, and count the draws of every stratum; that needs no rows."""
    _, strata = _sampler(config, plan, StratumIndex.from_sizes(plan.counts), draws).of_all_ranks(0, draws)
    return np.bincount(strata, minlength=len(plan.strata))


def _sampler(config: RunConfig, plan: Plan, index: StratumIndex, draws: int) -> PlanSampler:
    batches = make(config.training.batches, global_batch=config.training.batch_size)
    return PlanSampler(plan, index, seed=config.seed, draws_per_epoch=draws, batches=batches)


ROWS_PER_STRATUM = 20


def validation_rows(
    tasks: Sequence[str], labels: Sequence[str | None], seed: int, most: int = ROWS_PER_STRATUM
) -> NDArray[np.int64]:
    """Choose up to `most` rows of every stratum, in a way that the seed alone decides.

    The loss on them shows rare labels as much as common ones; it is for watching, never for judging.

    Parameters
    ----------
    tasks, labels : sequence of str
        Of every validation row; the label of an open-ended task is None.
    seed : int
        Decides the choice.
    most : int
        Rows of one stratum.

    Returns
    -------
    int64 array
        Row numbers, ascending.

    Examples
    --------
    >>> validation_rows(["a"] * 5, ["no"] * 4 + ["yes"], seed=0, most=2).tolist()[-1]
    4
    """
    shuffled = np.random.default_rng(seed).permutation(len(tasks))
    taken: dict[tuple[str, str | None], int] = {}
    chosen: list[int] = []
    rows: list[int] = shuffled.tolist()
    for row in rows:
        stratum = (tasks[row], labels[row])
        if taken.setdefault(stratum, 0) < most:
            taken[stratum] += 1
            chosen.append(row)
    return np.sort(np.array(chosen, dtype=np.int64))
