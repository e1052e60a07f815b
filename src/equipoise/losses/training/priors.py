"""The label priors of each task of a run."""

import warnings
from collections.abc import Mapping

import numpy as np

from equipoise.data import Task
from equipoise.errors import ConfigError, PlanError, PlanWarning
from equipoise.losses.labels import LabelLoss, LabelPriors, double_correction
from equipoise.plan import Plan


def task_priors(loss: LabelLoss, plan: Plan, tasks: Mapping[str, Task]) -> tuple[LabelPriors | None, ...]:
    """Return the priors of each task, and warn where plan and loss are in conflict.

    Parameters
    ----------
    loss : LabelLoss
        The loss that uses them.
    plan : Plan
        The plan of the draws, with the target shares.
    tasks : mapping of str to Task
        The tasks of the encoded examples.

    Returns
    -------
    tuple of LabelPriors or None
        By task id, that is by the sorted names; None for a task that is open-ended or never drawn.

    Raises
    ------
    ConfigError
        If no drawn task has labels.
    PlanError
        If the loss names an unknown task, or a label with examples is missing in its task.

    Warns
    -----
    PlanWarning
        For each task whose labels are corrected twice, or whose target has no effect.
    """
    unknown = sorted(loss.named_tasks - set(tasks))
    if unknown:
        raise PlanError("unknown-task", f"{loss} names unknown tasks: {', '.join(unknown)}. Known: {', '.join(tasks)}.")
    drawn = {plan.strata[place].task for place in np.flatnonzero(plan.target_masses)}
    of_tasks: list[LabelPriors | None] = []
    for name, task in sorted(tasks.items()):
        if task.kind == "open" or name not in drawn:
            of_tasks.append(None)
            continue
        priors = LabelPriors.of(plan, name, task.labels)
        message = double_correction(loss, priors)
        if message is not None:
            warnings.warn(PlanWarning("double-correction", message), stacklevel=3)
        of_tasks.append(priors)
    if not any(of_tasks):
        raise ConfigError(
            "no-labels", f"{loss} needs a task with labels, found none that is drawn. Use a loss of level sequence."
        )
    return tuple(of_tasks)
