"""c pi + (1 - c) (1 - F1) / sum (1 - F1): labels with a low F1 are drawn more often (ART)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.feedback.base import Feedback, FloatArray, check, rates_of, replanned
from equipoise.feedback.history import Decision, Scores
from equipoise.plan import Plan


@dataclass(frozen=True)
class ART(Feedback):
    r"""Adaptive resampling: the labels of a task are drawn by their errors on validation rows.

    The share of label l in its task is :math:`c \pi_l + (1 - c)\, w_l` with
    :math:`w_l = (1 - F_l) / \sum_k (1 - F_k)`, where :math:`F` is the F1 on validation rows and :math:`\pi` the
    natural share (examples of the label / examples of the task). If all F1 are 1, w is uniform. The rates of the
    tasks stay, and so do open-ended tasks.

    A label without an F1, since it has no validation rows, keeps the share that it has now; the other labels divide
    the rest by the formula, with :math:`\pi` and w over them alone. Labels that the first plan never draws stay so.

    Parameters
    ----------
    c : float
        Weight of the natural shares, above 0 and at most 1: no label falls below c times its natural share. (The
        paper's implementation also takes 0, which would stop labels with an F1 of 1.)

    Raises
    ------
    PlanError
        If `c` is out of its range.

    References
    ----------
    Basandrai, Jain and Ilanthenral (2025), "ART: Adaptive Resampling-based Training for Imbalanced Classification",
    arXiv:2509.00955; PyPI package art-resampling, from which c = 0.3.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> from equipoise.feedback import ART, Decision, Scores
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}}))
    >>> scores = Scores(label_f1={"mood": {"glad": 0.9, "sad": 0.5}})
    >>> ART().next_plan([Decision(0, plan)], scores).probabilities.round(3).tolist()
    [0.387, 0.613]
    """

    name = "art"

    c: float = 0.3

    def __post_init__(self) -> None:
        hint = "The paper uses 0.3; 1 keeps the natural shares."
        checked_number("c", self.c, above=0, hint=hint)
        if self.c > 1:
            raise PlanError("out-of-range", f"`c` must be at most 1, found {self.c!r}. {hint}")

    def next_plan(self, history: Sequence[Decision], scores: Scores) -> Plan:
        """Return the plan with the shares of the formula inside each task that has an F1."""
        check(history, scores)
        first, current = history[0].plan, history[-1].plan
        rates = rates_of(first)
        probabilities = current.probabilities.copy()
        for number, task in enumerate(first.tasks):
            if rates[number] > 0 and scores.label_f1.get(task):
                span = first.span(task)
                shares = current.probabilities[span] / current.probabilities[span].sum()
                probabilities[span] = rates[number] * self._shares(first, task, shares, scores.label_f1[task])
        return replanned(history, probabilities, weights=str(self))

    def _shares(self, plan: Plan, task: str, shares: FloatArray, f1: Mapping[str, float]) -> FloatArray:
        span = plan.span(task)
        f1_of_each = np.array([f1.get(stratum.label or "", np.nan) for stratum in plan.strata[span]])
        drawn = plan.masses[span] > 0
        known = drawn & np.isfinite(f1_of_each)
        if not known.any():
            return shares
        natural = plan.counts[span][known] / plan.counts[span][known].sum()
        errors = 1 - f1_of_each[known]
        w = errors / errors.sum() if errors.any() else np.full(len(errors), 1 / len(errors))
        left = 1.0 if known.sum() == drawn.sum() else shares[known].sum()
        result = shares.copy()
        result[known] = left * (self.c * natural + (1 - self.c) * w)
        return result
