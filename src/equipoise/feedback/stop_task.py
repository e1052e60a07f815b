"""A task whose validation score no longer rises is drawn at a maintenance rate (after mSFT)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.base.values import integer
from equipoise.errors import PlanError
from equipoise.feedback.base import Feedback, check, rates_of, replanned, with_rates
from equipoise.feedback.history import Decision, Scores
from equipoise.plan import Plan


@dataclass(frozen=True)
class StopTask(Feedback):
    """Stop tasks that overfit: a task whose validation score has turned gets a small part of its first rate.

    A task has turned if its score has not been higher than its best for `patience` decisions. It is then drawn at
    `maintenance` times its first rate, and the others share what it leaves in proportion to their first rates; shares
    of labels stay. A stopped task does not come back, as in mSFT, where an excluded one stays excluded. One task
    always remains: if all would be stopped, the one whose best is the latest goes on. Tasks without a score go on.

    mSFT excludes one task at a time, completely, and trains on from the checkpoint of its best score. This rule does
    not go back: `best_at` tells where the best was, and the maintenance rate is against forgetting.

    Parameters
    ----------
    patience : int
        Decisions without a new best after which a task is stopped, at least 1. More if validation scores are noisy.
    maintenance : float
        Part of its first rate at which a stopped task is drawn, above 0 and at most 1.

    Raises
    ------
    PlanError
        If an option is out of its range.

    References
    ----------
    Koh et al. (2026), "mSFT: Addressing Dataset Mixtures Overfitting Heterogeneously in Multi-task SFT",
    arXiv:2603.21606.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> from equipoise.feedback import Decision, Scores, StopTask
    >>> plan, rule = Plan.build(Census.from_counts({"mood": 100, "topic": 900})), StopTask(patience=1)
    >>> history = [Decision(0, plan), Decision(500, plan, Scores(task_scores={"mood": 0.8, "topic": 0.3}))]
    >>> now = Scores(task_scores={"mood": 0.7, "topic": 0.4})
    >>> rule.next_plan(history, now).probabilities.round(3).tolist()
    [0.025, 0.975]
    >>> rule.best_at(history)
    {'mood': 500, 'topic': 500}
    """

    name = "stop_task"

    patience: int = 2
    maintenance: float = 0.05

    def __post_init__(self) -> None:
        patience = integer("patience", self.patience, PlanError)
        if patience < 1:
            message = f"`patience` must be at least 1, found {patience}. Give the decisions to wait for a new best."
            raise PlanError("out-of-range", message)
        object.__setattr__(self, "patience", patience)
        hint = "The default is 0.05; 1 stops nothing."
        checked_number("maintenance", self.maintenance, above=0, hint=hint)
        if self.maintenance > 1:
            raise PlanError("out-of-range", f"`maintenance` must be at most 1, found {self.maintenance!r}. {hint}")

    def next_plan(self, history: Sequence[Decision], scores: Scores) -> Plan:
        """Return the plan with the rates of the stopped tasks lowered."""
        check(history, scores)
        first = history[0].plan
        stopped = self._stopped(first, [*(each.scores for each in history), scores])
        if not stopped:
            return history[-1].plan
        before = rates_of(first)
        is_stopped = np.array([task in stopped for task in first.tasks])
        kept = np.where(is_stopped, self.maintenance * before, 0.0)
        active = np.where(is_stopped, 0.0, before)
        rates = kept + active * (1 - kept.sum()) / active.sum()
        return replanned(history, with_rates(first, rates), rates=str(self))

    def stopped(self, history: Sequence[Decision]) -> tuple[str, ...]:
        """Return the tasks that are stopped by the last decision, in the order of the plan."""
        stopped = self._stopped(history[0].plan, [each.scores for each in history])
        return tuple(task for task in history[0].plan.tasks if task in stopped)

    def best_at(self, history: Sequence[Decision]) -> dict[str, int]:
        """Return where the validation score of each task was best: draws of the training, the first of equal ones."""
        best = dict[str, tuple[float, int]]()
        for decision in history:
            for task, score in (decision.scores or Scores()).task_scores.items():
                if task not in best or score > best[task][0]:
                    best[task] = score, decision.at
        return {task: at for task, (_, at) in sorted(best.items())}

    def _stopped(self, plan: Plan, scores: Sequence[Scores | None]) -> set[str]:
        """Return the stopped tasks, by going through the scores of all decisions."""
        active = [task for task, rate in zip(plan.tasks, rates_of(plan).tolist(), strict=True) if rate > 0]
        best = dict[str, float]()
        latest = dict.fromkeys(active, 0)  # the decision of the best
        waited = dict.fromkeys(active, 0)
        stopped = set[str]()
        for number, known in enumerate(scores):
            of_task = {} if known is None else known.task_scores
            for task in active:
                if task in of_task and (task not in best or of_task[task] > best[task]):
                    best[task], latest[task], waited[task] = of_task[task], number, 0
                elif task in of_task:
                    waited[task] += 1
            turned = [task for task in active if waited[task] >= self.patience]
            if len(turned) == len(active):
                turned.remove(max(turned, key=lambda task: latest[task]))
            stopped.update(turned)
            active = [task for task in active if task not in stopped]
        return stopped
