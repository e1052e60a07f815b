"""(1 - K eps) softmax(eps R) + eps: tasks with a high training loss are drawn more often (ODM)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from equipoise.feedback.base import Feedback, check, rates_of, replanned, with_rates
from equipoise.feedback.history import Decision, Scores
from equipoise.plan import Plan

ALPHA: Final = 0.9
"""Weight of the reward before in the running reward, as in the authors' implementation."""


@dataclass(frozen=True)
class ODM(Feedback):
    r"""Online data mixing: a bandit over the tasks (Exp3), whose reward is the training loss.

    At decision t = 1, 2, ... the rate of task i of K is
    :math:`(1 - K \epsilon_t) \exp(\epsilon_{t-1} R_i) / \sum_j \exp(\epsilon_{t-1} R_j) + \epsilon_t` with
    :math:`\epsilon_t = \min(1/K, \sqrt{\ln K / (K t)})`, :math:`\epsilon_0 = 1/K`, and the running reward
    :math:`R_i \leftarrow 0.9 R_i + 0.1 L_i`, which begins with 0 and stays for a task that was not drawn. The shares of
    labels stay. K counts the tasks that the first plan draws; the others stay undrawn.

    The paper adds up the losses of the draws of a task and divides by its rate (importance weighting). Here
    :math:`L_i` is the mean loss of a draw of the task, which is that quotient for one draw of the plan, so it is not
    divided again.

    With these constants the rates stay close to equal: they are equal for the first K ln K decisions, and
    :math:`\epsilon_{t-1} R_i` is small for losses of a few nats.

    References
    ----------
    Albalak, Pan, Raffel and Wang (2023), "Efficient Online Data Mixing For Language Model Pre-Training",
    arXiv:2312.02406, algorithm 1.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> from equipoise.feedback import ODM, Decision, Scores
    >>> plan = Plan.build(Census.from_counts({"easy": 900, "hard": 100}), rates="proportional")
    >>> scores = Scores(task_losses={"easy": 0.5, "hard": 3.0})
    >>> history = [Decision(0, plan)] + [Decision(100 * t, plan, scores) for t in range(1, 10)]
    >>> ODM().next_plan(history, scores).probabilities.round(3).tolist()
    [0.45, 0.55]
    """

    name = "odm"

    def next_plan(self, history: Sequence[Decision], scores: Scores) -> Plan:
        """Return the plan with the rates of the formula."""
        check(history, scores)
        first = history[0].plan
        tasks = [task for task, rate in zip(first.tasks, rates_of(first).tolist(), strict=True) if rate > 0]
        rewards = np.zeros(len(tasks))
        for known in (*(each.scores for each in history), scores):
            losses = {} if known is None else known.task_losses
            for i, task in enumerate(tasks):
                if task in losses:
                    rewards[i] = ALPHA * rewards[i] + (1 - ALPHA) * losses[task]
        t = len(history)
        gibbs = np.exp(_exploration(len(tasks), t - 1) * (rewards - rewards.max()))
        epsilon = _exploration(len(tasks), t)
        rates = (1 - len(tasks) * epsilon) * gibbs / gibbs.sum() + epsilon
        of_task = dict(zip(tasks, rates.tolist(), strict=True))
        of_each = np.array([of_task.get(task, 0.0) for task in first.tasks])
        return replanned(history, with_rates(first, of_each), rates=str(self))


def _exploration(tasks: int, t: int) -> float:
    """Return epsilon_t: the least rate of a task."""
    return 1 / tasks if t == 0 else min(1 / tasks, math.sqrt(math.log(tasks) / (tasks * t)))
