"""The sampler of a run, and what it draws."""

import numpy as np
from numpy.typing import NDArray

from equipoise.config import RunConfig, TrainingConfig
from equipoise.drawing import Mixed, OneTask, Quota, StratumIndex
from equipoise.drawing.batch_kinds import Batches
from equipoise.experiment.prepare import Prepared
from equipoise.experiment.strata import strata_of
from equipoise.plan import Plan
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
    return PlanSampler(plan, index, seed=config.seed, draws_per_epoch=draws, batches=_batches(config.training))


def _batches(training: TrainingConfig) -> Batches:
    kinds = {"mixed": Mixed(), "quota": Quota(training.batch_size), "one_task": OneTask(training.batch_size)}
    return kinds[training.batches]
