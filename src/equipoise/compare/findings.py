"""What a comparison finds of its finalists: tests, probabilities, ranks, and whether anything was learned."""

from dataclasses import dataclass
from typing import Literal

from equipoise.metrics import Estimate
from equipoise.statistics import Needed, Probabilities

Shown = Literal["better", "worse", "same", "inconclusive", "baseline", "nothing-learned"]
"""What a comparison shows of the recommended candidate against the baseline.

It is better, worse or practically the same; the data are too few to say; the recommended candidate is the baseline; or
no candidate is better than answers that ignore the input, and nothing is recommended.
"""


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test over pairs of task and seed.

    Attributes
    ----------
    pairs : int
        Number of pairs without ties.
    p_value, adjusted : float
        Of the test, and after Holm's correction over all candidates.
    effect : float
        Matched-pairs rank-biserial correlation, from -1 to 1; above 0 if the candidate is better.
    """

    pairs: int
    p_value: float
    adjusted: float
    effect: float


@dataclass(frozen=True)
class Evidence:
    """What several seeds and the test rows show of a candidate against the baseline, in the metric that decides.

    Attributes
    ----------
    difference : Estimate
        Candidate minus baseline, the mean over the tasks; its interval has both variances, between seeds and of the
        test rows.
    probabilities : Probabilities
        That the candidate is worse, practically the same, and better.
    least : float
        The least difference that is shown in four of five comparisons with so many groups and seeds.
    groups : int
        Groups of test rows.
    needed : Needed or None
        How many groups or seeds would show a difference half way between the region of practical equivalence and
        `least`; None if nothing varies.
    over_tasks : Probabilities or None
        The same three by the Bayesian signed-rank test over the tasks; None for fewer than three tasks.
    improvement : Estimate
        The probability that a training of the candidate is better than one of the baseline, on a task at random.
    interquartile : tuple of Estimate
        The interquartile means over seeds and tasks of the baseline and of the candidate.
    """

    difference: Estimate
    probabilities: Probabilities
    least: float
    groups: int
    needed: Needed | None
    over_tasks: Probabilities | None
    improvement: Estimate
    interquartile: tuple[Estimate, Estimate]


@dataclass(frozen=True)
class Learned:
    """What the best candidate learned: its metric on validation rows against answers that ignore the input.

    Attributes
    ----------
    candidate : str
        The candidate, the best one that learned, or the best if none did.
    value : float
        Its mean over tasks and seeds.
    constant : float
        The mean over the tasks of always giving the most frequent training label; of the log-loss that of the training
        shares, of the expected cost that of the cheapest answer, of texts that of none.
    shuffled : float
        That of the candidate's own answers, shuffled among the rows of each task.
    gain : Estimate
        The candidate minus the better of the two, with its 95 % interval.
    tasks : tuple of str
        Where none learned: the tasks in which the candidate, by their 95 % intervals, is better than both.
    """

    candidate: str
    value: float
    constant: float
    shuffled: float
    gain: Estimate
    tasks: tuple[str, ...] = ()

    @property
    def reference(self) -> float:
        """The better of the two that ignore the input."""
        return self.value - (self.gain.value or 0.0)


@dataclass(frozen=True)
class Versus:
    """One candidate minus the baseline, on test rows.

    Attributes
    ----------
    seeds : dict of str to Estimate
        Difference of the means over tasks: mean over the seeds with its t-interval (variance between seeds).
    groups : dict of str to Estimate
        The same difference with the percentiles of resampled groups (variance of the test set).
    tasks : dict of str to dict of str to Estimate
        As `groups`, for each task.
    signed_rank : SignedRank or None
        Of the metric; None if all pairs tie.
    evidence : Evidence or None
        Of the metric; None with one seed, where the variance between seeds is unknown.
    """

    seeds: dict[str, Estimate]
    groups: dict[str, Estimate]
    tasks: dict[str, dict[str, Estimate]]
    signed_rank: SignedRank | None
    evidence: Evidence | None

    def difference(self, metric: str) -> Estimate:
        """Return the difference of the metric that decides, with an interval over seeds and groups of test rows.

        With one seed it is over groups alone.
        """
        return self.evidence.difference if self.evidence else self.groups.get(metric, Estimate(None))


@dataclass(frozen=True)
class Ranks:
    """Mean ranks of the finalists over pairs of task and seed; 1 is best.

    Attributes
    ----------
    mean : dict of str to float
        By candidate, best first.
    critical_difference : float
        Nemenyi's: means closer than this do not differ significantly.
    p_value : float
        Of Friedman's test that all are equal.
    blocks : int
        Number of pairs of task and seed.
    """

    mean: dict[str, float]
    critical_difference: float
    p_value: float
    blocks: int
