"""The label shares of plans, and what another plan's shares make of predictions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.calibration.task import TaskCalibration
from equipoise.metrics import TaskPredictions
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


def prior_corrected(
    predictions: Mapping[str, TaskPredictions], trained: Plan, wanted: Plan
) -> dict[str, TaskPredictions]:
    """Give the predictions that a model trained by one plan owes to the label shares of another.

    Both shares come from training rows, so the correction costs nothing and sees no other row.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        Of the model that was trained by `trained`; tasks without probabilities stay as they are.
    trained, wanted : Plan
        The plan whose target the loss saw, and the one whose target the predictions should follow.

    Returns
    -------
    dict of str to TaskPredictions
        The corrected predictions.
    """

    def corrected(part: TaskPredictions) -> TaskPredictions:
        trained_prior, prior = (shares_within(plan, plan.target, part.task, part.labels) for plan in (trained, wanted))
        return TaskCalibration(part.labels, trained_prior, prior).apply(part)

    return {task: part if part.probabilities is None else corrected(part) for task, part in predictions.items()}
