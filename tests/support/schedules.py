"""Schedules that many tests draw from, and their exact shares."""

import numpy as np

from equipoise import Census, Plan, Schedule, rates, weights
from tests.support.plans import imbalanced

PLAN, INDEX = imbalanced()
CENSUS = Census(PLAN.strata, PLAN.counts)
OTHER = Plan.build(CENSUS, rates.Fixed({"large": 0.5, "open": 0.25, "small": 0.25}), weights.Power(0.5))
WITHOUT_OPEN = Plan.build(CENSUS, rates.Fixed({"large": 0.4, "open": 0.0, "small": 0.6}), weights="natural")


def staged_plan(unit=1):
    """Four stages: the second ends inside a block, and a task is not drawn in the third."""
    return Schedule([(0, PLAN), (2100 * unit, OTHER), (2700 * unit, WITHOUT_OPEN), (7200 * unit, PLAN)])


def worst_error(schedule, used, last, block):
    """Greatest |drawn - sum of shares| at the ends of all blocks and stages before a position, in exact integers."""
    due = np.zeros(len(schedule.strata), dtype=object)
    worst = 0
    for (begin, plan), end in zip(schedule.stages, [*(stage.at for stage in schedule.stages[1:]), last], strict=False):
        masses = plan.masses.astype(object)
        ends = list(range(begin + block(plan), min(end, last) + 1, block(plan)))
        for at in ends if end >= last else [*ends, end]:
            worst = max(worst, *abs((used(at).astype(object) << 60) - due - (at - begin) * masses))
        due = due + (end - begin) * masses
        if end >= last:
            break
    return worst / 2**60
