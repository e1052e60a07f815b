"""Differences between two candidates, over several seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from equipoise.errors import DataError
from equipoise.metrics import Estimate
from equipoise.metrics.resampling import percentile_interval
from equipoise.statistics.confidence import check_confidence
from equipoise.statistics.resampled import Array, Costs, Counts, Predictions, resampled


class Differences(NamedTuple):
    """Second minus first.

    Attributes
    ----------
    mean : dict of str to Estimate
        Of the mean over the tasks, by metric.
    tasks : dict of str to dict of str to Estimate
        Of each task.
    """

    mean: dict[str, Estimate]
    tasks: dict[str, dict[str, Estimate]]


def difference_over_seeds(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    *,
    train_counts: Counts | None = None,
    costs: Costs | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Differences:
    """Estimate the differences between two candidates on resamples that all predictions share.

    Parameters
    ----------
    first, second : sequence of mapping of str to TaskPredictions
        One for each seed, in the same order; by task, and all of the same rows in the same order.
    train_counts : mapping of str to mapping of str to int, optional
        For each classification task the training rows of each label.
    costs : mapping of str to ndarray of float64, shape (labels, labels), optional
        For classification tasks what answers cost; with them `expected_cost` is measured.
    bootstrap : int
        The number of resamples; 0 for no intervals.
    seed : int
        Random seed of the resamples.
    confidence : float
        The level of the percentile intervals.

    Returns
    -------
    Differences
        Means over the seeds of `second` minus `first`, of each metric that all of them have.

    Raises
    ------
    DataError
        If `first` and `second` differ in length, or if not all predict the same rows.
    ConfigError
        If `confidence` is not above 0 and below 1.

    Notes
    -----
    Groups are resampled, not rows, and each resample is shared by all tasks, both candidates and all seeds. So the
    interval is for these trained models on other groups: it shows the variance between test sets, not the variance
    between seeds, which `mean_interval` shows.

    References
    ----------
    Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13; Davison & Hinkley (1997), "Bootstrap
    Methods and their Application", section 3.8.

    Examples
    --------
    >>> from equipoise.metrics import TaskPredictions
    >>> right = ["a", "a", "b", "b"]
    >>> arms = [{"t": TaskPredictions("t", right, said, ("a", "b"))} for said in (list("abab"), list("aabb"))]
    >>> difference_over_seeds(arms[:1], arms[1:], bootstrap=200).mean["accuracy"].value
    0.5
    """
    check_confidence(confidence)
    if len(first) != len(second):
        raise DataError(
            "other-seeds",
            f"`first` and `second` must have the same seeds, found {len(first)} and {len(second)}."
            " Train both with each seed.",
        )
    measured = resampled([*first, *second], train_counts=train_counts, costs=costs, bootstrap=bootstrap, seed=seed)
    pairs = list(zip(measured[: len(first)], measured[len(first) :], strict=True))
    tasks = {
        task: _estimates(
            [(a.points[task], b.points[task]) for a, b in pairs],
            [(a.draws[task], b.draws[task]) for a, b in pairs],
            confidence,
        )
        for task in measured[0].points
    }
    mean = _estimates(
        [(a.mean_points, b.mean_points) for a, b in pairs], [(a.mean_draws, b.mean_draws) for a, b in pairs], confidence
    )
    return Differences(mean, tasks)


def _estimates(
    points: Sequence[tuple[Mapping[str, float], Mapping[str, float]]],
    draws: Sequence[tuple[Mapping[str, Array], Mapping[str, Array]]],
    confidence: float,
) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for metric in points[0][0]:
        value = float(np.mean([b[metric] - a[metric] for a, b in points]))
        resamples = np.mean([b[metric] - a[metric] for a, b in draws], axis=0)
        found[metric] = percentile_interval(value, resamples, confidence)
    return found
