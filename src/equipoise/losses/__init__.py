"""Losses of target sequences that return a sum and its mass, never a mean.

A mean cannot be put together again from the means of micro-batches and ranks; a sum and a mass can.
"""

from equipoise.losses.sequence import Per, WeightedSum
from equipoise.losses.step import step_weight
from equipoise.losses.token import TokenLoss

__all__ = ["Per", "TokenLoss", "WeightedSum", "step_weight"]
