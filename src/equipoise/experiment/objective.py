"""The loss that a configuration names, made for the tasks and the plan of a run."""

from typing import Any

from equipoise.config import LossConfig
from equipoise.experiment.prepare import Prepared
from equipoise.losses import TokenLoss
from equipoise.losses.labels import LabelLoss, LogitAdjusted, label_loss_from_dict
from equipoise.losses.objectives import LabelObjective, Objective, TokenObjective

# Names of the configuration to those of the classes.
_CLASSES = {
    "cross_entropy": "CrossEntropy",
    "weighted": "Weighted",
    "focal": "Focal",
    "class_balanced_focal": "ClassBalancedFocal",
    "balanced_softmax": "BalancedSoftmax",
    "logit_adjusted": "LogitAdjusted",
    "ldam": "LDAM",
    "vector_scaling": "VectorScaling",
    "cost_sensitive": "CostSensitive",
}
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
        If an option is missing or out of its range.
    """
    if loss.level != "label" and loss.name != "logit_adjusted":
        return None
    options = {name: value for name, value in loss.options.items() if name != "length_norm"}
    return label_loss_from_dict({"scheme": _CLASSES[loss.name], **options})


def objective_of(prepared: Prepared, model: Any, tokenizer: Any) -> Objective:
    """Make the loss of a run.

    Parameters
    ----------
    prepared : Prepared
        The run.
    model, tokenizer
        What is trained: they know the tokens of labels and how the decoder is started.

    Returns
    -------
    Objective
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
        return LabelObjective.build(of_labels, plan, tasks, model, tokenizer, length_norm=loss.length_norm)
    per = "token" if loss.level == "token" else "sequence"
    if isinstance(of_labels, LogitAdjusted):
        return TokenObjective.adjusted(TokenLoss(per), of_labels, plan, tasks, tokenizer)
    options = {"gamma": _FOCAL_GAMMA, **loss.options} if loss.name == "focal" else loss.options
    return TokenObjective(TokenLoss(per, **options))
