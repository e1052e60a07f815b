"""Means over seeds: their intervals and standard errors, and the one-standard-error rule."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean, stdev, variance

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.errors import ConfigError, DataError
from equipoise.metrics import Estimate
from equipoise.metrics.resampling import check_confidence
from equipoise.metrics.sums import mean_over
from equipoise.statistics.differences import Costs, Predictions, resampled


def mean_interval(
    values: Sequence[float | None], confidence: float = 0.95, *, limits: tuple[float, float] | None = None
) -> Estimate:
    """Average over seeds, with Student's t-interval.

    Parameters
    ----------
    values : sequence of float or None
        One for each seed; None and NaN were not measured and are left out.
    confidence : float
        The level of the interval.
    limits : pair of float, optional
        The lowest and the highest value that there can be, as `Metric.limits`: the interval ends there at the latest.

    Returns
    -------
    Estimate
        Without an interval if only one seed was measured, and without a value if none was.

    Raises
    ------
    ConfigError
        If `confidence` is not above 0 and below 1.

    Notes
    -----
    The interval is for the mean over all possible seeds: it shows the variance due to initial weights and to the order
    of training. It does not show the variance between test sets; for that see `difference_over_seeds`.

    References
    ----------
    Student (1908), "The Probable Error of a Mean".

    Examples
    --------
    >>> str(mean_interval([0.70, 0.72, 0.74])), str(mean_interval([0.7])), str(mean_interval([None]))
    ('0.720 [0.670, 0.770]', '0.700', 'not measured')
    >>> str(mean_interval([0.7, 0.9], limits=(0, 1)))
    '0.800 [0.000, 1.000]'
    """
    check_confidence(confidence)
    measured = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not measured:
        return Estimate(None)
    centre = mean(measured)  # in fractions, so that equal values have a spread of exactly 0
    count = len(measured)
    if count == 1:
        return Estimate(centre)
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * stdev(measured) / math.sqrt(count)
    lowest, highest = limits or (-math.inf, math.inf)
    return Estimate(centre, max(lowest, centre - half), min(highest, centre + half))


def metric_replicates(
    predictions: Sequence[Predictions],
    metric: str,
    bootstrap: int = 1000,
    seed: int = 0,
    *,
    costs: Costs | None = None,
) -> NDArray[np.float64]:
    """Compute the mean of a metric over the tasks on resamples of the groups.

    Parameters
    ----------
    predictions : sequence of mapping of str to TaskPredictions
        One for each seed, as in `difference_over_seeds`.
    metric : str
        One of those of `evaluate`.
    bootstrap, seed, costs
        As in `evaluate`.

    Returns
    -------
    ndarray of float64, shape (seeds, resamples)
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
    found = resampled(predictions, len(predictions), train_counts=None, costs=costs, bootstrap=bootstrap, seed=seed)
    if metric not in found[0][0]:
        raise ConfigError(
            "unmeasured-metric", f"`metric` must be measured, one of {', '.join(found[0][0])}; found {metric!r}."
        )
    return np.stack([mean[metric][1:] for mean, _ in found])


def standard_error_of_mean(values_by_seed: Sequence[float], replicates: NDArray[np.float64]) -> float:
    """Combine the variance between seeds and the variance between test sets of a mean over seeds.

    Parameters
    ----------
    values_by_seed : sequence of float
        The score of each seed on all rows.
    replicates : ndarray of float64, shape (seeds, resamples)
        The score of each seed on resamples of the rows' groups, as `metric_replicates` returns it.

    Returns
    -------
    float
        The root of the variance over the seeds divided by their number, plus the variance over the resamples of the
        mean over the seeds. With one seed the first term is unknown and left out.

    Raises
    ------
    DataError
        If there is no score, or fewer than two resamples measure it.

    Notes
    -----
    All seeds are measured on the same rows. So the variance between their scores is due to training alone, and the
    variance of their mean over the resamples is due to the rows; more seeds reduce the first and not the second.

    Examples
    --------
    >>> standard_error_of_mean([1.0, 5.0, 6.0], np.array([[3.0, 5.0], [4.0, 4.0], [5.0, 3.0]])) == (7 / 3) ** 0.5
    True
    """
    means = mean_over(replicates.T)
    means = means[~np.isnan(means)]
    if not len(values_by_seed) or means.size < 2:
        raise DataError(
            "too-few-values",
            "a standard error needs one score and two resamples that measure it,"
            f" found {len(values_by_seed)} and {means.size}.",
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
        By candidate, how many steps it adds to plain training: the fewer the simpler.
    standard_error : float
        Of the best score.

    Returns
    -------
    str
        The candidate with the fewest steps among those whose score is at least the best minus `standard_error`; of
        equally simple ones the best, and of equal ones the first by name.

    Raises
    ------
    ConfigError
        If there is no candidate, or if a score or the standard error is not a number.

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
            "not-a-number",
            "`scores` must hold a number for each candidate, and `standard_error` one that is not negative,"
            f" found {dict(scores)} and {standard_error}.",
        )
    least = max(scores.values()) - standard_error
    return min((name for name in scores if scores[name] >= least), key=lambda name: (steps[name], -scores[name], name))
