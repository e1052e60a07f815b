"""The result of a comparison: frozen values that go to JSON and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from equipoise.metrics import Estimate

HEAD = {"format": "equipoise-comparison", "version": 1}
BySeed = tuple[float | None, ...]
"""A number for each seed, in the order of the seeds; None where it is not defined."""


def joined_by_seed(means: Sequence[Mapping[str, float | None]]) -> dict[str, BySeed]:
    """Return the numbers of all seeds by name, given those of each."""
    names = dict.fromkeys(name for of_seed in means for name in of_seed)
    return {name: tuple(of_seed.get(name) for of_seed in means) for name in names}


@dataclass(frozen=True)
class CandidateInfo:
    """One way to train, and one way to correct the predictions.

    Attributes
    ----------
    training : str
        The name of the training; candidates of one training share its runs.
    correction : str
        "none", "calibrated" (temperature and natural shares) or "tau" (and answers by logit adjustment).
    title : str
        A description for tables.
    steps : int
        Number of things it does that plain training does not: the fewer, the simpler.
    settings : dict
        The part of the configuration in which candidates differ: `plan` and `training.loss`.
    """

    training: str
    correction: str
    title: str
    steps: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One round of successive halving, scored on validation rows.

    Attributes
    ----------
    draws : int
        Of each run.
    seeds : tuple of int
        The seeds of its runs.
    scores : dict of str to BySeed
        The metric of each candidate.
    kept : tuple of str
        The trainings kept for the next stage; for the last stage, those that it trained.
    rows : int or None
        How many validation rows were scored, if they are a sample.
    """

    draws: int
    seeds: tuple[int, ...]
    scores: dict[str, BySeed]
    kept: tuple[str, ...]
    rows: int | None = None


@dataclass(frozen=True)
class Finalist:
    """The scores of one candidate that was trained in full.

    Attributes
    ----------
    validation, test : dict of str to BySeed
        Means over the tasks of each metric.
    tasks : dict of str to dict of str to BySeed
        Each metric of each task, on the test rows.
    """

    validation: dict[str, BySeed]
    test: dict[str, BySeed]
    tasks: dict[str, dict[str, BySeed]]


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
    """

    seeds: dict[str, Estimate]
    groups: dict[str, Estimate]
    tasks: dict[str, dict[str, Estimate]]
    signed_rank: SignedRank | None


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


@dataclass(frozen=True)
class RunCost:
    """The cost of one run.

    Attributes
    ----------
    training : str
        Its training.
    seed, draws : int
        What it was trained with.
    folder : str
        Its run directory, relative to that of the comparison.
    seconds : dict of str to float
        Of "training" and of "scoring".
    tokens : int
        Input and target tokens of its draws.
    flops : float
        Estimated operations of its training; see `equipoise.compare.prices`.
    """

    training: str
    seed: int
    draws: int
    folder: str
    seconds: dict[str, float]
    tokens: int
    flops: float


@dataclass(frozen=True)
class Result:
    """A finished comparison.

    Attributes
    ----------
    metric : str
        The metric that candidates are compared by; for "log_loss" and "expected_cost" smaller is better.
    baseline : str
        The candidate that all others are compared with: natural sampling as trained.
    candidates : dict of str to CandidateInfo
        All candidates, by name.
    stages : tuple of Stage
        In order; the last one trained the finalists.
    finalists : dict of str to Finalist
        By candidate.
    versus : dict of str to Versus
        By candidate, all finalists except the baseline.
    ranks : Ranks or None
        None with fewer than three finalists.
    best : str
        The candidate with the best mean metric on validation rows.
    standard_error : float
        Of that mean.
    recommended : str
        The simplest candidate within one standard error of the best.
    shown : str
        What the test rows show of it against the baseline: "better", "worse", "no difference" or "baseline".
    runs : tuple of RunCost
        All runs.
    rows : dict of str to int
        Number of rows of "train", "validation" and "test".
    command : str
        The command that makes this comparison again.
    notes : tuple of str
        What a reader should know, for example that the budget ended early.
    """

    metric: str
    baseline: str
    candidates: dict[str, CandidateInfo]
    stages: tuple[Stage, ...]
    finalists: dict[str, Finalist]
    versus: dict[str, Versus]
    ranks: Ranks | None
    best: str
    standard_error: float
    recommended: str
    shown: str
    runs: tuple[RunCost, ...]
    rows: dict[str, int]
    command: str
    notes: tuple[str, ...] = field(default=())

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the finalists."""
        return self.stages[-1].seeds

    def runs_of(self, candidate: str) -> tuple[RunCost, ...]:
        """Return the full runs of a finalist, in the order of the seeds."""
        last, training = self.stages[-1], self.candidates[candidate].training
        found = {run.seed: run for run in self.runs if run.training == training and run.draws == last.draws}
        return tuple(found[seed] for seed in last.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**HEAD, **asdict(self)}
