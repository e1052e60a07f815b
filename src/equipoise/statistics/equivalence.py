"""Probabilities that a difference is worth something: better, practically the same, or worse."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, variance
from typing import NamedTuple

import numpy as np
from scipy import stats

from equipoise.errors import ConfigError, DataError
from equipoise.metrics import Estimate
from equipoise.metrics.resampling import check_confidence


class Probabilities(NamedTuple):
    """Probabilities of three cases, which sum to 1.

    Attributes
    ----------
    worse : float
        The difference is below minus the region of practical equivalence.
    same : float
        It is inside the region, so the two are practically the same.
    better : float
        It is above the region.
    """

    worse: float
    same: float
    better: float


@dataclass(frozen=True)
class DifferencePosterior:
    """What is known of a difference of two means over seeds: Student's t distribution around the observed one.

    Parameters
    ----------
    value : float
        The observed difference, above 0 where the second is better.
    training : float
        Its variance due to the seeds: the variance between them divided by their number.
    rows : float
        Its variance due to the rows: that of the mean over the seeds over resamples of the rows' groups.
    seeds, groups : int
        The numbers of seeds and of groups.

    Raises
    ------
    DataError
        If there are fewer than two seeds or groups, or a variance is not a number of at least 0.

    Notes
    -----
    All seeds are measured on the same rows, so the two variances add up, and more seeds reduce the first alone. Each
    is estimated, with one degree of freedom less than seeds and groups; those of the sum are Satterthwaite's. With the
    seeds' degrees of freedom alone, intervals would be far too wide where the rows cause most of the variance: a
    difference at the edge of the region would be called better in 0.2 % instead of 5 % of comparisons with three
    seeds. With Satterthwaite's it is in 5 to 6 % for three seeds or more, and in up to 8 % for two.

    Where the variances are those of the correlated t-test of cross-validation, the posterior is that of Benavoli et
    al. (2017), section 3.

    References
    ----------
    Benavoli, Corani, Demsar & Zaffalon (2017), "Time for a Change: a Tutorial for Comparing Multiple Classifiers
    Through Bayesian Analysis"; Satterthwaite (1946), "An Approximate Distribution of Estimates of Variance
    Components".

    Examples
    --------
    >>> posterior = DifferencePosterior(0.04, training=0.0001, rows=0.0003, seeds=3, groups=200)
    >>> [round(each, 3) for each in posterior.probabilities(0.01)]
    [0.009, 0.063, 0.928]
    """

    value: float
    training: float
    rows: float
    seeds: int
    groups: int

    def __post_init__(self) -> None:
        if self.seeds < 2 or self.groups < 2:
            raise DataError(
                "too-few-values",
                "a posterior of a difference needs two seeds and two groups of rows, found"
                f" {self.seeds} and {self.groups}. Without them the variance is unknown.",
            )
        if not (self.training >= 0 and self.rows >= 0):
            raise DataError(
                "not-a-number",
                f"`training` and `rows` must be variances, not below 0, found {self.training} and {self.rows}.",
            )

    @classmethod
    def of(cls, by_seed: Sequence[float], rows: float, groups: int) -> "DifferencePosterior":
        """Return the posterior of the differences of each seed; `rows` and `groups` are attributes.

        Examples
        --------
        >>> DifferencePosterior.of([0.25, 0.5, 0.75], rows=0.01, groups=40).training == 0.0625 / 3
        True
        """
        if len(by_seed) < 2:
            raise DataError(
                "too-few-values",
                f"a posterior of a difference needs two seeds or more, found {len(by_seed)}. With one the variance"
                " between seeds is unknown.",
            )
        return cls(mean(by_seed), variance(by_seed) / len(by_seed), rows, len(by_seed), groups)

    @property
    def standard_error(self) -> float:
        """The root of the sum of the variances."""
        return math.sqrt(self.training + self.rows)

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's; infinite where both variances are 0."""
        total = self.training + self.rows
        if total == 0:
            return math.inf
        training, rows = self.training / total, self.rows / total
        return 1 / (training**2 / (self.seeds - 1) + rows**2 / (self.groups - 1))

    def interval(self, confidence: float = 0.95) -> Estimate:
        """Return the observed difference with its interval, for other trainings and other groups of rows alike.

        Raises
        ------
        ConfigError
            If `confidence` is not above 0 and below 1.
        """
        check_confidence(confidence)
        half = self.standard_error * float(stats.t.ppf((1 + confidence) / 2, self.degrees_of_freedom))
        return Estimate(self.value, self.value - half, self.value + half)

    def probabilities(self, rope: float) -> Probabilities:
        """Return the probabilities of the three cases.

        Parameters
        ----------
        rope : float
            Half the width of the region of practical equivalence, which is from `-rope` to `rope`.

        Returns
        -------
        Probabilities
            Worse, the same, better.

        Raises
        ------
        ConfigError
            If `rope` is not a number of at least 0.
        """
        _check_rope(rope)
        if self.standard_error == 0:
            worse, better = float(self.value < -rope), float(self.value > rope)
        else:
            held = (self.degrees_of_freedom, self.value, self.standard_error)
            worse, better = float(stats.t.cdf(-rope, *held)), float(stats.t.sf(rope, *held))
        return Probabilities(worse, max(0.0, 1 - worse - better), better)


PRIOR = 0.5
"""The weight of the prior observation, a difference of 0, against 1 of each task."""
SAMPLES = 50_000
CHUNK = 2**20  # weights held at once


def signed_rank_probabilities(
    differences: Sequence[float], rope: float, *, seed: int, samples: int = SAMPLES
) -> Probabilities:
    """Compute by the Bayesian signed-rank test how likely a candidate is better over tasks like these.

    Parameters
    ----------
    differences : sequence of float
        One for each task, above 0 where the second is better.
    rope : float
        Half the width of the region of practical equivalence.
    seed : int
        Random seed of the samples of the posterior.
    samples : int
        Their number; the Monte-Carlo error of a probability is at most 0.5 / sqrt(samples).

    Returns
    -------
    Probabilities
        In what part of the samples most of the weight is below, inside and above the region.

    Raises
    ------
    ConfigError
        If `rope` is not a number of at least 0, or `samples` is not at least 1.
    DataError
        If there is no difference, or one is not a number.

    Notes
    -----
    The prior is a Dirichlet process whose one observation, of weight 0.5, is a difference of 0. A sample of the
    posterior weights the differences z at random, and theta = sum over i, j of w_i w_j [z_i + z_j > 2 rope] is how much
    the means of pairs (Walsh averages) are above the region; likewise below and inside.

    References
    ----------
    Benavoli, Mangili, Corani, Zaffalon & Ruggeri (2014), "A Bayesian Wilcoxon Signed-rank Test Based on the Dirichlet
    Process"; Benavoli et al. (2017), section 4.2.

    Examples
    --------
    >>> found = signed_rank_probabilities([0.04, 0.01, 0.03, 0.0, 0.05], 0.01, seed=0)
    >>> found.better > 0.9, found.worse == 0
    (True, True)
    """
    _check_rope(rope)
    if samples < 1:
        raise ConfigError("wrong-samples", f"`samples` must be at least 1, found {samples}. Leave it out for 50,000.")
    held = np.array([0.0, *differences])
    if len(held) < 2 or np.isnan(held).any():
        raise DataError(
            "not-a-number",
            f"`differences` must hold a number for each of one or more tasks, found {list(differences)}."
            " Leave out tasks that were not measured.",
        )
    sums = held[:, None] + held
    # Where the region has no width, a difference of 0 is half on either side.
    above, below = (np.heaviside(side - 2 * rope, 0.5) for side in (sums, -sums))
    random, count = np.random.default_rng(seed), np.zeros(3)
    step = max(1, CHUNK // len(held))
    for first in range(0, samples, step):
        weights = random.dirichlet([PRIOR, *np.ones(len(held) - 1)], min(step, samples - first))
        worse, better = (((weights @ side) * weights).sum(axis=1) for side in (below, above))
        # Sums of weights are 1 but for rounding, which must not make a region that has no width.
        same = 1 - worse - better if rope > 0 else np.full(len(weights), -1.0)
        count += np.bincount(np.argmax([worse, same, better], axis=0), minlength=3)
    return Probabilities(*(count / samples).tolist())


def _check_rope(rope: float) -> None:
    if not rope >= 0:
        raise ConfigError(
            "wrong-rope",
            f"`rope` must be a number of at least 0, half the width of the region of practical equivalence, found"
            f" {rope}. Use 0.01.",
        )
