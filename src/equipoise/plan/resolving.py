"""Census, rates, weights and caps resolved to one probability per stratum."""

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.base.water_filling import water_fill
from equipoise.census import Census
from equipoise.errors import PlanError
from equipoise.plan.forecast import ratios
from equipoise.plan.label_shares import Weights, label_shares
from equipoise.plan.token_rates import rates_of_examples
from equipoise.rates import Rates
from equipoise.rates.base import FloatArray

_ROUNDS = 200  # of the search for rates in tokens under a cap; about ten suffice


def probabilities_of(
    census: Census,
    rates: Rates,
    weights: Weights,
    draws: int | None,
    max_passes: float | None = None,
    tokens: FloatArray | None = None,
) -> FloatArray:
    """Return rate of the task * share in the task, per stratum, under the cap.

    Raises
    ------
    PlanError
        If the census is empty, a scheme does not fit it, or the draws do not fit under the cap.
    """
    if not census.total:
        raise PlanError("no-examples", "the census must have examples, found none. Check that the data was read.")
    wanted = shares = label_shares(census, weights)
    for _ in range(_ROUNDS):
        of_tasks = rates_of_examples(census, rates, shares, tokens, draws)
        probabilities = wanted * of_tasks[census.task_numbers]
        if max_passes is not None:
            probabilities = capped(census, probabilities, max_passes, draws)
        if tokens is None:
            return probabilities
        # A cap moves draws between labels and so changes the mean tokens of a draw of the task.
        totals = np.bincount(census.task_numbers, probabilities)[census.task_numbers]
        before, shares = shares, ratios(probabilities, totals)
        if np.abs(shares - before).max() < 1e-12:
            return probabilities
    raise PlanError(
        "unreachable-rates",
        f"rates in tokens could not be met under `max_passes` of {max_passes}: the labels of a task differ too much in"
        " length. Remove one of the two.",
    )


def capped(census: Census, probabilities: FloatArray, max_passes: float, draws: int | None) -> FloatArray:
    """Move draws in excess of `max_passes` from each stratum to the others of its task.

    Raises
    ------
    PlanError
        If `max_passes` is not above 0, `draws` is missing, or a task has more draws than its cap.
    """
    checked_number("max_passes", max_passes, above=0, hint="Up to 4 passes are nearly as good as new data.")
    if draws is None:
        raise PlanError("missing-draws", "`max_passes` needs `draws`, found None. Give the planned number of draws.")
    amounts = np.zeros(len(probabilities))
    for task in census.tasks:
        span = census.span(task)
        wanted = probabilities[span] * draws
        capacities = census.counts[span].astype(np.float64) * max_passes
        drawn = float(wanted.sum())
        available = float(capacities[wanted > 0].sum())
        # The rates are rounded: a task exactly at its cap must pass.
        if drawn > available * (1 + 1e-9):
            examples = int(census.counts[span][wanted > 0].sum())
            raise PlanError(
                "too-many-draws",
                f"task {task!r} gets {drawn:.0f} of {draws} draws, more than {max_passes:g} passes over its"
                f" {examples} drawn examples. Use `max_passes` of at least {drawn / examples:.4g}, at most"
                f" {int(draws * available / drawn)} draws, or a rate of at most {available / draws:.4g} for it.",
            )
        amounts[span] = water_fill(wanted, capacities, min(drawn, available))
    return amounts / draws
