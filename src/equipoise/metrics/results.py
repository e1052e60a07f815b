"""What an evaluation gives: frozen values that go to JSON and back."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from equipoise.data.tasks import Kind


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; None where it cannot be measured.

    Attributes
    ----------
    value : float or None
        The point estimate. None means "not measured", which is never the same as 0.
    low, high : float or None
        The ends of the interval; None without a bootstrap.

    Examples
    --------
    >>> str(Estimate(0.5, 0.25, 0.75)), str(Estimate(0.5)), str(Estimate(None))
    ('0.500 [0.250, 0.750]', '0.500', 'not measured')
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            # JSON has no NaN.
            object.__setattr__(self, name, None if number is None or math.isnan(number) else float(number))

    def __str__(self) -> str:
        if self.value is None:
            return "not measured"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{interval}"


@dataclass(frozen=True)
class LabelScores:
    """The scores of one label.

    Attributes
    ----------
    label : str
        The label.
    train_count : int or None
        Its training rows, where they were given.
    band : str or None
        "many", "medium" or "few" by the training rows.
    support : int
        Its test rows.
    predicted : int
        How often it was predicted.
    precision, recall, f1 : Estimate
        Not measured when there is no test row.
    """

    label: str
    train_count: int | None
    band: str | None
    support: int
    predicted: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True)
class TaskScores:
    """The scores of one task.

    Attributes
    ----------
    kind : {"classification", "open"}
        Which metrics to expect.
    rows, groups : int
        Test rows and the groups that they belong to.
    metrics : dict of str to Estimate
        By name; see `classification_report` and `open_report`.
    labels : tuple of LabelScores
        In the order of the task's labels; empty for an open-ended task.
    unseen_labels : dict of str to int
        Test rows of labels that the task does not know, because no training row has them. They count as
        wrong in the accuracy, and are in no mean over labels.
    invalid_predictions : int
        Predictions that are no label of the task; they count as wrong.
    """

    kind: Kind
    rows: int
    groups: int
    metrics: dict[str, Estimate]
    labels: tuple[LabelScores, ...] = ()
    unseen_labels: dict[str, int] = field(default_factory=dict[str, int])
    invalid_predictions: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON.

        Returns
        -------
        dict
            What `from_dict` reads.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TaskScores":
        """Read what `to_dict` gave, also after a turn through JSON.

        Parameters
        ----------
        values : mapping
            Plain values.

        Returns
        -------
        TaskScores
            Equal to the original.
        """
        labels = tuple(_label(label) for label in values["labels"])
        fields: dict[str, Any] = {**values, "labels": labels, "metrics": _estimates(values["metrics"])}
        return cls(**fields)


@dataclass(frozen=True)
class Scores:
    """The scores of all tasks and their means.

    Attributes
    ----------
    tasks : dict of str to TaskScores
        By task, sorted.
    mean : dict of str to Estimate
        The unweighted mean of each metric over the tasks that have it.
    bootstrap, seed : int
        The number of resamples and what they were drawn with.
    confidence : float
        The level of the intervals.

    Examples
    --------
    >>> task = TaskScores("open", 2, 2, {"exact_match": Estimate(0.5, 0.0, 1.0)})
    >>> scores = Scores({"summary": task}, {"exact_match": Estimate(0.5, 0.0, 1.0)}, 1000, 0, 0.95)
    >>> Scores.from_dict(scores.to_dict()) == scores
    True
    """

    tasks: dict[str, TaskScores]
    mean: dict[str, Estimate]
    bootstrap: int
    seed: int
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON.

        Returns
        -------
        dict
            What `from_dict` reads.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Scores":
        """Read what `to_dict` gave, also after a turn through JSON.

        Parameters
        ----------
        values : mapping
            Plain values.

        Returns
        -------
        Scores
            Equal to the original.
        """
        tasks = {name: TaskScores.from_dict(task) for name, task in values["tasks"].items()}
        fields: dict[str, Any] = {**values, "tasks": tasks, "mean": _estimates(values["mean"])}
        return cls(**fields)


def _estimates(values: Mapping[str, Mapping[str, float | None]]) -> dict[str, Estimate]:
    return {name: Estimate(**estimate) for name, estimate in values.items()}


def _label(values: Mapping[str, Any]) -> LabelScores:
    estimates = _estimates({name: values[name] for name in ("precision", "recall", "f1")})
    fields: dict[str, Any] = {**values, **estimates}
    return LabelScores(**fields)
