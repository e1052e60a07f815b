"""Losses by name: the registries of label losses and of token losses behind one mapping of name, level and options."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from torch import nn

from equipoise.base.registry import make, registered, suggest
from equipoise.collate import Tokenizer
from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.losses.labels import CrossEntropy, Focal, LabelLoss, LogitAdjusted
from equipoise.losses.labels.logit_adjusted import Aim
from equipoise.losses.token import Per, TokenLoss
from equipoise.losses.training.base import TrainingLoss
from equipoise.losses.training.label import LabelTrainingLoss, check_length_norm
from equipoise.losses.training.token import TokenTrainingLoss
from equipoise.plan import Plan

LEVELS: Final = ("sequence", "token", "label")


class NamedTokenLoss(ABC):
    """Base of the losses of target tokens that a configuration can name; subclasses are frozen dataclasses."""

    name: ClassVar[str]
    default_level: ClassVar[str] = "sequence"
    """The level of the name where a configuration sets none."""

    def __post_init__(self) -> None:
        _ = self.token_loss("sequence"), self.over_labels  # checks the options

    @property
    @abstractmethod
    def over_labels(self) -> LabelLoss:
        """The label loss that has its optimum at the same shares of the labels."""

    @abstractmethod
    def token_loss(self, per: Per) -> TokenLoss:
        """Return the loss of the tokens."""

    def build(self, per: Per, _plan: Plan, _tasks: Mapping[str, Task], _tokenizer: Tokenizer, /) -> TokenTrainingLoss:
        """Return the training loss for a plan and its tasks; arguments as for `TokenTrainingLoss.adjusted`."""
        return TokenTrainingLoss(self.token_loss(per))


@dataclass(frozen=True)
class TokenCrossEntropy(NamedTokenLoss):
    """Cross-entropy of the target tokens; see `TokenLoss`."""

    label_smoothing: float = 0.0

    name = "cross_entropy"

    @property
    def over_labels(self) -> LabelLoss:
        """Cross-entropy of the labels."""
        return CrossEntropy()

    def token_loss(self, per: Per) -> TokenLoss:
        """Return the loss of the tokens."""
        return TokenLoss(per, label_smoothing=self.label_smoothing)


@dataclass(frozen=True)
class TokenFocal(NamedTokenLoss):
    """Focal loss of the target tokens, with the gamma of the paper; see `TokenLoss`."""

    gamma: float = 2.0
    label_smoothing: float = 0.0

    name = "focal"

    @property
    def over_labels(self) -> LabelLoss:
        """Focal loss of the labels."""
        return Focal(self.gamma)

    def token_loss(self, per: Per) -> TokenLoss:
        """Return the loss of the tokens."""
        return TokenLoss(per, self.gamma, self.label_smoothing)


@dataclass(frozen=True)
class FirstTokenAdjusted(NamedTokenLoss):
    """Cross-entropy with adjusted logits of first tokens, where these decide the label; see `FirstTokenAdjustment`."""

    tau: float = 1.0
    aim: Aim = "uniform"

    name = "logit_adjusted"
    default_level = "label"

    @property
    def over_labels(self) -> LogitAdjusted:
        """The adjustment."""
        return LogitAdjusted(self.tau, self.aim)

    def token_loss(self, per: Per) -> TokenLoss:
        """Return cross-entropy."""
        return TokenLoss(per)

    def build(self, per: Per, plan: Plan, tasks: Mapping[str, Task], tokenizer: Tokenizer, /) -> TokenTrainingLoss:
        """Return the training loss."""
        return TokenTrainingLoss.adjusted(self.token_loss(per), self.over_labels, plan, tasks, tokenizer)


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
        given = dict(chosen) if isinstance(chosen, Mapping) else {"name": chosen}
        name, level = given.get("name"), given.pop("level", None)
        of_tokens = registered(NamedTokenLoss)
        token_loss = of_tokens.get(name) if isinstance(name, str) else None
        if level is None:
            level = "label" if token_loss is None else token_loss.default_level
        if level not in LEVELS:
            hint = suggest(level, LEVELS)
            raise ConfigError(
                "unknown-level", f"`level` of a loss must be one of {', '.join(LEVELS)}, found {level!r:.80}.{hint}"
            )
        if level == "label":
            length_norm = given.pop("length_norm", 0.0)
            check_length_norm(length_norm)
            return cls(LabelLoss.of(given), level, float(length_norm))
        if token_loss is None and isinstance(name, str) and name in registered(LabelLoss):
            raise ConfigError(
                "wrong-level",
                f"{name} is a loss of label scores, so its `level` must be label, found {level}. Remove it.",
            )
        return cls(make(NamedTokenLoss, given, "token losses", ConfigError), level)

    @property
    def label_loss(self) -> LabelLoss:
        """The label loss that has its optimum at the same shares of the labels."""
        return self.loss.over_labels if isinstance(self.loss, NamedTokenLoss) else self.loss

    def build(self, plan: Plan, tasks: Mapping[str, Task], model: nn.Module, tokenizer: Tokenizer) -> TrainingLoss:
        """Return the training loss; arguments, errors and warnings as for `LabelTrainingLoss.build`."""
        if isinstance(self.loss, LabelLoss):
            return LabelTrainingLoss.build(self.loss, plan, tasks, model, tokenizer, length_norm=self.length_norm)
        return self.loss.build("token" if self.level == "token" else "sequence", plan, tasks, tokenizer)
