"""Plans that follow one another: whether they can."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from equipoise.base.values import integer
from equipoise.errors import PlanError
from equipoise.plan import Plan, Stage
from equipoise.plan.resolving import MOST_DRAWS


def checked_stages(stages: Sequence[tuple[int, Plan]]) -> tuple[Stage, ...]:
    """Return the stages, or raise a PlanError as `Schedule` does."""
    given: list[Stage] = []
    for at, plan in stages:
        if not isinstance(plan, Plan):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError(
                "not-a-plan", f"`stages` must be pairs (draw, Plan), found {plan!r:.80} in place of a plan."
            )
        given.append(Stage(integer("stages", at, PlanError), plan))
    if not given or given[0].at != 0:
        found = f"that the first begins at draw {given[0].at}" if given else "none"
        raise PlanError("no-first-stage", f"`stages` must begin with one at draw 0, found {found}.")
    for before, now in pairwise(given):
        if not before.at < now.at < MOST_DRAWS:
            raise PlanError(
                "unsorted-stages",
                f"`stages` must begin at rising draws below 2**59, found {now.at} after {before.at}. Sort them.",
            )
    first = given[0].plan
    for number, (at, plan) in enumerate(given[1:], 2):
        if plan.strata != first.strata or not np.array_equal(plan.counts, first.counts):
            raise PlanError(
                "other-strata",
                f"`stages` must all have the strata and counts of the first, found others in stage {number}, from draw "
                f"{at}. Build all plans from one census.",
            )
    return tuple(given)
