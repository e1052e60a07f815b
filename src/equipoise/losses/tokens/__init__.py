"""Losses of target tokens by name: one a file, its options as fields."""

from equipoise.losses.tokens.base import NamedTokenLoss, Per, TokenLoss

__all__ = ["NamedTokenLoss", "Per", "TokenLoss"]
