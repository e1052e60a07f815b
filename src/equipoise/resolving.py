"""Census, rates, weights and caps resolved to one probability per stratum."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from equipoise.census import Census
from equipoise.errors import PlanError
from equipoise.rates import Rates
from equipoise.schemes import checked_number
from equipoise.water_filling import water_fill
from equipoise.weights import ClassWeights
from equipoise.weights.label_shares import label_shares

FloatArray = npt.NDArray[np.float64]
Weights = ClassWeights | Mapping[str, ClassWeights]


def probabilities_of(census: Census, rates: Rates, weights: Weights, draws: int | None) -> FloatArray:
    """Give rate of the task * share in the task, per stratum.

    Raises
    ------
    PlanError
        When the census is empty, or a scheme does not fit it.
    """
    if not census.total:
        raise PlanError("the census must have examples, found none. Check that the data was read.")
    probabilities = label_shares(census, weights)
    of_tasks = rates(census.task_counts, census.tasks, draws)
    for task, rate in zip(census.tasks, of_tasks.tolist(), strict=True):
        probabilities[census.span(task)] *= rate
    return probabilities


def capped(census: Census, probabilities: FloatArray, max_passes: float, draws: int | None) -> FloatArray:
    """Take from each stratum what exceeds `max_passes` in `draws` draws, and give it to the others of its task.

    Raises
    ------
    PlanError
        When `max_passes` is not above 0, `draws` is missing, or a task cannot place its draws.
    """
    checked_number("max_passes", max_passes, above=0, hint="Up to 4 passes cost little.")
    if draws is None:
        raise PlanError("`max_passes` needs `draws`, found None. Give the planned number of draws.")
    amounts = np.zeros(len(probabilities))
    for task in census.tasks:
        span = census.span(task)
        wanted = probabilities[span] * draws
        capacities = census.counts[span].astype(np.float64) * max_passes
        drawn = float(wanted.sum())
        available = float(capacities[wanted > 0].sum())
        # The rates are rounded: a task that needs exactly what it has must pass.
        if drawn > available * (1 + 1e-9):
            examples = int(census.counts[span][wanted > 0].sum())
            raise PlanError(
                f"task {task!r} gets {drawn:.0f} of {draws} draws, more than {max_passes:g} passes over its"
                f" {examples} drawn examples. Use `max_passes` of at least {drawn / examples:.4g}, at most"
                f" {int(draws * available / drawn)} draws, or a rate of at most {available / draws:.4g} for it."
            )
        amounts[span] = water_fill(wanted, capacities, min(drawn, available))
    return amounts / draws
