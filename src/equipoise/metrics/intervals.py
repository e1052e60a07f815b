"""Intervals of proportions and of resampled metrics: Wilson's, for the number of independent rows they amount to."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.metrics.results import Estimate
from equipoise.metrics.sums import Array, ratio

# An estimate from fewer rows says so.
FEW_ROWS = 10


def wilson(share: Array | float, rows: Array | float, confidence: float) -> tuple[Array, Array]:
    """Compute the score interval of proportions.

    Parameters
    ----------
    share : ndarray of float64 or float
        The proportions.
    rows : ndarray of float64 or float
        How many independent rows each is of; need not be an integer.
    confidence : float
        The level.

    Returns
    -------
    low, high : ndarray of float64

    References
    ----------
    Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference"; Brown, Cai & DasGupta (2001),
    "Interval Estimation for a Binomial Proportion".

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson(0.0, 3, 0.95)]
    [0.0, 0.561]
    """
    share, rows = np.asarray(share, np.float64), np.asarray(rows, np.float64)
    square = float(stats.norm.ppf((1 + confidence) / 2)) ** 2 / rows
    centre = (share + square / 2) / (1 + square)
    half = np.sqrt(np.maximum(share * (1 - share) * square + square**2 / 4, 0.0)) / (1 + square)
    # Rounding may not exclude the proportion itself.
    return np.minimum(share, np.maximum(centre - half, 0.0)), np.maximum(share, np.minimum(centre + half, 1.0))


def effective_rows(
    places: NDArray[np.int64], hits: NDArray[np.bool_], codes: NDArray[np.int64], weights: Array, labels: int
) -> Array:
    """Compute how many independent rows the proportion of hits among the rows of each label amounts to.

    That is their number where all weights are equal and no group holds two of them. Otherwise it is between that of
    groups whose rows are all alike, and that of independent rows: the proportion's variance between groups says where.
    With few groups this is not well known, so each group short moves it to the cautious end.

    Parameters
    ----------
    places : ndarray of int64, shape (rows,)
        The label whose proportion each row is part of.
    hits : ndarray of bool, shape (rows,)
        Which rows count.
    codes, weights : ndarray, shape (rows,)
        Their groups and weights.
    labels : int
        The number of labels.

    Returns
    -------
    ndarray of float64, shape (labels,)
        NaN for labels without a row.

    References
    ----------
    Kish (1965), "Survey Sampling", section 8.2; Rao & Scott (1992), "A Simple Method for the Analysis of Clustered
    Binary Data"; Korn & Graubard (1998), "Confidence Intervals for Proportions with Small Expected Number of Positive
    Counts Estimated from Survey Data".

    Examples
    --------
    >>> hits = np.array([True, True, False, False])
    >>> groups = ([0, 1, 2, 3], [0, 0, 1, 1])
    >>> [effective_rows(np.zeros(4, int), hits, np.array(of), np.ones(4), 1).tolist() for of in groups]
    [[4.0], [2.0]]
    """
    pairs, cells = np.unique(codes * labels + places, return_inverse=True)
    label = pairs % labels
    rows, found = np.bincount(cells, weights, len(pairs)), np.bincount(cells, weights * hits, len(pairs))
    total, groups = np.bincount(label, rows, labels), np.bincount(label, minlength=labels)
    share = ratio(np.bincount(label, found, labels), total)
    most = ratio(total**2, np.bincount(places, weights**2, labels))
    least = ratio(total**2, np.bincount(label, rows**2, labels))
    between = np.bincount(label, (found - share[label] * rows) ** 2, labels) * groups
    measured = np.nan_to_num(ratio(share * (1 - share) * total**2 * (groups - 1), between))
    short = ratio(np.ones(labels), groups)
    return ratio(np.ones(labels), (1 - short) / np.clip(measured, least, most) + short / least)


def resampled_interval(
    values: Array, confidence: float, limits: tuple[float, float] | None = None, groups: float | None = None
) -> Estimate:
    """Return a point estimate with the interval that its resamples say.

    Parameters
    ----------
    values : ndarray of float64, shape (1 + resamples,)
        The point estimate, then the metric of every resample; NaN where not measured, and left out.
    confidence : float
        The level, for example 0.95.
    limits : pair of float, optional
        The lowest and the highest value.
    groups : float, optional
        How many independent rows an estimate counts as that is at a limit in all resamples; by default infinitely many.

    Returns
    -------
    Estimate
        Without an interval if no resample measured the metric.

    Notes
    -----
    Without limits, the percentiles of the resamples. With limits, resamples of few rows are drawn away from these, and
    only how they spread is of use. Each end is the farther one of two: the estimate plus the percentile of the
    resamples' distances from their own mean, and the end of Wilson's interval for as many rows as would let a
    proportion spread as much. Where the estimate is at a limit, the percentiles count too.

    Examples
    --------
    >>> resampled_interval(np.array([4.0, *range(9)]), 0.5)
    Estimate(value=4.0, low=2.0, high=6.0, rows=None)
    >>> str(resampled_interval(np.array([1.0, 1.0, 1.0]), 0.95, (0, 1), groups=10))
    '1.000 [0.722, 1.000]'
    """
    value, draws = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not draws.size:
        return Estimate(value)
    low, high = (float(end) for end in np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2]))
    if limits is None:
        return Estimate(value, low, high)
    least, width = limits[0], limits[1] - limits[0]
    mean, variance = float(draws.mean()), float(draws.var()) / width**2
    share = (mean - least) / width
    # Equal resamples may differ in their last bits.
    alike = variance < 1e-20
    rows = (groups if value in limits else None) if alike else share * (1 - share) / variance
    ends = [(value + low - mean, value + high - mean)]
    if rows is not None:
        scored = wilson((value - least) / width, rows, confidence)
        ends.append((least + width * float(scored[0]), least + width * float(scored[1])))
    if value in limits:
        ends.append((low, high))
    low = min(value, *(end[0] for end in ends))
    high = max(value, *(end[1] for end in ends))
    return Estimate(value, max(limits[0], low), min(limits[1], high))


def lowest_interval(shares: Array, rows: Array, confidence: float) -> tuple[float, float]:
    """Return an interval of the lowest of several proportions.

    The lowest proportion of a sample is lower than that of the population: a label with few rows is the lowest one by
    chance. So the upper end is that below which one of all labels would be by chance.

    Parameters
    ----------
    shares, rows : ndarray of float64, shape (labels,)
        The proportions, and how many independent rows each is of.
    confidence : float
        The level.

    Returns
    -------
    low, high : float
        The lowest of their lower ends by Wilson, and of their upper ends by Clopper and Pearson, at a level that is
        corrected for the number of labels (Bonferroni).

    References
    ----------
    Clopper & Pearson (1934), "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial"; Berger
    (1982), "Multiparameter Hypothesis Testing and Acceptance Sampling" (why the lower ends need no correction).

    Examples
    --------
    >>> [round(end, 3) for end in lowest_interval(np.array([0.0, 1.0]), np.array([3.0, 300.0]), 0.95)]
    [0.0, 0.768]
    """
    low, _ = wilson(shares, rows, confidence)
    hits = shares * rows
    missed = np.maximum(rows - hits, 0.0)
    level = 1 - (1 - confidence) / 2 / len(shares)
    high = np.where(missed > 0, stats.beta.ppf(level, hits + 1, np.where(missed > 0, missed, 1.0)), 1.0)
    return float(low.min()), float(high.min())


def mean_of_intervals(estimates: list[Estimate]) -> Estimate:
    """Average estimates of different tasks, with an interval from theirs.

    The distance of each end is the root of the sum of the squared distances of theirs, over their number.

    References
    ----------
    Zou & Donner (2008), "Construction of Confidence Limits about Effect Measures: A General Approach".

    Examples
    --------
    >>> str(mean_of_intervals([Estimate(0.5, 0.2, 0.9), Estimate(0.7, 0.3, 1.0)]))
    '0.600 [0.350, 0.850]'
    """
    held = [each for each in estimates if each.value is not None]
    if not held:
        return Estimate(None)
    values = np.array([each.value for each in held])
    mean = float(values.mean())
    if any(each.low is None or each.high is None for each in held):
        return Estimate(mean)
    below = values - np.array([each.low for each in held])
    above = np.array([each.high for each in held]) - values
    return Estimate(
        mean, mean - float(np.linalg.norm(below)) / len(held), mean + float(np.linalg.norm(above)) / len(held)
    )


def marked(estimate: Estimate, rows: float) -> Estimate:
    """Note how many rows an estimate is computed from, where these are fewer than 10.

    Examples
    --------
    >>> str(marked(Estimate(0.5), 3)), str(marked(Estimate(0.5), 10))
    ('0.500, 3 rows', '0.500')
    """
    few = rows < FEW_ROWS and estimate.value is not None
    return Estimate(estimate.value, estimate.low, estimate.high, int(rows) if few else None)
