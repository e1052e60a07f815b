"""The loss that a configuration names, made for a plan, its tasks and a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from equipoise.collate import Tokenizer
from equipoise.data import Task
from equipoise.losses.labels import LabelLoss
from equipoise.losses.named import named_loss
from equipoise.losses.tokens import NamedTokenLoss
from equipoise.losses.training.base import TrainingLoss
from equipoise.losses.training.label import LabelTrainingLoss
from equipoise.losses.training.token import TokenTrainingLoss
from equipoise.plan import Plan


@dataclass(frozen=True)
class ConfiguredLoss:
    """A loss as a configuration names it, with checked options.

    Attributes
    ----------
    loss : LabelLoss or NamedTokenLoss
        The loss.
    level : {"sequence", "token", "label"}
        A loss of target tokens, with a mean per sequence or per token; or of the scores of all labels of the task.
    length_norm : float
        See `LabelTrainingLoss`.
    """

    loss: LabelLoss | NamedTokenLoss
    level: str
    length_norm: float = 0.0

    @classmethod
    def of(cls, chosen: str | Mapping[str, Any]) -> "ConfiguredLoss":
        """Check the name, the level and the options of a loss.

        Parameters
        ----------
        chosen : str or mapping
            A name, or a mapping of `name`, `level` and options. Without a level, the names of token losses mean
            `sequence` (but for `logit_adjusted`), all others `label`.

        Returns
        -------
        ConfiguredLoss

        Raises
        ------
        ConfigError, PlanError
            If the name, the level or an option is unknown, or an option is missing or out of its range.

        Examples
        --------
        >>> ConfiguredLoss.of({"name": "ldam", "scale": 2, "length_norm": 0.5}).level
        'label'
        >>> ConfiguredLoss.of("cross_entropy")
        ConfiguredLoss(loss=TokenCrossEntropy(label_smoothing=0.0), level='sequence', length_norm=0.0)
        """
        return cls(*named_loss(chosen))

    @property
    def label_loss(self) -> LabelLoss:
        """The label loss that has its optimum at the same shares of the labels."""
        return self.loss.over_labels if isinstance(self.loss, NamedTokenLoss) else self.loss

    def build(self, plan: Plan, tasks: Mapping[str, Task], model: nn.Module, tokenizer: Tokenizer) -> TrainingLoss:
        """Return the training loss; arguments, errors and warnings as for `LabelTrainingLoss.build`."""
        if isinstance(self.loss, LabelLoss):
            return LabelTrainingLoss.build(self.loss, plan, tasks, model, tokenizer, length_norm=self.length_norm)
        loss = self.loss.token_loss("token" if self.level == "token" else "sequence")
        if self.loss.adjusting is None:
            return TokenTrainingLoss(loss)
        return TokenTrainingLoss.adjusted(loss, self.loss.adjusting, plan, tasks, tokenizer)
