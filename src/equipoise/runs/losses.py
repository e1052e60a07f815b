"""The loss that a configuration names, made for the tasks and the plan of a run."""

import math
import warnings
from collections.abc import Callable
from typing import Any

from equipoise.calibration import shares_within
from equipoise.calibration.logs import Array
from equipoise.config import LossConfig
from equipoise.errors import EquipoiseWarning
from equipoise.losses.labels import LabelPriors
from equipoise.losses.tasks import DWA, Sum, TaskWeighting, task_weighting
from equipoise.losses.training import ConfiguredLoss, StagedTrainingLoss, TrainingLoss
from equipoise.plan import Plan
from equipoise.runs.prepare import Prepared
from equipoise.schedule import Drawable


def checked_loss(loss: LossConfig) -> ConfiguredLoss:
    """Check name, level and options of a loss, which a configuration cannot do without torch; see `ConfiguredLoss`."""
    return ConfiguredLoss.of(loss.to_dict())


def training_loss_of(
    prepared: Prepared, model: Any, tokenizer: Any, drawn: Callable[[], Drawable], draws: int
) -> TrainingLoss:
    """Make the loss of a run, for an `EquipoiseTrainer`; errors and warnings as in `LabelTrainingLoss.build`.

    Parameters
    ----------
    prepared : Prepared
        The run.
    model, tokenizer
        The model that will be trained, and its tokenizer.
    drawn : callable
        Returns what is drawn, with what was decided since the run began.
    draws : int
        The draws of the whole run.
    """
    plan, tasks, configured = prepared.plan, prepared.tasks, checked_loss(prepared.config.training.loss)
    if isinstance(plan, Plan) and not prepared.changes:
        return configured.build(plan, tasks, model, tokenizer)
    return StagedTrainingLoss(lambda stage: configured.build(stage, tasks, model, tokenizer), drawn, tasks, draws)


def task_weighting_of(prepared: Prepared) -> TaskWeighting:
    """Make the task weighting that `training.task_weighting` names, for the tasks of a run.

    An epoch is as many draws as there are training rows, whichever rows are drawn; of a proxy as large a part of them
    as it has of the draws of the full training.

    Parameters
    ----------
    prepared : Prepared
        The run, its `plan.draws` filled in.

    Returns
    -------
    TaskWeighting
        For an `EquipoiseTrainer`.

    Raises
    ------
    ConfigError
        If it cannot be made; the message says why.

    Warns
    -----
    EquipoiseWarning
        If many steps will hold few of the tasks, or the run is too short for dynamic weights to differ from ones.
    """
    config, batch = prepared.config, prepared.config.training.batch_size
    made = task_weighting(
        config.training.task_weighting,
        sorted(prepared.tasks),  # the order of `EncodedExamples.tasks`
        seed=config.seed,
        steps_per_epoch=math.ceil(len(prepared.train) * config.plan.part / batch),
    )
    sorts_tasks = config.training.batches == "mixed" and config.training.window > 1
    if not isinstance(made, Sum) and (sorts_tasks or config.training.batches == "one_task"):
        reason = "batches of similar length" if sorts_tasks else "batches of one task"
        message = (
            f"`training.task_weighting` {made.name} weighs the tasks of a step against each other, but {reason} leave "
            "tasks out of many steps. Set `training.batches: quota`, so that every step has its share of each."
        )
        warnings.warn(EquipoiseWarning("tasks-left-out", message), stacklevel=2)
    assert config.plan.draws is not None
    steps = -(-config.plan.draws // batch)
    if isinstance(made, DWA) and steps <= 2 * made.steps_per_epoch:
        message = (
            f"`training.task_weighting` dwa weighs all tasks by 1 in its first two epochs of {made.steps_per_epoch} "
            f"steps, and the run has {steps}. Set `steps_per_epoch`, or draw more."
        )
        warnings.warn(EquipoiseWarning("run-too-short", message), stacklevel=2)
    return made


def trained_prior(loss: LossConfig, plan: Plan, task: str, labels: tuple[str, ...]) -> tuple[Array, str | None]:
    """Return the label shares under which the scores of a run are a posterior, in one task.

    Draws come from the plan's sampling distribution q and count p*/q in the loss, so a loss that adjusts
    nothing sees the target p*. Other losses return the shares that they lead to (`LabelLoss.learned_prior`). Of a
    schedule these are those of its average.

    Parameters
    ----------
    loss : LossConfig
        The loss that was minimised.
    plan : Plan
        The plan of the draws, of a schedule the average of the draws that were trained on.
    task : str
        A classification task.
    labels : tuple of str
        Its labels, in the order of the result.

    Returns
    -------
    ndarray of float64, shape (labels,)
        With the sum 1; all 0 if the plan never draws the task or never aims at it.
    str or None
        A note where the shares are only a guess.

    Examples
    --------
    >>> from equipoise.census import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 30, "sad": 10}}), weights="natural")
    >>> trained_prior(LossConfig(), plan, "mood", ("sad", "glad"))
    (array([0.25, 0.75]), None)
    >>> trained_prior(LossConfig("balanced_softmax", "label"), plan, "mood", ("sad", "glad"))
    (array([0.5, 0.5]), None)
    """
    target = shares_within(plan, plan.target, task, labels)
    if not target.any():
        return target, None
    learned = checked_loss(loss).label_loss.learned_prior(LabelPriors.of(plan, task, labels))
    if learned is None:
        return target, f"{loss.name} does not estimate probabilities: they are corrected as if it did"
    return learned, None
