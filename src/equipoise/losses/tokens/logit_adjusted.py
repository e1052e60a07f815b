"""Cross-entropy of the target tokens with adjusted logits of first tokens."""

from dataclasses import dataclass

from equipoise.losses.labels.logit_adjusted import Aim, LogitAdjusted
from equipoise.losses.tokens.base import NamedTokenLoss, Per, TokenLoss


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

    @property
    def adjusting(self) -> LogitAdjusted:
        """The adjustment."""
        return self.over_labels

    def token_loss(self, per: Per) -> TokenLoss:
        """Return cross-entropy."""
        return TokenLoss(per)
