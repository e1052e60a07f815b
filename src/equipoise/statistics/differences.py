"""Several sets of predictions for the same rows: differences between candidates, on shared resamples of the groups."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from equipoise.errors import DataError
from equipoise.metrics import METRICS, Estimate, TaskPredictions
from equipoise.metrics.curves import ALARM_RATE
from equipoise.metrics.intervals import marked, resampled_interval
from equipoise.metrics.resampling import check_confidence, group_codes
from equipoise.metrics.rows import TaskRows, measured, task_means
from equipoise.metrics.sums import Array

Costs = Mapping[str, Array]
Counts = Mapping[str, Mapping[str, int]]
Predictions = Mapping[str, TaskPredictions]
Values = dict[str, Array]
"""Metrics by name, of shape (1 + resamples,): on all rows, then on each resample; NaN where not measured."""


class Differences(NamedTuple):
    """Second minus first.

    Attributes
    ----------
    mean : dict of str to Estimate
        Of the mean over the tasks, by metric.
    tasks : dict of str to dict of str to Estimate
        Of each task.
    standard_errors : dict of str to float or None
        Of the mean over the tasks, by metric: the standard deviation over the resamples; None if fewer than two
        measure it.
    """

    mean: dict[str, Estimate]
    tasks: dict[str, dict[str, Estimate]]
    standard_errors: dict[str, float | None]


def difference_over_seeds(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    *,
    train_counts: Counts | None = None,
    costs: Costs | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    alarm_rate: float = ALARM_RATE,
) -> Differences:
    """Estimate the differences between two candidates on resamples that all predictions share.

    Parameters
    ----------
    first, second : sequence of mapping of str to TaskPredictions
        One for each seed, in the same order; by task, and all of the same rows in the same order.
    train_counts, costs, bootstrap, seed, confidence, alarm_rate
        As in `evaluate`; with costs `expected_cost` is measured.

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
    Groups are resampled, not rows, and each resample is shared by all tasks, both candidates and all seeds, as in
    `evaluate`; of what is added to the rows of each label, half is shared by the candidates. So the interval is for
    these trained models on other groups: it shows the variance between test sets, not the variance between seeds, which
    `mean_interval` shows.

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
    found = resampled(
        [*first, *second],
        len(first),
        train_counts=train_counts,
        costs=costs,
        bootstrap=bootstrap,
        seed=seed,
        alarm_rate=alarm_rate,
    )
    pairs = list(zip(found[: len(first)], found[len(first) :], strict=True))
    rows = {task: len(part.targets) for task, part in first[0].items()}
    tasks = {
        task: _estimates([(a[1][task], b[1][task]) for a, b in pairs], confidence, rows[task]) for task in found[0][1]
    }
    means = [(a[0], b[0]) for a, b in pairs]
    errors = {metric: _standard_error(held[1:]) for metric, held in _means(means).items()}
    return Differences(_estimates(means, confidence, sum(rows.values())), tasks, errors)


def _estimates(pairs: Sequence[tuple[Values, Values]], confidence: float, rows: int) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for metric, values in _means(pairs).items():
        limits = METRICS[metric].limits
        most = None if limits is None else limits[1] - limits[0]
        estimate = resampled_interval(values, confidence, None if most is None else (-most, most))
        found[metric] = marked(estimate, rows)
    return found


def _means(pairs: Sequence[tuple[Values, Values]]) -> Values:
    return {metric: np.mean([b[metric] - a[metric] for a, b in pairs], axis=0) for metric in pairs[0][0]}


def _standard_error(replicates: Array) -> float | None:
    held = replicates[~np.isnan(replicates)]
    return float(held.std(ddof=1)) if held.size > 1 else None


def resampled(
    sets: Sequence[Predictions],
    firsts: int,
    *,
    train_counts: Counts | None,
    costs: Costs | None,
    bootstrap: int,
    seed: int,
    alarm_rate: float = ALARM_RATE,
) -> list[tuple[Values, dict[str, Values]]]:
    """Measure several sets of predictions on the same resamples; arguments and errors as in `difference_over_seeds`.

    The sets after the first `firsts` are those of the second candidate. For each set the means over the tasks are
    returned, and by task the metrics that all sets have of it.
    """
    if not sets or not sets[0]:
        raise DataError("no-predictions", "there must be predictions of one seed and one task or more, found none.")
    for other in sets[1:]:
        _check_same_rows(sets[0], other)
    names = sorted(sets[0])
    codes, groups = group_codes([sets[0][name] for name in names])
    # Side by side, so that the resamples are drawn once for all sets.
    rows = [
        TaskRows(
            held[name],
            code,
            (train_counts or {}).get(name),
            costs=(costs or {}).get(name),
            alarm_rate=alarm_rate,
        )
        for held in sets
        for name, code in zip(names, codes, strict=True)
    ]
    # Where both candidates answer all rows of a task alike, they are the same there.
    alike = {name: _answers(sets[:firsts], name) == _answers(sets[firsts:], name) for name in names}
    second = [place >= firsts and not alike[name] for place in range(len(sets)) for name in names]
    metrics = iter([metrics for metrics, _ in measured(rows, groups, bootstrap, seed, second)])
    found = [{name: next(metrics) for name in names} for _ in sets]
    shared = {name: set[str].intersection(*(set(each[name]) for each in found)) for name in names}
    kept = [
        {task: {key: held[key] for key in held if key in shared[task]} for task, held in each.items()} for each in found
    ]
    return [(task_means(list(each.values())), each) for each in kept]


def _answers(sets: Sequence[Predictions], task: str) -> list[list[str]]:
    return [list(held[task].predicted) for held in sets]


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
