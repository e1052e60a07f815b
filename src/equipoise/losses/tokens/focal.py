"""Focal loss of the target tokens."""

from dataclasses import dataclass

from equipoise.losses.labels.focal import Focal
from equipoise.losses.tokens.base import NamedTokenLoss, Per, TokenLoss


@dataclass(frozen=True)
class TokenFocal(NamedTokenLoss):
    """Focal loss of the target tokens, with the gamma of the paper; see `TokenLoss`."""

    gamma: float = 2.0
    label_smoothing: float = 0.0

    name = "focal"

    @property
    def over_labels(self) -> Focal:
        """Focal loss of the labels."""
        return Focal(self.gamma)

    def token_loss(self, per: Per) -> TokenLoss:
        """Return the loss of the tokens."""
        return TokenLoss(per, self.gamma, self.label_smoothing)
