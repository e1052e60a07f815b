"""Cross-entropy of the target tokens."""

from dataclasses import dataclass

from equipoise.losses.labels.cross_entropy import CrossEntropy
from equipoise.losses.tokens.base import NamedTokenLoss, Per, TokenLoss


@dataclass(frozen=True)
class TokenCrossEntropy(NamedTokenLoss):
    """Cross-entropy of the target tokens; see `TokenLoss`."""

    label_smoothing: float = 0.0

    name = "cross_entropy"

    @property
    def over_labels(self) -> CrossEntropy:
        """Cross-entropy of the labels."""
        return CrossEntropy()

    def token_loss(self, per: Per) -> TokenLoss:
        """Return the loss of the tokens."""
        return TokenLoss(per, label_smoothing=self.label_smoothing)
