"""Samplers for a torch DataLoader: of a plan, sorted by length, by tokens, and by a weight for each row."""

from equipoise.samplers.by_weight.weighted_sampler import WeightedSampler
from equipoise.samplers.length_sorted import LengthSorted
from equipoise.samplers.plan_sampler import PlanSampler
from equipoise.samplers.token_batches import TokenBatches
from equipoise.samplers.windows import RowLengths

__all__ = ["LengthSorted", "PlanSampler", "RowLengths", "TokenBatches", "WeightedSampler"]
