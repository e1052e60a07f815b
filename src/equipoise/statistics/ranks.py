"""Mean ranks of candidates over blocks: Friedman's test and Nemenyi's critical difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.errors import DataError
from equipoise.statistics.confidence import check_confidence


@dataclass(frozen=True, eq=False)
class MeanRanks:
    """Mean ranks of candidates over blocks; 1 is best.

    Attributes
    ----------
    mean_ranks : ndarray of float64, shape (candidates,)
        In the order of the candidates.
    critical_difference : float
        Nemenyi's: candidates whose mean ranks differ by less than this show no difference.
    p_value : float
        Of Friedman's test that all candidates are equal.
    blocks : int
        Number of blocks in which all candidates were measured.
    """

    mean_ranks: NDArray[np.float64]
    critical_difference: float
    p_value: float
    blocks: int


def mean_ranks(scores: ArrayLike, larger_is_better: bool = True, confidence: float = 0.95) -> MeanRanks:
    """Rank the candidates within each block, and test whether they differ.

    Parameters
    ----------
    scores : array_like, shape (blocks, candidates)
        A block is a task, or a pair of task and seed. Blocks with a NaN are dropped.
    larger_is_better : bool
        Whether the largest score has rank 1. Equal scores share the mean of their ranks.
    confidence : float
        The level of the critical difference.

    Returns
    -------
    MeanRanks
        The p-value is that of the chi-squared approximation with its correction for ties; 1 if all are equal in every
        block.

    Raises
    ------
    DataError
        If there are fewer than three candidates, or no block in which all were measured.
    ConfigError
        If `confidence` is not above 0 and below 1.

    Notes
    -----
    The critical difference is q sqrt(k (k + 1) / (6 N)) for k candidates and N blocks; q is the quantile of the
    studentized range of k with infinitely many degrees of freedom, divided by sqrt(2).

    References
    ----------
    Friedman (1937), "The Use of Ranks to Avoid the Assumption of Normality Implicit in the Analysis of Variance";
    Nemenyi (1963), "Distribution-free Multiple Comparisons"; Demsar (2006), "Statistical Comparisons of Classifiers
    over Multiple Data Sets", section 3.2.2.

    Examples
    --------
    >>> found = mean_ranks([[0.7, 0.8, 0.9], [0.6, 0.6, 0.8], [0.5, 0.6, 0.7], [0.8, 0.7, 0.9]])
    >>> found.mean_ranks.tolist(), round(found.critical_difference, 3), round(found.p_value, 3)
    ([2.625, 2.375, 1.0], 1.657, 0.038)
    """
    check_confidence(confidence)
    held = np.asarray(scores, np.float64)
    if held.ndim != 2 or held.shape[1] < 3:
        raise DataError(
            "wrong-shape",
            f"`scores` must have the shape (blocks, candidates) with three candidates or more, found {held.shape}."
            " Use `signed_rank` for two.",
        )
    held = held[~np.isnan(held).any(axis=1)]
    blocks, candidates = held.shape
    if not blocks:
        raise DataError("no-block", "`scores` must have a block in which all candidates were measured, found none.")
    ranks = stats.rankdata(-held if larger_is_better else held, axis=1)
    quantile = float(stats.studentized_range.ppf(confidence, candidates, np.inf)) / np.sqrt(2)
    return MeanRanks(
        mean_ranks=ranks.mean(axis=0),
        critical_difference=float(quantile * np.sqrt(candidates * (candidates + 1) / (6 * blocks))),
        p_value=_friedman(ranks),
        blocks=blocks,
    )


def cliques(mean_ranks: Mapping[str, float], critical_difference: float) -> list[tuple[str, ...]]:
    """Find the largest groups of candidates among which no difference is shown.

    Parameters
    ----------
    mean_ranks : mapping of str to float
        By candidate.
    critical_difference : float
        The least difference between two mean ranks that shows a difference.

    Returns
    -------
    list of tuple of str
        Groups of two or more, each best first, none inside another; the group of the best first.

    References
    ----------
    Demsar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", figure 1.

    Examples
    --------
    >>> cliques({"sqrt": 1.0, "log": 2.0, "focal": 1.5, "natural": 4.0}, 0.75)
    [('sqrt', 'focal'), ('focal', 'log')]
    """
    names = sorted(mean_ranks, key=mean_ranks.__getitem__)
    found: list[tuple[str, ...]] = []
    reached = 0
    for first, name in enumerate(names):
        last = first + 1
        while last < len(names) and mean_ranks[names[last]] - mean_ranks[name] < critical_difference:
            last += 1
        if last - first > 1 and last > reached:
            found.append(tuple(names[first:last]))
            reached = last
    return found


def _friedman(ranks: NDArray[np.float64]) -> float:
    if (ranks == ranks[0, 0]).all():
        return 1.0  # ties alone: the statistic is 0/0
    test: Any = stats.friedmanchisquare(*ranks.T)
    return float(test.pvalue)
