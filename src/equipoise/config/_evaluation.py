"""The fields of the evaluation: which rows are scored, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from equipoise.config._values import in_range, one_of
from equipoise.errors import ConfigError

Method = Literal["auto", "score", "constrained", "generate"]
METHODS: tuple[Method, ...] = ("auto", "score", "constrained", "generate")
EvaluatedSplit = Literal["train", "validation", "test", "all"]
EVALUATED_SPLITS: tuple[EvaluatedSplit, ...] = ("train", "validation", "test", "all")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The evaluation.

    Attributes
    ----------
    split : {"train", "validation", "test", "all"}
        The rows that are scored.
    rows : int or None
        At most so many rows are scored: a sample that is stratified by task and label. None is all.
    method : str or mapping of str to str
        One for all tasks, or one per task (``"*"``: the rest). ``score`` scores all labels, which gives probabilities;
        ``auto`` does so unless there are many rows and labels, and then searches for the label that ``score`` would
        find; ``constrained`` generates a valid label, ``generate`` free text.
    bootstrap : int
        Resamples of the intervals; 0 is no intervals.
    batch_tokens : int
        Tokens that are scored at a time.
    alarm_rate : float
        The share of false alarms at which the recall of each label is measured.
    """

    split: EvaluatedSplit = "test"
    rows: int | None = None
    method: str | Mapping[str, str] = "auto"
    bootstrap: int = 1000
    batch_tokens: int = 16384
    alarm_rate: float = 0.05

    def __post_init__(self) -> None:
        in_range("evaluation.bootstrap", self.bootstrap, 0)
        if self.rows is not None:
            in_range("evaluation.rows", self.rows, 1)
        in_range("evaluation.batch_tokens", self.batch_tokens, 1)
        if not 0 < self.alarm_rate < 1:
            message = (
                f"`evaluation.alarm_rate` must be above 0 and below 1, found {self.alarm_rate}. Leave it out for 0.05."
            )
            raise ConfigError("wrong-alarm-rate", message)
        given = [self.method] if isinstance(self.method, str) else list(self.method.values())
        for method in given:
            one_of("evaluation.method", method, METHODS)

    def method_of(self, task: str) -> str:
        """Return the evaluation method of a task."""
        if isinstance(self.method, str):
            return self.method
        return self.method.get(task, self.method.get("*", "auto"))


def checked_choices(split: str | None, method: str | Mapping[str, str] | None) -> dict[str, str]:
    """Return the methods of an evaluation by task ("*": the rest), or refuse a split or a method that there is not."""
    if split is not None:
        one_of("split", split, EVALUATED_SPLITS)
    methods = {"*": method} if isinstance(method, str) else dict(method or {})
    for name in methods.values():
        one_of("method", name, METHODS)
    return methods
