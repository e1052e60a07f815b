"""What answers cost: a price for each pair of a true label and an answer."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import ConfigError
from equipoise.metrics.predictions import TaskPredictions

Array = NDArray[np.float64]


def expected_cost(predictions: Mapping[str, TaskPredictions], costs: Mapping[str, Array]) -> dict[str, float]:
    """Average what the answers to the rows of each task cost.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        By task.
    costs : mapping of str to float64 array of shape (labels, labels)
        By task c(y, k), the cost of answering k where y is true, in the order of the task's labels, as
        `equipoise.calibration.cost_matrix` makes it.

    Returns
    -------
    dict of str to float
        By task, of those that have costs and a row whose label is known. The less the better.

    Raises
    ------
    ConfigError
        If a matrix does not fit the labels of its task.

    Notes
    -----
    An answer that is no label of the task costs as much as the worst answer to that row. A row whose true
    label no training row has is in no row of the matrix, and is left out, as it is of the log-loss.

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning", section 1.

    Examples
    --------
    >>> said = TaskPredictions("triage", ["ill", "ill", "well", "well"], ["ill", "well", "?", "well"], ("ill", "well"))
    >>> expected_cost({"triage": said}, {"triage": np.array([[0.0, 10.0], [1.0, 0.0]])})
    {'triage': 2.75}
    """
    found: dict[str, float] = {}
    for task in sorted(set(predictions) & set(costs)):
        each = row_costs(predictions[task], costs[task])
        known = each[~np.isnan(each)]
        if known.size:
            found[task] = float(known.mean())
    return found


def row_costs(predictions: TaskPredictions, costs: Array) -> Array:
    """Look up what the answer to each row costs.

    Parameters
    ----------
    predictions : TaskPredictions
        Of a classification task.
    costs : float64 array of shape (labels, labels)
        As in `expected_cost`.

    Returns
    -------
    float64 array of shape (rows,)
        NaN where the true label is none of the task's.

    Raises
    ------
    ConfigError
        If `costs` do not fit the labels.
    """
    labels = predictions.labels
    if not labels or costs.shape != (len(labels), len(labels)):
        raise ConfigError(
            f"`costs` of task {predictions.task!r} must have the shape (labels, labels) ="
            f" {(len(labels), len(labels))} of a classification task, found {costs.shape}."
            " Make them with `cost_matrix` from its labels."
        )
    place = {label: number for number, label in enumerate(labels)}
    # One more column for answers that are no label, and one more row for truths that are none.
    table = np.full((len(labels) + 1, len(labels) + 1), np.nan)
    table[:-1, :-1] = costs
    table[:-1, -1] = costs.max(axis=1)
    true, said = (
        np.array([place.get(label, len(labels)) for label in column], np.int64)
        for column in (predictions.targets, predictions.predicted)
    )
    return table[true, said]
