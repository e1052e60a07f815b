"""The sampler of a run, and its draws."""

import warnings

import numpy as np
from numpy.typing import NDArray

from equipoise.config import RunConfig
from equipoise.drawing import StratumIndex
from equipoise.drawing.batches import make
from equipoise.errors import PlanWarning
from equipoise.runs.prepare import Prepared, index_rows
from equipoise.runs.proxies import proxy_index
from equipoise.samplers import PlanSampler
from equipoise.schedule import Drawable


def index_of(prepared: Prepared) -> StratumIndex:
    """Group the training rows by stratum that the run draws: all, or those of a proxy."""
    index, part = index_rows(prepared.plan, prepared.train, prepared.tasks), prepared.config.plan.part
    return index if part == 1 else proxy_index(index, prepared.train, part, prepared.config.seed)


def sampler_of(config: RunConfig, plan: Drawable, index: StratumIndex, draws: int) -> PlanSampler:
    """Return the sampler whose only epoch is the whole run of `draws` draws."""
    batches = make(config.training.batches, global_batch=config.training.batch_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlanWarning)  # the forecast of a run has been reported, or its errors allowed
        return PlanSampler(plan, index, seed=config.seed, draws_per_epoch=draws, batches=batches)


def count_draws(config: RunConfig, plan: Drawable, draws: int) -> NDArray[np.int64]:
    """Repeat the draws of a run, and count those of every stratum, without its rows: ndarray of int64, shape (S,)."""
    _, strata = sampler_of(config, plan, StratumIndex.from_sizes(plan), draws).of_all_ranks(0, draws)
    return np.bincount(strata, minlength=len(plan.strata))
