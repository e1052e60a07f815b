"""The result of a comparison: frozen values that go to JSON and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from equipoise.base.codec import to_plain
from equipoise.base.problems import Problem
from equipoise.compare.findings import Learned, Ranks, Shown, Versus
from equipoise.metrics import metric_of
from equipoise.statistics import mean_interval

HEAD = {"format": "equipoise-comparison", "version": 2}
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
        "none", "calibrated" (temperature and natural shares), "tau" (and answers by logit adjustment) or "thresholds"
        (and answers by a threshold for each label).
    title : str
        A description for tables.
    steps : int
        Number of things it does that plain training does not: the fewer, the simpler.
    settings : dict
        The part of the configuration in which candidates differ: `plan`, and of `training` the loss, the batch size
        and the learning rate.
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
    rope : float
        Differences of the metric of at most so much are practically the same.
    learned : Learned
        Whether any candidate learned anything.
    recommended : str
        The simplest candidate within one standard error of the best; where nothing was learned, no one should use it.
    shown : {"better", "worse", "same", "inconclusive", "baseline", "nothing-learned"}
        What the validation rows show of `learned`, and then the test rows of `recommended` against the baseline.
    runs : tuple of RunCost
        All runs.
    rows : dict of str to int
        Number of rows of "train", "validation" and "test".
    command : str
        The command that makes this comparison again.
    notes : tuple of str
        What a reader should know, for example that the budget ended early.
    best_natural : str
        The best finalist of natural sampling on validation rows, of all its recipes and corrections.
    versus_natural : Versus or None
        The recommended candidate minus it, on test rows; None if they are the same.
    problems : tuple of Problem
        What checks of the data found.
    trained_on : int
        Number of test rows whose input is also in training rows of their task.
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
    rope: float
    learned: Learned
    recommended: str
    shown: Shown
    runs: tuple[RunCost, ...]
    rows: dict[str, int]
    command: str
    notes: tuple[str, ...] = field(default=())
    best_natural: str = "natural"
    versus_natural: Versus | None = None
    problems: tuple[Problem, ...] = ()
    trained_on: int = 0

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the finalists."""
        return self.stages[-1].seeds

    @property
    def other(self) -> str:
        """The candidate compared with the baseline: the recommended one, or if that is the baseline the next best.

        The baseline itself where no other candidate was trained in full.
        """
        if self.recommended != self.baseline:
            return self.recommended
        sign = metric_of(self.metric).sign
        values = {name: mean_interval(each.validation[self.metric]).value for name, each in self.finalists.items()}
        rivals = {name: sign * value for name, value in values.items() if name != self.baseline and value is not None}
        return max(rivals, key=rivals.__getitem__, default=self.baseline)

    def tasks_with(self, metric: str) -> int:
        """Return over how many tasks the mean of a metric on the test rows is."""
        found = self.finalists[self.baseline].tasks.values()
        return sum(any(value is not None for value in held.get(metric, ())) for held in found)

    def runs_of(self, candidate: str) -> tuple[RunCost, ...]:
        """Return the full runs of a finalist, in the order of the seeds."""
        last, training = self.stages[-1], self.candidates[candidate].training
        found = {run.seed: run for run in self.runs if run.training == training and run.draws == last.draws}
        return tuple(found[seed] for seed in last.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**HEAD, **{item.name: to_plain(getattr(self, item.name)) for item in fields(self)}}
