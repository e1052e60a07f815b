"""Several sets of predictions for the same rows, measured on the same resamples of their groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from equipoise.errors import DataError
from equipoise.metrics import TaskPredictions
from equipoise.metrics.resampling import group_codes
from equipoise.metrics.rows import TaskRows, replicates, task_means
from equipoise.metrics.sums import Array

Costs = Mapping[str, Array]
Counts = Mapping[str, Mapping[str, int]]
Predictions = Mapping[str, TaskPredictions]
Value = TypeVar("Value", float, Array)


@dataclass(frozen=True, eq=False)
class Resampled:
    """The metrics of one set of predictions.

    Attributes
    ----------
    points : dict of str to dict of str to float
        By task and metric, on all rows; NaN where not measured.
    draws : dict of str to dict of str to ndarray of float64, shape (resamples,)
        The same of each resample.
    """

    points: dict[str, dict[str, float]]
    draws: dict[str, dict[str, Array]]

    @property
    def mean_points(self) -> dict[str, float]:
        """The unweighted mean of each metric over the tasks that have it."""
        return {metric: float(mean) for metric, mean in task_means(list(self.points.values())).items()}

    @property
    def mean_draws(self) -> dict[str, Array]:
        """The same of each resample."""
        return task_means(list(self.draws.values()))


def resampled(
    sets: Sequence[Predictions], *, train_counts: Counts | None, costs: Costs | None, bootstrap: int, seed: int
) -> list[Resampled]:
    """Measure several sets of predictions on the same resamples.

    Parameters
    ----------
    sets : sequence of mapping of str to TaskPredictions
        By task, for the same rows in the same order.
    train_counts : mapping of str to mapping of str to int or None
        For each classification task the training rows of each label.
    costs : mapping of str to ndarray of float64 or None
        For classification tasks what answers cost, as in `evaluate`.
    bootstrap, seed : int
        The number of resamples and their random seed.

    Returns
    -------
    list of Resampled
        One for each set, with the metrics that all sets have of a task.

    Raises
    ------
    DataError
        If there is no set or no task, or if the sets do not predict the same rows.
    """
    if not sets or not sets[0]:
        raise DataError("no-predictions", "there must be predictions of one seed and one task or more, found none.")
    for other in sets[1:]:
        _check_same_rows(sets[0], other)
    names = sorted(sets[0])
    codes, groups = group_codes([sets[0][name] for name in names])
    # Side by side, so that the resamples are drawn once for all sets.
    rows = [
        TaskRows(held[name], code, (train_counts or {}).get(name), costs=(costs or {}).get(name))
        for held in sets
        for name, code in zip(names, codes, strict=True)
    ]
    points = [held.point()[0] for held in rows]
    draws = [metrics for metrics, _ in replicates(rows, groups, bootstrap, seed)]
    starts = range(0, len(rows), len(names))
    shared = [
        [metric for metric in points[place] if all(metric in points[start + place] for start in starts)]
        for place in range(len(names))
    ]
    return [Resampled(_named(names, points[start:], shared), _named(names, draws[start:], shared)) for start in starts]


def _named(
    names: Sequence[str], of_tasks: Sequence[Mapping[str, Value]], metrics: Sequence[Sequence[str]]
) -> dict[str, dict[str, Value]]:
    return {
        name: {metric: held[metric] for metric in kept}
        for name, held, kept in zip(names, of_tasks, metrics, strict=False)
    }


def _check_same_rows(one: Predictions, other: Predictions) -> None:
    for name in sorted(set(one) | set(other)):
        if name not in one or name not in other or not _same_rows(one[name], other[name]):
            raise DataError(
                "other-rows",
                f"all sets of predictions must be of the same rows, found different ones for task {name!r}."
                " Predict the same test set with each.",
            )


def _same_rows(one: TaskPredictions, other: TaskPredictions) -> bool:
    if one.rows is not None and other.rows is not None and not np.array_equal(one.rows, other.rows):
        return False
    groups = [None if part.groups is None else list(part.groups) for part in (one, other)]
    return list(one.targets) == list(other.targets) and groups[0] == groups[1]
