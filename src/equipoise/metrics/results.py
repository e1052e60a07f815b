"""The results of an evaluation: frozen values that go to JSON and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from equipoise.base.codec import from_plain, to_plain
from equipoise.data.tasks import Kind
from equipoise.errors import DataError
from equipoise.metrics.curves import ALARM_RATE


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; None where it cannot be measured.

    Attributes
    ----------
    value : float or None
        The point estimate. None means "not measured", which is never the same as 0.
    low, high : float or None
        The ends of the interval; None without a bootstrap.
    rows : int or None
        How many test rows it is computed from, where these are fewer than 10.

    Examples
    --------
    >>> str(Estimate(0.5, 0.25, 0.75)), str(Estimate(0.5)), str(Estimate(None))
    ('0.500 [0.250, 0.750]', '0.500', 'not measured')
    >>> str(Estimate(0.5, 0.095, 0.905, rows=2))
    '0.500 [0.095, 0.905], 2 rows'
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            # JSON has no NaN.
            object.__setattr__(self, name, None if number is None or math.isnan(number) else float(number))

    def __str__(self) -> str:
        if self.value is None:
            return "not measured"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        rows = "" if self.rows is None else f", {self.rows} row{'' if self.rows == 1 else 's'}"
        return f"{self.value:.3f}{interval}{rows}"


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
        "many", "medium" or "few", by the training rows.
    support : int
        Its test rows that were scored.
    predicted : int
        How often it was predicted for scored rows.
    precision, recall, f1 : Estimate
        Not measured where there is no test row. The rows of a precision are those that the label was predicted for; if
        there are none it is 0, and its interval all of [0, 1].
    auroc, average_precision, recall_at_alarm_rate : Estimate
        Of the ranking by the label's probability; not measured without probabilities, or without a test row of this
        label or of another.
    """

    label: str
    train_count: int | None
    band: str | None
    support: int
    predicted: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auroc: Estimate = Estimate(None)
    average_precision: Estimate = Estimate(None)
    recall_at_alarm_rate: Estimate = Estimate(None)


@dataclass(frozen=True)
class TaskScores:
    """The scores of one task.

    Attributes
    ----------
    kind : {"classification", "open_ended"}
        Which metrics to expect.
    rows, groups : int
        Test rows that were scored and the groups that they belong to.
    metrics : dict of str to Estimate
        By name; see `equipoise.metrics.known.METRICS`.
    labels : tuple of LabelScores
        In the order of the task's labels; empty for an open-ended task.
    unseen_labels : dict of str to int
        Test rows of labels without a training row. They count as wrong in the accuracy, and are in no mean over
        labels.
    invalid_predictions : int
        Predictions that are not a label of the task; they count as wrong.
    sampled_from : int or None
        The number of test rows, if the scored ones are a sample of them; all counts are of scored rows.
    """

    kind: Kind
    rows: int
    groups: int
    metrics: dict[str, Estimate]
    labels: tuple[LabelScores, ...] = ()
    unseen_labels: dict[str, int] = field(default_factory=dict[str, int])
    invalid_predictions: int = 0
    sampled_from: int | None = None


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
        The number of resamples and their random seed.
    confidence : float
        The level of the intervals.
    alarm_rate : float
        The share of false alarms of `recall_at_alarm_rate`.

    Examples
    --------
    >>> task = TaskScores("open_ended", 2, 2, {"exact_match": Estimate(0.5, 0.0, 1.0)})
    >>> scores = Scores({"summary": task}, {"exact_match": Estimate(0.5, 0.0, 1.0)}, 1000, 0, 0.95)
    >>> Scores.from_dict(scores.to_dict()) == scores
    True
    """

    tasks: dict[str, TaskScores]
    mean: dict[str, Estimate]
    bootstrap: int
    seed: int
    confidence: float
    alarm_rate: float = ALARM_RATE

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, which `from_dict` reads."""
        return {item: to_plain(getattr(self, item)) for item in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Scores":
        """Read what `to_dict` returned, also by way of JSON.

        Raises
        ------
        DataError
            If the values are not those of scores.
        """
        return from_plain(cls, values, lambda why: DataError("damaged-scores", f"scores cannot be read: {why}"))
