"""Tests of candidates: mean ranks (Friedman, Nemenyi), signed ranks of pairs (Wilcoxon), several tests (Holm)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.errors import ConfigError, DataError
from equipoise.metrics.resampling import check_confidence


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
    test: Any = stats.friedmanchisquare
    ties_alone = bool((ranks == ranks[0, 0]).all())  # the statistic is 0/0
    return MeanRanks(
        mean_ranks=ranks.mean(axis=0),
        critical_difference=float(quantile * np.sqrt(candidates * (candidates + 1) / (6 * blocks))),
        p_value=1.0 if ties_alone else float(test(*ranks.T).pvalue),
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


@dataclass(frozen=True)
class SignedRankTest:
    """The result of a signed-rank test of paired differences.

    Attributes
    ----------
    pairs : int
        Number of pairs that differ.
    p_value : float
        Two-sided, of the hypothesis that the differences are symmetric around 0.
    effect : float
        Matched-pairs rank-biserial correlation, from -1 (all below 0) to 1 (all above 0).
    """

    pairs: int
    p_value: float
    effect: float


def signed_rank(differences: Sequence[float | None]) -> SignedRankTest | None:
    """Test whether paired differences are symmetric around 0.

    Parameters
    ----------
    differences : sequence of float or None
        Of each pair. Pairs that tie are dropped, as Wilcoxon did (`zero_method="wilcox"` of scipy), and so are
        None and NaN, which were not measured.

    Returns
    -------
    SignedRankTest or None
        None where no pair differs.

    Notes
    -----
    Without ties among the absolute values of up to 50 differences the p-value is exact; with more differences it is
    that of the normal approximation; with ties it is exact where scipy permutes all signs of so few differences, and
    otherwise that of the normal approximation with its correction for ties.

    The pairs are taken as independent. Those of one task with several seeds share their test rows, so the p-value is
    about these tasks and this test set, not about other test sets.

    References
    ----------
    Wilcoxon (1945), "Individual Comparisons by Ranking Methods"; Kerby (2014), "The Simple Difference Formula: An
    Approach to Teaching Nonparametric Correlation".

    Examples
    --------
    >>> signed_rank([0.04, 0.01, None, 0.03, 0.0, -0.02, 0.05])
    SignedRankTest(pairs=5, p_value=0.1875, effect=0.7333333333333333)
    >>> signed_rank([0.0, 0.0]) is None
    True
    """
    held = np.array([each for each in differences if each is not None and each != 0 and not math.isnan(each)])
    if not held.size:
        return None
    ranks = stats.rankdata(np.abs(held))
    test: Any = stats.wilcoxon(held)
    return SignedRankTest(len(held), float(test.pvalue), float((np.sign(held) * ranks).sum() / ranks.sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for several tests, by Holm's step-down method.

    If the tests with an adjusted value of at most 0.05 are called significant, the probability of one false claim or
    more among all tests is at most 5 %, however the tests depend on each other.

    Parameters
    ----------
    p_values : sequence of float
        One for each test.

    Returns
    -------
    list of float
        In the same order. The i-th smallest of m is multiplied by m - i + 1, is at least as large as those
        before it, and at most 1.

    Raises
    ------
    ConfigError
        If a value is not between 0 and 1.

    References
    ----------
    Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".

    Examples
    --------
    >>> holm([0.25, 0.125, 0.5])
    [0.5, 0.375, 0.5]
    """
    for value in p_values:
        if not 0 <= value <= 1:
            raise ConfigError(
                "wrong-p-value", f"`p_values` must be between 0 and 1, found {value}. Leave out tests without one."
            )
    count = len(p_values)
    adjusted = [0.0] * count
    largest = 0.0
    for before, place in enumerate(sorted(range(count), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (count - before) * p_values[place]))
        adjusted[place] = largest
    return adjusted
