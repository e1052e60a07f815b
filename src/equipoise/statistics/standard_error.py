"""How sure the best score is, and the simplest candidate that is as good."""

import math
from collections.abc import Mapping, Sequence
from statistics import variance

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import ConfigError, DataError
from equipoise.metrics.confusion import mean_over
from equipoise.statistics.resampled import Costs, Predictions, resampled


def metric_replicates(
    predictions: Sequence[Predictions],
    metric: str,
    bootstrap: int = 1000,
    seed: int = 0,
    *,
    costs: Costs | None = None,
) -> NDArray[np.float64]:
    """Measure the mean of a metric over the tasks on resamples of the groups.

    Parameters
    ----------
    predictions : sequence of mapping of str to TaskPredictions
        One for each seed; by task, and all for the same rows in the same order.
    metric : str
        One of those of `evaluate`, or with `costs` "expected_cost".
    bootstrap, seed : int
        The number of resamples, and what fixes them.
    costs : mapping of str to float64 array of shape (labels, labels), optional
        For classification tasks what answers cost.

    Returns
    -------
    float64 array of shape (seeds, resamples)
        NaN where a resample does not measure it.

    Raises
    ------
    ConfigError
        If the predictions do not measure the metric.
    DataError
        If not all predict the same rows.

    Examples
    --------
    >>> from equipoise.metrics import TaskPredictions
    >>> said = {"t": TaskPredictions("t", ["a", "a", "b"], ["a", "b", "b"], ("a", "b"))}
    >>> metric_replicates([said, said], "accuracy", bootstrap=100).shape
    (2, 100)
    """
    means = [
        held.mean_draws
        for held in resampled(predictions, train_counts=None, costs=costs, bootstrap=bootstrap, seed=seed)
    ]
    if metric not in means[0]:
        raise ConfigError(f"`metric` must be measured, one of {', '.join(means[0])}; found {metric!r}.")
    return np.stack([mean[metric] for mean in means])


def standard_error_of_mean(values_by_seed: Sequence[float], replicates: NDArray[np.float64]) -> float:
    """Combine the two lucks of a mean over seeds: that of training, and that of who is in the rows.

    Parameters
    ----------
    values_by_seed : sequence of float
        The score of each seed on the rows as they are.
    replicates : float64 array of shape (seeds, resamples)
        The score of each seed on resamples of the rows' groups, as `metric_replicates` gives it.

    Returns
    -------
    float
        The root of the variance over the seeds divided by their number, plus the variance over the resamples of the
        mean over the seeds. With one seed the luck of training is unknown and the first term is left out.

    Raises
    ------
    DataError
        If there is no score, or are fewer than two resamples that measure it.

    Notes
    -----
    All seeds are measured on the same rows. So their spread holds the luck of training alone, and the spread of their
    mean over the resamples that of the rows; more seeds make the first smaller and not the second.

    Examples
    --------
    >>> standard_error_of_mean([1.0, 5.0, 6.0], np.array([[3.0, 5.0], [4.0, 4.0], [5.0, 3.0]])) == (7 / 3) ** 0.5
    True
    """
    means = mean_over(replicates.T)
    means = means[~np.isnan(means)]
    if not len(values_by_seed) or means.size < 2:
        raise DataError(
            "a standard error needs one score and two resamples that measure it,"
            f" found {len(values_by_seed)} and {means.size}."
        )
    training = variance(values_by_seed) / len(values_by_seed) if len(values_by_seed) > 1 else 0.0
    return math.sqrt(training + float(means.var(ddof=1)))


def simplest_within(scores: Mapping[str, float], steps: Mapping[str, int], standard_error: float) -> str:
    """Choose the simplest candidate within one standard error of the best.

    Parameters
    ----------
    scores : mapping of str to float
        By candidate; the larger the better.
    steps : mapping of str to int
        By candidate, how many things it does that the plainest does not: the fewer the simpler.
    standard_error : float
        Of the best score.

    Returns
    -------
    str
        Of the candidates whose score is no worse than the best minus `standard_error` that with the fewest steps; of
        equally simple ones the best, and of equals the first by name.

    Raises
    ------
    ConfigError
        If there is no candidate, or if a score or the standard error is no number.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), "Classification and Regression Trees", section 3.4.3.

    Examples
    --------
    >>> scores, steps = {"natural": 0.5, "sqrt": 0.75, "focal": 0.875}, {"natural": 0, "sqrt": 1, "focal": 2}
    >>> [simplest_within(scores, steps, error) for error in (0.1, 0.125, 0.375)]
    ['focal', 'sqrt', 'natural']
    """
    if not scores or any(math.isnan(score) for score in scores.values()) or not standard_error >= 0:
        raise ConfigError(
            "`scores` must hold a number for each candidate, and `standard_error` one that is not negative,"
            f" found {dict(scores)} and {standard_error}."
        )
    least = max(scores.values()) - standard_error
    return min((name for name in scores if scores[name] >= least), key=lambda name: (steps[name], -scores[name], name))
