"""The label shares of plans."""

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.plan import Plan


def shares_within(plan: Plan, values: NDArray[np.number], task: str, labels: tuple[str, ...]) -> Array:
    """Compute the shares of a task's labels within the task.

    Parameters
    ----------
    plan : Plan
        With the strata of the task.
    values : ndarray, shape (strata,)
        One of ``plan.counts``, ``plan.target``, ``plan.probabilities``.
    task : str
        The task.
    labels : tuple of str
        Its labels, in the order of the result.

    Returns
    -------
    ndarray of float64, shape (labels,)
        With the sum 1; all 0 if the task is never drawn.

    Examples
    --------
    >>> from equipoise.census import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 30, "sad": 10}, "tone": {"low": 60}}))
    >>> shares_within(plan, plan.counts, "mood", ("sad", "glad")).tolist()
    [0.25, 0.75]
    """
    held = values[[plan.position_of(task, label) for label in labels]].astype(np.float64)
    return held / held.sum() if held.any() else held
