"""What a rule knows: the decisions so far, and the scores at the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from equipoise.base.codec import Builder, from_plain, to_plain
from equipoise.base.schemes import checked_number
from equipoise.base.values import integer
from equipoise.errors import PlanError
from equipoise.plan import Plan


@dataclass(frozen=True)
class Scores:
    """The numbers that are known at a decision.

    Parameters
    ----------
    label_f1 : mapping of str to mapping of str to float
        Task -> label -> F1 on validation rows, from 0 to 1. Labels without validation rows are left out.
    task_scores : mapping of str to float
        Task -> its validation metric, higher is better; for open-ended tasks, minus the loss. Tasks without
        validation rows are left out.
    task_losses : mapping of str to float
        Task -> mean training loss of its draws since the decision before. Tasks that were not drawn are left out.

    Raises
    ------
    PlanError
        If a number is not finite, or an F1 is not from 0 to 1.

    Examples
    --------
    >>> scores = Scores(label_f1={"mood": {"glad": 0.9, "sad": 0.4}}, task_scores={"mood": 0.65})
    >>> Scores.from_dict(scores.to_dict()) == scores
    True
    """

    label_f1: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    task_scores: Mapping[str, float] = field(default_factory=dict[str, float])
    task_losses: Mapping[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        f1 = {task: _f1_scores(f"label_f1[{task!r}]", of) for task, of in self.label_f1.items()}
        object.__setattr__(self, "label_f1", f1)
        object.__setattr__(self, "task_scores", _numbers("task_scores", self.task_scores))
        object.__setattr__(self, "task_losses", _numbers("task_losses", self.task_losses))

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values."""
        return {name: to_plain(value) for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Any) -> Scores:
        """Make scores from the values of `to_dict`; a PlanError if they are no such values."""
        return from_plain(cls, data, _damaged)


@dataclass(frozen=True)
class Decision:
    """A plan, where in the training it begins, and the scores that it was decided on.

    Parameters
    ----------
    at : int
        Draws of the whole training from which on `plan` is drawn.
    plan : Plan
        What is drawn from there on.
    scores : Scores, optional
        What was known; None for the plan that the run began with.

    Raises
    ------
    PlanError
        If `at` is not an integer of at least 0.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> first = Decision(0, Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}})), None)
    >>> Decision.from_dict(first.to_dict()) == first
    True
    """

    at: int
    plan: Plan
    scores: Scores | None = None

    def __post_init__(self) -> None:
        at = integer("at", self.at, PlanError)
        if at < 0:
            message = f"`at` must be at least 0, found {at}. Count the draws since the training began."
            raise PlanError("out-of-range", message)
        object.__setattr__(self, "at", at)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as JSON values, the plan with its fingerprint."""
        scores = None if self.scores is None else self.scores.to_dict()
        return {"at": self.at, "plan": json.loads(self.plan.to_json()), "scores": scores}

    @classmethod
    def from_dict(cls, data: Any) -> Decision:
        """Make a decision from the values of `to_dict`; a PlanError if they are no such values, or were changed."""
        builder = Builder(lambda _path, _code, sentence: _damaged(sentence), {Plan: _plan})
        return builder.convert(cls, data, ())


def _plan(data: Any) -> Plan:
    return Plan.from_json(json.dumps(data))


def _damaged(sentence: str) -> PlanError:
    return PlanError("damaged-decision", f"this is not a decision of a feedback rule: {sentence}")


def _numbers(name: str, values: Mapping[str, float], least: float | None = None) -> dict[str, float]:
    hint = "Leave out what is not known."
    return {key: checked_number(f"{name}[{key!r}]", value, least=least, hint=hint) for key, value in values.items()}


def _f1_scores(name: str, values: Mapping[str, float]) -> dict[str, float]:
    numbers = _numbers(name, values, least=0)
    for label, f1 in numbers.items():
        if f1 > 1:
            message = f"`{name}[{label!r}]` must be an F1 from 0 to 1, found {f1:g}. Divide percentages by 100."
            raise PlanError("out-of-range", message)
    return numbers
