"""Every sampler over the same rows, in global batches of one size."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from equipoise import (
    Census,
    LengthSorted,
    Mixed,
    OneTask,
    Plan,
    PlanSampler,
    Quota,
    Shard,
    StratumIndex,
    TokenBatches,
    WeightedSampler,
    rates,
    weights,
)

from .plans import names
from .shares import power_law

KINDS = ("Mixed", "Quota", "OneTask", "independent", "LengthSorted", "TokenBatches", "WeightedSampler")
TASKS, LABELS, LONGEST = 50, 20, 512


def plan_of(rows: int) -> Plan:
    """50 equally frequent tasks of 20 labels; rows fall as 1, 1/2, 1/3, ..., and classes are evened out by a root."""
    counts = np.maximum((power_law(TASKS * LABELS) * rows).astype(np.int64), 1)
    counts[0] += rows - counts.sum()
    labels = names(LABELS)
    # Stratum i is of task i modulo 50: every task has frequent labels and rare ones.
    census = {
        task: dict(zip(labels, counts[first::TASKS].tolist(), strict=True)) for first, task in enumerate(names(TASKS))
    }
    return Plan.build(Census.from_counts(census), rates=rates.Equal(), weights=weights.Power(0.5))


def lengths_of(rows: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Log-normal lengths of texts in tokens."""
    drawn = np.random.default_rng(0).lognormal(4.0, 0.8, 1 << 20)
    return np.resize(np.clip(drawn, 1, LONGEST).astype(np.int32), rows)


def sampler_of(
    kind: str,
    plan: Plan,
    index: StratumIndex,
    given: Mapping[str, Any],
    shard: Shard = Shard(),  # noqa: B008 - frozen
    *,
    draws: int,
    batch: int,
    accumulation: int = 1,
) -> Any:
    """Make a sampler.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    plan, index : Plan, StratumIndex
        What to draw, and of which rows.
    given : mapping
        "lengths" of the rows for those that sort by length, "weights" for the one that takes weights.
    shard : Shard
        The part of a rank.
    draws : int
        Of an epoch, all ranks together; a multiple of `batch`.
    batch : int
        Examples of a global batch; a multiple of ranks x accumulation.
    accumulation : int
        Parts that a rank takes its share of a global batch in.
    """
    if kind == "WeightedSampler":
        return WeightedSampler(given["weights"], draws, shard=shard)
    batches = {"Quota": Quota(batch), "OneTask": OneTask(batch)}.get(kind, Mixed())
    sampler = PlanSampler(plan, index, 0, draws, shard, kind == "independent", batches)
    if kind == "LengthSorted":
        return LengthSorted(sampler, given["lengths"], batch)
    if kind == "TokenBatches":
        parts = shard.world_size * accumulation
        # The tokens of an average part, so that a step is of about as many examples as the others' are.
        tokens = batch // parts * int(given["lengths"][: 1 << 20].mean())
        return TokenBatches(sampler, given["lengths"], max(tokens, LONGEST), parts, window=64 * batch)
    return sampler
