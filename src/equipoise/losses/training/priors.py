"""The label priors of each task of a run."""

import warnings
from collections.abc import Mapping

import numpy as np

from equipoise.data import Task
from equipoise.errors import ConfigError, PlanError, PlanWarning
from equipoise.losses.labels import LabelLoss, LabelPriors, double_correction
from equipoise.plan import Plan


def task_priors(loss: LabelLoss, plan: Plan, tasks: Mapping[str, Task]) -> tuple[LabelPriors | None, ...]:
    """Return the priors of each task by task id, that is by the sorted names; None if open-ended or never drawn.

    Arguments, errors and warnings are those of `LabelTrainingLoss.build`.
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
