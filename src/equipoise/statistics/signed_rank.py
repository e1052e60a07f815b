"""Wilcoxon's signed-rank test of paired differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats


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
