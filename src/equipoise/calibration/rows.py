"""What a calibration is fitted on: rows with labels and a model's scores, and label shares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array, log_scores
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """The scored rows of one task.

    Attributes
    ----------
    labels : tuple of str
        The labels of the task.
    scores : ndarray of float64, shape (rows, labels)
        Log-scores of the model.
    true : ndarray of int64, shape (rows,)
        Places of the true labels.
    groups : ndarray of int64, shape (rows,)
        The group of each row.
    weights : ndarray of float64, shape (rows,), or None
        How many rows each one represents, where these are a sample; by default 1.
    """

    labels: tuple[str, ...]
    scores: Array
    true: NDArray[np.int64]
    groups: NDArray[np.int64]
    weights: Array | None = None

    @classmethod
    def of(cls, part: TaskPredictions, groups: NDArray[np.int64]) -> "LabelledRows":
        """Return the rows of predictions whose label is one of the task's.

        Raises
        ------
        ConfigError
            If the predictions have no probabilities.
        """
        place = {label: number for number, label in enumerate(part.labels)}
        true = np.array([place.get(label, -1) for label in part.targets], np.int64)
        held = cls(part.labels, log_scores_of(part, "fit"), true, groups, part.weights)
        return held.take(np.flatnonzero(true >= 0))

    def take(self, rows: NDArray[np.integer]) -> "LabelledRows":
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return LabelledRows(self.labels, self.scores[rows], self.true[rows], self.groups[rows], weights)

    def __len__(self) -> int:
        return len(self.true)


def log_scores_of(part: TaskPredictions, purpose: str) -> Array:
    """Return the log-scores of predictions; without probabilities there is nothing to fit or to correct."""
    if part.probabilities is None:
        message = f"task {part.task!r} has no probabilities to {purpose}. Predict with the method `score`."
        raise ConfigError("no-probabilities", message)
    return log_scores(part.probabilities)


def row_weights(rows: LabelledRows, natural: Array, wanted: Array) -> Array:
    """Return the weights that turn the natural label shares of rows into the wanted ones: pi'(y) / pi(y).

    Those of a sample are multiplied by what each row represents.
    """
    ratio = np.divide(wanted, natural, out=np.zeros(len(wanted)), where=natural > 0)
    return ratio[rows.true] if rows.weights is None else ratio[rows.true] * rows.weights


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
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 30, "sad": 10}, "tone": {"low": 60}}), weights="natural")
    >>> shares_within(plan, plan.counts, "mood", ("sad", "glad")).tolist()
    [0.25, 0.75]
    """
    held = values[[plan.position_of(task, label) for label in labels]].astype(np.float64)
    return held / held.sum() if held.any() else held
