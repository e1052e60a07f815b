"""Limits of passes over a whole training, for plans that are decided while it runs."""

import numpy as np

from equipoise.base.masses import masses_of, water_fill
from equipoise.errors import PlanError
from equipoise.feedback.base import FloatArray
from equipoise.plan import Plan
from equipoise.plan.limits import Passes, limits_of

_LEAST = 1e-9
"""Of the draws that are left, so that what is at its limit can still be drawn: a target needs it."""
_TOLERANCE = 1e-6
"""Of what was drawn, which is counted in shares."""


def within_limits(plan: Plan, max_passes: Passes, drawn: FloatArray, left: int) -> Plan:
    """Return a plan that stays within the limits of passes of the whole training if it is drawn to the end.

    What a stratum would be drawn too often goes to the others of its task in proportion to their shares, and what a
    whole task cannot take to the other tasks, in proportion to their rates. A plan that stays within the limits is
    returned as it is. Drawing a plan within the limits leaves them reachable: no later decision finds them broken.

    Parameters
    ----------
    plan : Plan
        The plan that a rule has decided on.
    max_passes : float, or mapping of str to float or to mapping of str to float
        As `Plan.build` takes it.
    drawn : ndarray of float64, shape (S,)
        The draws of each stratum before the plan begins.
    left : int
        The draws that are left to the end of the training.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        If a limit cannot be used, or the strata that the plan draws cannot take the draws that are left.

    Examples
    --------
    >>> from equipoise import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}}), weights="balanced")
    >>> decided = within_limits(plan, 4, drawn=np.array([800.0, 200.0]), left=1000)
    >>> decided.probabilities.round(3).tolist()  # 200 more draws are the fourth pass over "sad"
    [0.8, 0.2]
    """
    capacities = np.full(len(plan.strata), np.inf)
    limits = limits_of("max_passes", max_passes, plan.strata)
    limited = (plan.counts > 0) & np.isfinite(limits)
    capacities[limited] = limits[limited] * plan.counts[limited] - drawn[limited]
    capacities = np.maximum(capacities, left * _LEAST)
    wanted = plan.probabilities * left
    if (wanted <= capacities * (1 + _LEAST)).all():
        return plan
    of_task = np.where(wanted > 0, capacities, 0.0)
    available = np.array([of_task[plan.span(task)].sum() for task in plan.tasks])
    if left > available.sum() * (1 + _TOLERANCE):
        raise PlanError(
            "too-many-draws",
            f"the decided plan draws strata that can take {available.sum():,.0f} of the {left:,} draws that are left "
            "under `max_passes`. Let the rule draw what the first plan draws, if only a little.",
        )
    rates = np.array([wanted[plan.span(task)].sum() for task in plan.tasks])
    amounts = np.zeros(len(wanted))
    total = min(float(left), float(available.sum()))
    for task, amount in zip(plan.tasks, water_fill(rates, available, total).tolist(), strict=True):
        span = plan.span(task)
        amounts[span] = water_fill(wanted[span], capacities[span], amount)
    masses = masses_of(amounts / left)
    target = masses if np.array_equal(plan.masses, plan.target_masses) else plan.target_masses
    return Plan(plan.strata, plan.counts, masses, target, plan.draws, plan.rates_text, plan.weights_text)
