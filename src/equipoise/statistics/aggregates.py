"""Scores over seeds and tasks in one number: probability of improvement and interquartile mean, with intervals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.errors import DataError
from equipoise.metrics import Estimate
from equipoise.metrics.resampling import check_confidence

Matrix = NDArray[np.float64]


def probability_of_improvement(
    first: ArrayLike, second: ArrayLike, *, bootstrap: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Estimate the probability that a training of the second is better than one of the first, on a task at random.

    Parameters
    ----------
    first, second : array_like, shape (seeds, tasks)
        Scores, the larger the better, of the same tasks; the numbers of seeds may differ.
    bootstrap : int
        The number of resamples; 0 for no interval.
    seed : int
        Random seed of the resamples.
    confidence : float
        The level of the percentile interval.

    Returns
    -------
    Estimate
        The share of all pairs of seeds in which the second is better, half of it where they tie, averaged over the
        tasks. Without an interval if either has one seed.

    Raises
    ------
    DataError
        If a matrix is not one of numbers, or the tasks differ.
    ConfigError
        If `confidence` is not above 0 and below 1.

    Notes
    -----
    The seeds of every task are resampled by themselves (a bootstrap stratified by task). The scores that one training
    has on several tasks depend on each other, which these intervals do not show, and with few seeds they are too
    narrow: they describe, and decide nothing.

    References
    ----------
    Agarwal, Schwarzer, Castro, Courville & Bellemare (2021), "Deep Reinforcement Learning at the Edge of the
    Statistical Precipice"; Mann & Whitney (1947), "On a Test of Whether One of Two Random Variables is Stochastically
    Larger than the Other".

    Examples
    --------
    >>> probability_of_improvement([[0.5, 0.5], [0.75, 0.5]], [[0.625, 0.5], [0.875, 0.5]], bootstrap=0).value
    0.625
    """
    held = _matrix(first, "first"), _matrix(second, "second")
    if held[0].shape[1] != held[1].shape[1]:
        raise DataError(
            "other-tasks",
            "`first` and `second` must have the scores of the same tasks in their columns, found"
            f" {held[0].shape[1]} and {held[1].shape[1]} columns.",
        )
    return _with_interval(_improvement, held, bootstrap, seed, confidence)


def interquartile_mean(
    scores: ArrayLike, *, bootstrap: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Average the middle half of the scores of all seeds and tasks: one very good or bad training moves it little.

    Parameters
    ----------
    scores : array_like, shape (seeds, tasks)
        Of one metric.
    bootstrap, seed, confidence
        As in `probability_of_improvement`; so are the interval, its limits and the errors.

    Returns
    -------
    Estimate
        The mean without the lowest and the highest quarter of the scores.

    Raises
    ------
    DataError
        If `scores` is not a matrix of numbers.
    ConfigError
        If `confidence` is not above 0 and below 1.

    References
    ----------
    Agarwal et al. (2021), section 4.3.

    Examples
    --------
    >>> interquartile_mean([[0.0, 0.5], [0.75, 1.0]], bootstrap=0).value
    0.625
    """
    return _with_interval(_middle, (_matrix(scores, "scores"),), bootstrap, seed, confidence)


def _improvement(first: Matrix, second: Matrix) -> Matrix:
    difference = second[..., :, None, :] - first[..., None, :, :]
    return np.heaviside(difference, 0.5).mean(axis=(-3, -2, -1))


def _middle(scores: Matrix) -> Matrix:
    return np.asarray(stats.trim_mean(scores.reshape(*scores.shape[:-2], -1), 0.25, axis=-1))


def _matrix(scores: ArrayLike, name: str) -> Matrix:
    held = np.asarray(scores, np.float64)
    if held.ndim != 2 or not held.size or np.isnan(held).any():
        raise DataError(
            "wrong-shape",
            f"`{name}` must be a matrix of numbers, of shape (seeds, tasks), found the shape {held.shape}"
            f"{' with values that are not numbers' if np.isnan(held).any() else ''}. Leave out tasks that were not"
            " measured with every seed.",
        )
    return held


def _with_interval(
    value: Callable[..., Matrix], matrices: tuple[Matrix, ...], bootstrap: int, seed: int, confidence: float
) -> Estimate:
    check_confidence(confidence)
    point = value(*matrices)
    if not bootstrap or any(len(each) < 2 for each in matrices):
        return Estimate(float(point))
    random = np.random.default_rng(seed)
    resampled = [
        each[random.integers(0, len(each), (bootstrap, *each.shape)), np.arange(each.shape[1])] for each in matrices
    ]
    low, high = np.quantile(value(*resampled), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(point), float(low), float(high))
