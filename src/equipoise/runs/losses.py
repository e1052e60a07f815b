"""The loss that a configuration names, made for the tasks and the plan of a run."""

import warnings
from typing import Any

from equipoise.calibration import shares_within
from equipoise.calibration.logs import Array
from equipoise.config import LossConfig
from equipoise.errors import ConfigError, EquipoiseWarning
from equipoise.losses import TokenLoss
from equipoise.losses.labels import LabelLoss, LabelPriors, LogitAdjusted, label_loss_from_dict
from equipoise.losses.tasks import DWA, Sum, TaskWeighting
from equipoise.losses.tasks.gradients import tasks_loss_of
from equipoise.losses.training import LabelTrainingLoss, TokenTrainingLoss, TrainingLoss
from equipoise.plan import Plan
from equipoise.runs.prepare import Prepared

# Options of the losses of target tokens; those of labels are their fields.
_OF_TOKENS = {"cross_entropy": ("label_smoothing",), "focal": ("gamma", "label_smoothing")}
_FOCAL_GAMMA = 2.0  # of the paper; TokenLoss itself has 0, which is cross-entropy


def label_loss_of(loss: LossConfig) -> LabelLoss | None:
    """Give the loss over labels that a configuration names, also where first tokens stand for labels.

    Parameters
    ----------
    loss : LossConfig
        What the configuration says.

    Returns
    -------
    LabelLoss or None
        None for cross-entropy and focal loss of target tokens: they know nothing of labels.

    Raises
    ------
    PlanError
        If the loss or an option is unknown, or an option is missing or out of its range.
    ConfigError
        If the loss is one of label scores and the level is not.
    """
    options = dict(loss.options)
    if loss.level == "label":
        options.pop("length_norm", None)
    elif loss.name in _OF_TOKENS:
        accepted = _OF_TOKENS[loss.name]
        for option in options:
            if option not in accepted:
                message = f"{loss.name} at level {loss.level} takes {', '.join(accepted)}, found `{option}`."
                raise ConfigError("unknown-option", message)
        return None
    of_labels = label_loss_from_dict({"name": loss.name, **options})
    if loss.level != "label" and not isinstance(of_labels, LogitAdjusted):
        message = f"{loss.name} is a loss of label scores: its `level` must be label, found {loss.level}. Remove it."
        raise ConfigError("wrong-level", message)
    return of_labels


def training_loss_of(prepared: Prepared, model: Any, tokenizer: Any) -> TrainingLoss:
    """Make the loss of a run.

    Parameters
    ----------
    prepared : Prepared
        The run.
    model, tokenizer
        What is trained: they know the tokens of labels and how the decoder is started.

    Returns
    -------
    TrainingLoss
        For an `EquipoiseTrainer`.

    Raises
    ------
    ConfigError, PlanError
        If an option is out of its range, or the loss does not fit the tasks.
    DataError
        If two labels of a task have the same tokens and the loss scores labels.

    Warns
    -----
    PlanWarning
        If plan and loss are at odds.
    """
    loss, plan, tasks = prepared.config.training.loss, prepared.plan, prepared.tasks
    of_labels = label_loss_of(loss)
    if loss.level == "label" and of_labels is not None:
        return LabelTrainingLoss.build(of_labels, plan, tasks, model, tokenizer, length_norm=loss.length_norm)
    per = "token" if loss.level == "token" else "sequence"
    if isinstance(of_labels, LogitAdjusted):
        return TokenTrainingLoss.adjusted(TokenLoss(per), of_labels, plan, tasks, tokenizer)
    options = {"gamma": _FOCAL_GAMMA, **loss.options} if loss.name == "focal" else loss.options
    return TokenTrainingLoss(TokenLoss(per, **options))


def task_weighting_of(prepared: Prepared) -> TaskWeighting:
    """Make what `training.task_weighting` names, for the tasks of a run.

    An epoch is as many draws as there are training rows, whatever of them is drawn.

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
        If it cannot be made, naming what is wrong.

    Warns
    -----
    EquipoiseWarning
        If many steps will hold few of the tasks, or the run is too short for dynamic weights to differ from ones.
    """
    config, batch = prepared.config, prepared.config.training.batch_size
    made = tasks_loss_of(
        config.training.task_weighting,
        sorted(prepared.tasks),  # the order of `EncodedExamples.tasks`
        seed=config.seed,
        steps_per_epoch=-(-len(prepared.train) // batch),
    )
    sorts_tasks = config.training.batches == "mixed" and config.training.window > 1
    if not isinstance(made, Sum) and (sorts_tasks or config.training.batches == "one_task"):
        reason = "batches of similar length" if sorts_tasks else "batches of one task"
        warnings.warn(
            f"`training.task_weighting` {made.name} weighs the tasks of a step against each other, but {reason} leave "
            "tasks out of many steps. Set `training.batches: quota`, so that every step has its share of each.",
            EquipoiseWarning,
            stacklevel=2,
        )
    assert config.plan.draws is not None
    steps = -(-config.plan.draws // batch)
    if isinstance(made, DWA) and steps <= 2 * made.steps_per_epoch:
        warnings.warn(
            f"`training.task_weighting` dwa gives all tasks the weight 1 in its first two epochs of "
            f"{made.steps_per_epoch} steps, and the run has {steps}. Set `steps_per_epoch`, or draw more.",
            EquipoiseWarning,
            stacklevel=2,
        )
    return made


def trained_prior(loss: LossConfig, plan: Plan, task: str, labels: tuple[str, ...]) -> tuple[Array, str | None]:
    """Give the label shares under which the scores of a run are a posterior, in one task.

    Draws come with the plan's sampling distribution q and count p*/q in the loss, so a loss that adjusts
    nothing sees the target p*. A loss over labels says itself which shares it leads to.

    Parameters
    ----------
    loss : LossConfig
        What was minimised.
    plan : Plan
        What was drawn.
    task : str
        A classification.
    labels : tuple of str
        Its labels, in the order that is wanted.

    Returns
    -------
    float64 array of shape (labels,)
        With the sum 1; all 0 if the plan never draws the task or never aims at it.
    str or None
        What should be known, where the shares are only a guess.

    Examples
    --------
    >>> from equipoise.census import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 30, "sad": 10}}))
    >>> trained_prior(LossConfig(), plan, "mood", ("sad", "glad"))
    (array([0.25, 0.75]), None)
    >>> trained_prior(LossConfig("balanced_softmax", "label"), plan, "mood", ("sad", "glad"))
    (array([0.5, 0.5]), None)
    """
    target = shares_within(plan, plan.target, task, labels)
    guess = f"{loss.name} does not estimate probabilities: they are corrected as if it did"
    of_labels = label_loss_of(loss)
    if not target.any() or of_labels is None:
        return target, guess if loss.name == "focal" and target.any() else None
    learned = of_labels.learned_prior(LabelPriors.of(plan, task, labels))
    return (target, guess) if learned is None else (learned, None)
