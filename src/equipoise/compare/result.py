"""What a comparison found: frozen values that go to JSON and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from equipoise.errors import RunError
from equipoise.metrics import Estimate

FORMAT, VERSION = "equipoise-comparison", 1
BySeed = tuple[float | None, ...]
"""A number for each seed, in the order of the seeds; None where it cannot be measured."""


@dataclass(frozen=True)
class CandidateInfo:
    """One way to train, and one way to correct what was trained.

    Attributes
    ----------
    training : str
        The name of the training; candidates of one training share its runs.
    correction : str
        "none", "calibrated" (temperature and natural shares) or "tau" (and answers by logit adjustment).
    title : str
        What it does, in words.
    steps : int
        How many things it does that plain training does not: the fewer the simpler.
    settings : dict
        What the configuration of its runs says that others' do not: `plan` and `training.loss`.
    """

    training: str
    correction: str
    title: str
    steps: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One round of successive halving, judged on validation rows.

    Attributes
    ----------
    draws : int
        Of each run.
    seeds : tuple of int
        The seeds of its runs.
    scores : dict of str to BySeed
        The metric of each candidate.
    kept : tuple of str
        The trainings that went on; of the last stage, those that it trained.
    """

    draws: int
    seeds: tuple[int, ...]
    scores: dict[str, BySeed]
    kept: tuple[str, ...]


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
        How many, but those that tie.
    p_value, adjusted : float
        Of the test, and by Holm's correction for all candidates.
    effect : float
        Matched-pairs rank-biserial correlation, from -1 to 1; above 0 the candidate is better.
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
        Difference of the mean over the tasks: mean over the seeds and its t-interval, the luck of trainings.
    groups : dict of str to Estimate
        The same difference with the percentiles of resampled groups: the luck of who is in the test set.
    tasks : dict of str to dict of str to Estimate
        The latter for each task.
    signed_rank : SignedRank or None
        Of the metric. None where all pairs tie.
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
        Nemenyi's: means that are nearer than this show no difference.
    p_value : float
        Of Friedman's test that all are equal.
    blocks : int
        Pairs of task and seed.
    """

    mean: dict[str, float]
    critical_difference: float
    p_value: float
    blocks: int


@dataclass(frozen=True)
class RunCost:
    """What one run cost.

    Attributes
    ----------
    training : str
        Its training.
    seed, draws : int
        What it was trained with.
    folder : str
        Its run directory, below that of the comparison.
    seconds : dict of str to float
        Of "training" and of "scoring".
    tokens : int
        Input and target tokens of what it drew.
    flops : float
        Operations of its training, estimated; see `equipoise.compare.prices`.
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
        The metric that decides, of `validation` and `test`: for "log_loss" and "expected_cost" the smaller the better.
    baseline : str
        The candidate that all are compared with: natural sampling as trained.
    candidates : dict of str to CandidateInfo
        By name, all of them.
    stages : tuple of Stage
        In order; the last one is that of the finalists.
    finalists : dict of str to Finalist
        By candidate.
    versus : dict of str to Versus
        By candidate, all finalists but the baseline.
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
        Rows of "train", "validation" and "test".
    notes : tuple of str
        What should be known, for instance that the budget ended early.
    command : str
        What makes this comparison again.
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
        """The full runs of a finalist, in the order of the seeds."""
        last, training = self.stages[-1], self.candidates[candidate].training
        found = {run.seed: run for run in self.runs if run.training == training and run.draws == last.draws}
        return tuple(found[seed] for seed in last.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Result":
        """Read what `to_dict` gave, also after a turn through JSON.

        Raises
        ------
        RunError
            If it is no comparison, or of another version.
        """
        given = dict(values)
        found = (given.pop("format", None), given.pop("version", None))
        if found != (FORMAT, VERSION):
            raise RunError(
                f"a comparison must have `format` {FORMAT!r} and `version` {VERSION}, found {found}."
                " Make it again with `equipoise compare`."
            )
        fields: dict[str, Any] = {
            **given,
            "candidates": {name: CandidateInfo(**each) for name, each in given["candidates"].items()},
            "stages": tuple(_stage(each) for each in given["stages"]),
            "finalists": {name: _finalist(each) for name, each in given["finalists"].items()},
            "versus": {name: _versus(each) for name, each in given["versus"].items()},
            "ranks": given["ranks"] and Ranks(**given["ranks"]),
            "runs": tuple(RunCost(**each) for each in given["runs"]),
            "notes": tuple(given["notes"]),
        }
        return cls(**fields)


def _stage(values: Mapping[str, Any]) -> Stage:
    scores = _by_seed(values["scores"])
    return Stage(values["draws"], tuple(values["seeds"]), scores, tuple(values["kept"]))


def _finalist(values: Mapping[str, Any]) -> Finalist:
    tasks = {task: _by_seed(metrics) for task, metrics in values["tasks"].items()}
    return Finalist(_by_seed(values["validation"]), _by_seed(values["test"]), tasks)


def _versus(values: Mapping[str, Any]) -> Versus:
    test = values["signed_rank"]
    tasks = {task: _estimates(metrics) for task, metrics in values["tasks"].items()}
    return Versus(_estimates(values["seeds"]), _estimates(values["groups"]), tasks, test and SignedRank(**test))


def _by_seed(values: Mapping[str, Any]) -> dict[str, BySeed]:
    return {name: tuple(numbers) for name, numbers in values.items()}


def _estimates(values: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate(**estimate) for name, estimate in values.items()}
