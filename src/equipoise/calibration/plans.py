"""The label shares of plans."""

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.plan import Plan


def shares_within(plan: Plan, values: NDArray[np.number], task: str, labels: tuple[str, ...]) -> Array:
    """Give the shares of a task's labels among themselves.

    Parameters
    ----------
    plan : Plan
        Knows where the labels stand.
    values : array of shape (strata,)
        One of ``plan.counts``, ``plan.target``, ``plan.probabilities``.
    task : str
        The task.
    labels : tuple of str
        Its labels, in the order that is wanted.

    Returns
    -------
    float64 array of shape (labels,)
        With the sum 1; all 0 if the task is not drawn at all.

    Examples
    --------
    >>> from equipoise.census import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 30, "sad": 10}, "tone": {"low": 60}}))
    >>> shares_within(plan, plan.counts, "mood", ("sad", "glad")).tolist()
    [0.25, 0.75]
    """
    held = values[[plan.position_of(task, label) for label in labels]].astype(np.float64)
    return held / held.sum() if held.any() else held
