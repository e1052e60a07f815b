"""Plans and indices that many tests draw from."""

import numpy as np

from equipoise import Census, Plan, StratumIndex, rates, weights


def imbalanced():
    """Three tasks from 1,000 to 6 rows, classes to 1 row, one task open-ended, rows in no order."""
    counts = {"large": {"no": 950, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}}
    plan = Plan.build(Census.from_counts(counts), rates=rates.Equal(), weights=weights.Power(0.5))
    codes = np.repeat(np.arange(len(plan.strata)), plan.counts)
    return plan, StratumIndex.from_codes(np.random.default_rng(5).permutation(codes))


def codes_of(index):
    """Stratum of each row."""
    return index.spread(np.arange(len(index.sizes)))
