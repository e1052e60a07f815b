"""How the tasks of a run weigh against each other, from its configuration."""

import warnings

from equipoise.errors import EquipoiseWarning
from equipoise.experiment.prepare import Prepared
from equipoise.losses.tasks import DWA, Sum, TasksLoss
from equipoise.losses.tasks.gradients import tasks_loss_of


def tasks_loss_of_run(prepared: Prepared) -> TasksLoss:
    """Make what `training.tasks_loss` names, for the tasks of a run.

    An epoch is as many draws as there are training rows, whatever of them is drawn.

    Parameters
    ----------
    prepared : Prepared
        The run, its `plan.draws` filled in.

    Returns
    -------
    TasksLoss
        For an `EquipoiseTrainer`.

    Raises
    ------
    ConfigError
        If it cannot be made, naming what is wrong.

    Warns
    -----
    EquipoiseWarning
        If many steps will hold few of the tasks, or the run is too short for dynamic weights to differ from ones.
    """
    config, batch = prepared.config, prepared.config.training.batch_size
    made = tasks_loss_of(
        config.training.tasks_loss,
        sorted(prepared.tasks),  # the order of `EncodedExamples.tasks`
        seed=config.seed,
        steps_per_epoch=-(-len(prepared.train) // batch),
    )
    sorts_tasks = config.training.batches == "mixed" and config.training.window > 1
    if not isinstance(made, Sum) and (sorts_tasks or config.training.batches == "one_task"):
        reason = "batches of similar length" if sorts_tasks else "batches of one task"
        warnings.warn(
            f"`training.tasks_loss` {made.name} weighs the tasks of a step against each other, but {reason} leave "
            "tasks out of many steps. Set `training.batches: quota`, so that every step has its share of each.",
            EquipoiseWarning,
            stacklevel=2,
        )
    assert config.plan.draws is not None
    steps = -(-config.plan.draws // batch)
    if isinstance(made, DWA) and steps <= 2 * made.steps_per_epoch:
        warnings.warn(
            f"`training.tasks_loss` dwa gives all tasks the weight 1 in its first two epochs of {made.steps_per_epoch} "
            f"steps, and the run has {steps}. Set `steps_per_epoch`, or draw more.",
            EquipoiseWarning,
            stacklevel=2,
        )
    return made
