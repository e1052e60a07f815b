"""The fields of a comparison: its candidates, how they are judged, and its budget."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from equipoise.base.registry import suggest
from equipoise.config._loss import LossConfig, parse_loss
from equipoise.config._plan import limits_in_range
from equipoise.config._schema import RunConfig
from equipoise.config._training import TrainingConfig
from equipoise.config._values import ScheduleFile, in_range, parse_rates, parse_weights
from equipoise.errors import ConfigError
from equipoise.feedback import Feedback
from equipoise.plan.limits import Passes
from equipoise.rates import Proportional, Rates
from equipoise.schedule import Recipe
from equipoise.weights import ClassWeights, Natural

Correction = Literal["none", "calibrated", "tau", "thresholds"]
"""What is tried on the probabilities of a candidate after its training."""
CORRECTIONS: tuple[Correction, ...] = ("none", "calibrated", "tau", "thresholds")
NATURAL = "natural"
"""The name of the candidate that the others are compared with."""


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """A candidate: sampling distribution and how it changes, target of the loss, and loss; by default natural sampling.

    The first rounds of a comparison train with fewer draws, and stages begin earlier there.

    Attributes
    ----------
    rates : Rates
        Mixing rates: how often each task is drawn.
    weights : ClassWeights or mapping of str to ClassWeights
        Class weights: how often each label is drawn within its task; one scheme for all tasks, or one per task.
    target_rates, target_weights
        What the loss is weighted to. None is what is drawn.
    max_passes : float, or mapping of str to float or to mapping of str to float, or None
        At most this many passes over the rows of any label. None is `plan.max_passes`.
    schedule : Recipe or None
        How the shares change during the training.
    feedback : Feedback or None
        A rule that changes the plan during the training.
    loss : LossConfig
        The loss of an example.
    batch_size : int or None
        Examples of a step. None is `training.batch_size`.
    learning_rate : float or None
        The highest learning rate. None is `training.learning_rate`.
    """

    rates: Rates = field(default_factory=Proportional)
    weights: ClassWeights | Mapping[str, ClassWeights] = field(default_factory=Natural)
    target_rates: Rates | None = None
    target_weights: ClassWeights | Mapping[str, ClassWeights] | None = None
    max_passes: Passes | None = None
    schedule: Recipe | ScheduleFile | None = None
    feedback: Feedback | None = None
    loss: LossConfig = field(default_factory=LossConfig)
    batch_size: int | None = None
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.max_passes is not None:
            limits_in_range("max_passes", self.max_passes)
        if self.batch_size is not None:
            in_range("batch_size", self.batch_size, 1)
        if self.learning_rate is not None:
            in_range("learning_rate", self.learning_rate, 0, open_low=True)
        if isinstance(self.schedule, ScheduleFile):
            raise ConfigError(
                "schedule-file",
                f"`schedule` must be a recipe in a comparison, whose trainings have different numbers of draws, found"
                f" the file {self.schedule.path!r:.80}. Give it as cooldown:5,at=0.5 for example.",
            )


def _trial(rates: str, weights: str = "natural", target: str | None = None, loss: Any = "cross_entropy") -> TrialConfig:
    return TrialConfig(
        rates=parse_rates(rates),
        weights=parse_weights(weights),
        target_rates=None if target is None else parse_rates(rates),
        target_weights=None if target is None else parse_weights(target),
        loss=parse_loss(loss),
    )


def default_trials(training: TrainingConfig = TrainingConfig()) -> dict[str, TrialConfig]:  # noqa: B008 - frozen
    """Return the default candidates.

    Natural sampling has recipes of its own, relative to the batch size and the learning rate of `training`: a plan
    should beat the best of them, not only the recipe that it is trained by itself.

    References
    ----------
    Shwartz-Ziv et al. (2023), "Simplifying Neural Network Training Under Class Imbalance": smaller batches and label
    smoothing help natural sampling.

    Examples
    --------
    >>> list(default_trials())[:3]
    ['natural', 'equal', 'sqrt']
    >>> default_trials(TrainingConfig(batch_size=64))["natural-small-batch"].batch_size
    16
    """
    rate = training.learning_rate
    small = {
        "batch_size": max(1, training.batch_size // 4),
        "learning_rate": rate / 2,
    }  # Adam: by the root of the batch
    return {
        NATURAL: _trial("proportional"),
        "equal": _trial("equal"),
        "sqrt": _trial("equal", "sqrt"),
        "balanced": _trial("equal", "balanced"),
        "effective": _trial("equal", "effective:0.99"),
        "log": _trial("equal", "log"),
        "proportional-sqrt": _trial("proportional", "sqrt"),
        "temperature-sqrt": _trial("temperature:2", "sqrt"),
        "unimax-sqrt": _trial("unimax", "sqrt"),
        "weighted-sqrt": _trial("equal", target="sqrt"),
        "weighted-balanced": _trial("equal", target="balanced"),
        "focal": _trial("equal", loss="focal"),
        "labels": _trial("equal", loss={"name": "cross_entropy", "level": "label"}),
        "balanced-softmax": _trial("equal", loss="balanced_softmax"),
        "logit-adjusted": _trial("equal", loss={"name": "logit_adjusted", "tau": 0.5}),
        "undersampled": replace(_trial("unimax", "balanced"), max_passes=1),
        "natural-small-batch": replace(_trial("proportional"), **small),
        "natural-smooth": _trial("proportional", loss={"name": "cross_entropy", "label_smoothing": 0.1}),
        "natural-high-rate": replace(_trial("proportional"), learning_rate=2 * rate),
    }


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """How candidates are compared.

    Attributes
    ----------
    metric : str
        The metric that decides; `equipoise compare --help` lists those that there are.
    costs : str or None
        YAML file with the costs of `metric: expected_cost`: ``{task: {true label: {predicted label: cost}}}``.
    candidates : tuple of str, or mapping of str to TrialConfig, or None
        A list of default candidates, or a mapping of names to candidates of your own; natural sampling is always among
        them. None is all default candidates.
    corrections : tuple of {"none", "calibrated", "tau", "thresholds"}
        What is tried on the probabilities of each candidate after its training.
    seeds : int
        Seeds of each finalist.
    first_seeds : int
        Seeds of each candidate in the rounds before the last.
    stages : int
        Rounds of successive halving: each trains fewer candidates with more draws.
    shrink : int
        By how much the candidates become fewer, and their draws more, from round to round.
    finalists : int
        Candidates that the last round trains in full, beside natural sampling.
    budget : str or None
        Computing time, as in ``30m`` or ``2h``; it can only lower `plan.draws`.
    rope : float
        Differences of the metric of at most this are practically the same (region of practical equivalence): a part of
        the metric's range, or in its units where it has none.
    """

    metric: str = "macro_f1"
    costs: str | None = None
    candidates: tuple[str, ...] | Mapping[str, TrialConfig] | None = None
    corrections: tuple[Correction, ...] = CORRECTIONS
    seeds: int = 5
    first_seeds: int = 2
    stages: int = 3
    shrink: int = 3
    finalists: int = 2
    budget: str | None = None
    rope: float = 0.01

    def __post_init__(self) -> None:
        for name in ("seeds", "first_seeds", "stages", "finalists"):
            in_range(f"compare.{name}", getattr(self, name), 1)
        in_range("compare.shrink", self.shrink, 2)
        in_range("compare.rope", self.rope, 0, 1e9)
        if "none" not in self.corrections:
            message = "`compare.corrections` must contain none: natural sampling as trained is the baseline."
            raise ConfigError("missing-baseline", f"{message} Found {list(self.corrections)}.")
        if (self.metric == "expected_cost") != (self.costs is not None):
            message = "`compare.metric: expected_cost` and `compare.costs` need each other. Give both."
            raise ConfigError("costs-and-metric", message)
        if self.budget is not None:
            seconds_of(self.budget)
        for name in self.trials_for(TrainingConfig()):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}", name):
                message = f"a candidate's name must be up to 61 letters, digits, `_`, `.` and `-`, found {name!r}."
                raise ConfigError("bad-name", message)

    def trials_for(self, training: TrainingConfig) -> dict[str, TrialConfig]:
        """Return all candidates, natural sampling first; `training` is what they share."""
        known = default_trials(training)
        if self.candidates is None:
            return known
        if isinstance(self.candidates, Mapping):
            if NATURAL in self.candidates and self.candidates[NATURAL] != known[NATURAL]:
                message = f"`compare.candidates.{NATURAL}` is the baseline and has no options. Rename yours."
                raise ConfigError("reserved-name", message)
            return {NATURAL: known[NATURAL], **self.candidates}
        for name in self.candidates:
            if name not in known:
                message = f"`compare.candidates` must be of {', '.join(known)}, found {name!r}.{suggest(name, known)}"
                raise ConfigError("unknown-name", f"{message} Define others in a mapping.")
        return {NATURAL: known[NATURAL], **{name: known[name] for name in self.candidates}}


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig(RunConfig):
    """A run's configuration, in which the candidates replace the plan's rates and weights and the loss.

    Attributes
    ----------
    compare : CompareConfig
        How candidates are compared; read by `equipoise compare` alone.
    """

    compare: CompareConfig = field(default_factory=CompareConfig)

    @property
    def run(self) -> RunConfig:
        """The configuration that all candidates share."""
        return RunConfig(**{item.name: getattr(self, item.name) for item in fields(RunConfig)})

    @property
    def trials(self) -> dict[str, TrialConfig]:
        """All candidates, natural sampling first."""
        return self.compare.trials_for(self.training)


def duration_of(seconds: float) -> str:
    """Return the shortest duration of whole minutes, below two minutes of whole seconds, that is not below `seconds`.

    Examples
    --------
    >>> duration_of(89.2), duration_of(130), duration_of(5400)
    ('90s', '3m', '1h30m')
    """
    if seconds <= 120:
        return f"{max(1, math.ceil(seconds))}s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours}h" * (hours > 0) + f"{minutes}m" * (minutes > 0)


def seconds_of(duration: str) -> float:
    """Parse a duration such as 90s, 30m, 2h or 1h30m.

    Raises
    ------
    ConfigError
        If it is not a duration.

    Examples
    --------
    >>> seconds_of("1h30m")
    5400.0
    """
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", duration.strip())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(value * unit for value, unit in zip(parts, (3600, 60, 1), strict=False))
    if not seconds:
        raise ConfigError("bad-duration", f"a budget must look like 90s, 30m, 2h or 1h30m, found {duration!r}.")
    return seconds
