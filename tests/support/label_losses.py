"""One of each label loss, and priors to prepare them with."""

import numpy as np

from equipoise import Census, Plan
from equipoise.losses.labels import (
    LDAM,
    BalancedSoftmax,
    ClassBalancedFocal,
    CostSensitive,
    CrossEntropy,
    Focal,
    LabelPriors,
    LogitAdjusted,
    VectorScaling,
    Weighted,
)
from equipoise.weights import Balanced, Natural, Power

COUNTS = {"a": 640, "b": 60, "c": 9}
COSTS = {"t": {"a": {"b": 1, "c": 3}, "b": {"a": 2, "c": 1}, "c": {"a": 9, "b": 4}}}
LOSSES = [
    CrossEntropy(),
    Weighted(Balanced()),
    Weighted(Power(0.5), on_top=True),
    Focal(gamma=2.0),
    Focal(gamma=0.5),
    ClassBalancedFocal(beta=0.99, gamma=0.5),
    BalancedSoftmax(),
    LogitAdjusted(tau=1.0),
    LogitAdjusted(tau=0.6, aim="target"),
    LDAM(max_margin=0.5, scale=2.0),
    VectorScaling(gamma=0.3, tau=1.0),
    CostSensitive(COSTS),
]
BY_TEXT = {"argvalues": LOSSES, "ids": str}


def priors_of(counts=None, weights=Natural(), target_weights=None):  # noqa: B008 - immutable
    """Priors of a task "t" beside another task, drawn by `weights`."""
    census = Census.from_counts({"t": counts or COUNTS, "other": 500})
    return LabelPriors.of(Plan.build(census, rates="proportional", weights=weights, target_weights=target_weights), "t")


def with_absent(priors):
    """The same task with a fourth label that has no examples."""
    return LabelPriors(
        priors.task,
        (*priors.labels, "absent"),
        np.append(priors.counts, 0),
        np.append(priors.drawn, 0.0),
        np.append(priors.target, 0.0),
    )
