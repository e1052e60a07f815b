"""Losses of target sequences that return a weighted sum and the sum of the weights, never a mean.

The mean of a step is not the mean of the means of its micro-batches and ranks; sums add up.
"""

from equipoise.losses.sums import WeightedSum, step_weight
from equipoise.losses.tokens.base import Per, TokenLoss

__all__ = ["Per", "TokenLoss", "WeightedSum", "step_weight"]
