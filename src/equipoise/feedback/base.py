"""The base of feedback rules, and what they share: checks, rates and shares of plans, the new plan."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from equipoise.base.masses import masses_of
from equipoise.base.schemes import Scheme
from equipoise.errors import PlanError
from equipoise.feedback.history import Decision, Scores
from equipoise.plan import Plan

FloatArray = npt.NDArray[np.float64]


class Feedback(Scheme, ABC):
    """Base of the feedback rules; to write your own, subclass it as a frozen dataclass with a `next_plan`.

    A rule is a function of its arguments alone, so a run that is resumed or repeated with the same scores decides the
    same. A class attribute `name` makes it known to configurations: ``Feedback.of("art:0.5")``,
    ``Feedback.of({"name": "art", "c": 0.5})``.

    Examples
    --------
    >>> Feedback.of("stop_task,patience=3")
    StopTask(patience=3, maintenance=0.05)
    """

    kind: ClassVar[str] = "feedback rules"

    @abstractmethod
    def next_plan(self, history: Sequence[Decision], scores: Scores) -> Plan:
        """Return the plan that is drawn from the next decision on.

        Parameters
        ----------
        history : sequence of Decision
            All decisions so far: the first is the plan that the run began with, the last the one that is drawn now.
        scores : Scores
            What is known now.

        Returns
        -------
        Plan
            A plan with the same strata. What the first plan never draws, it does not draw either. It is equal to the
            plan that is drawn now if nothing changes.

        Raises
        ------
        PlanError
            If the history is empty, its plans have different strata, or the scores name what is not in them.
        """


def check(history: Sequence[Decision], scores: Scores) -> None:
    """Raise a PlanError if the history or the scores do not fit together."""
    if not history:
        message = "`history` must begin with the plan that the run began with, found no decision."
        raise PlanError("no-history", message)
    first = history[0].plan
    for decision in history:
        if decision.plan.strata != first.strata or not np.array_equal(decision.plan.counts, first.counts):
            raise PlanError(
                "other-strata",
                f"the plans of `history` must have the strata and counts of the first, found others at {decision.at}."
                " Build them from the same census.",
            )
    known = {stratum.task for stratum in first.strata}
    for name in ("label_f1", "task_scores", "task_losses"):
        unknown = sorted(set(getattr(scores, name)) - known)
        if unknown:
            found = f"found {unknown}. Score the tasks of the plan."
            raise PlanError("unknown-task", f"`{name}` must name tasks of {sorted(known)}, {found}")
    for task, labels in scores.label_f1.items():
        for label in labels:
            first.position_of(task, label)


def rates_of(plan: Plan) -> FloatArray:
    """Return the rate of each task of a plan, shape (K,)."""
    return np.array([plan.probabilities[plan.span(task)].sum() for task in plan.tasks])


def with_rates(plan: Plan, rates: FloatArray) -> FloatArray:
    """Return the probabilities of the strata of a plan under other rates; shares inside the tasks stay.

    Parameters
    ----------
    plan : Plan
        The plan whose shares inside the tasks are kept.
    rates : ndarray of float64, shape (K,)
        The new rates; 0 where the plan has 0.

    Returns
    -------
    ndarray of float64, shape (S,)
        The probabilities.
    """
    before = rates_of(plan)
    factors = np.divide(rates, before, out=np.zeros(len(before)), where=before > 0)
    return plan.probabilities * factors[plan.task_numbers]


def replanned(history: Sequence[Decision], probabilities: FloatArray, *, rates: str = "", weights: str = "") -> Plan:
    """Return the first plan with other probabilities.

    The target follows them if the first plan's target is its sampling distribution, and stays otherwise.

    Parameters
    ----------
    history : sequence of Decision
        The decisions so far.
    probabilities : ndarray of float64, shape (S,)
        The new sampling distribution.
    rates, weights : str
        What was changed by which rule, for people.
    """
    first, current = history[0].plan, history[-1].plan
    if np.array_equal(probabilities, current.probabilities):
        return current
    masses = masses_of(probabilities)
    target = masses if np.array_equal(first.masses, first.target_masses) else first.target_masses
    texts = [
        f"{before}, then {rule}" if before and rule else before or rule
        for before, rule in ((first.rates_text, rates), (first.weights_text, weights))
    ]
    return Plan(first.strata, first.counts, masses, target, first.draws, *texts)
