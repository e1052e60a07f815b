"""The fields of the training: loss, batches, learning rate, and when to log, save and validate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from equipoise.base.registry import registered
from equipoise.config._loss import LossConfig
from equipoise.config._plan import VALIDATIONS
from equipoise.config._values import in_range, one_of
from equipoise.drawing.batches import Batches
from equipoise.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The training.

    Attributes
    ----------
    loss : LossConfig
        The loss of an example.
    task_weighting : str or mapping
        How the losses of tasks become one: ``sum``, ``fixed``, ``uncertainty``, ``dwa``, ``rlw``, ``famo`` or
        ``gradients``; a name, or a mapping of `name` and options.
    batch_size : int
        Examples of a step, over all ranks and accumulation.
    batches : str
        What a batch is made of: ``mixed``, ``one_task`` or ``quota``.
    learning_rate : float
        The highest learning rate.
    schedule : {"constant", "linear", "cosine"}
        How the learning rate changes after the warm-up. How shares change is `plan.schedule`.
    warmup : float
        Part of the steps in which the learning rate rises from 0.
    weight_decay : float
        The weight decay of AdamW.
    max_gradient_norm : float
        The norm that gradients are clipped to.
    max_input : int
        Tokens of an input; a longer one is cut.
    max_target : int
        Tokens of a target; a longer one is cut.
    window : int
        Batches whose examples are sorted by length together, against padding.
    log_every : int
        Steps between two logs.
    save_every : int
        Steps between two checkpoints.
    validate_every : int or None
        Steps between two validations. None is none, but with `best` eight during the training.
    best : {"macro_f1", "balanced_accuracy", "worst_recall", "log_loss", "loss"} or None
        The validation metric by which the published checkpoint is chosen. None publishes the last.
    patience : int or None
        Training ends after so many validations in a row without an improvement of `best`.
    """

    loss: LossConfig = field(default_factory=LossConfig)
    task_weighting: str | Mapping[str, Any] = "sum"
    batch_size: int = 32
    batches: str = "mixed"
    learning_rate: float = 1e-3
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = 0.0
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    max_input: int = 512
    max_target: int = 64
    window: int = 64
    log_every: int = 10
    save_every: int = 500
    validate_every: int | None = None
    best: Literal["macro_f1", "balanced_accuracy", "worst_recall", "log_loss", "loss"] | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        one_of("training.batches", self.batches, list(registered(Batches)))
        for name in ("batch_size", "max_input", "max_target", "window", "log_every", "save_every"):
            in_range(f"training.{name}", getattr(self, name), 1)
        for name in ("validate_every", "patience"):
            if getattr(self, name) is not None:
                in_range(f"training.{name}", getattr(self, name), 1)
        if self.patience is not None and self.best is None:
            raise ConfigError(
                "patience-without-best",
                "`training.patience` counts validations without an improvement of `training.best`, found none. "
                "Set `training.best`, to `macro_f1` for example.",
            )
        in_range("training.learning_rate", self.learning_rate, 0, open_low=True)
        in_range("training.warmup", self.warmup, 0, 1)
        in_range("training.weight_decay", self.weight_decay, 0)
        in_range("training.max_gradient_norm", self.max_gradient_norm, 0)

    def validated(self, draws: int) -> "TrainingConfig":
        """Return the same with validations: eight during that many draws, unless `validate_every` is set.

        Examples
        --------
        >>> TrainingConfig(batch_size=4).validated(draws=330).validate_every
        10
        """
        steps = math.ceil(draws / self.batch_size)
        return replace(self, validate_every=self.validate_every or max(1, steps // VALIDATIONS))
