"""Verdicts are as rarely wrong as they say, and the least difference is shown as often as it says."""

import numpy as np
import pytest

from equipoise.statistics import DifferencePosterior, least_difference

pytestmark = pytest.mark.statistical
GROUPS, TRIALS, ROPE = 120, 4000, 0.01


def posteriors(truth, seeds, training, rows, random):
    """Posteriors of comparisons: seeds with a variance of their own, all measured on the same groups."""
    of_groups = random.normal(0, rows * GROUPS**0.5, (TRIALS, GROUPS))
    by_seed = truth + random.normal(0, training, (TRIALS, seeds)) + of_groups.mean(axis=1)[:, None]
    spread = of_groups.var(axis=1, ddof=1) / GROUPS
    return [
        DifferencePosterior.of(values.tolist(), rows=each, groups=GROUPS)
        for values, each in zip(by_seed, spread.tolist(), strict=True)
    ]


def share_better(held):
    return np.mean([each.probabilities(ROPE).better >= 0.95 for each in held])


@pytest.mark.parametrize(("seeds", "training"), [(2, 0.002), (3, 0.02), (5, 0.02), (3, 0.06)])
def test_a_difference_at_the_edge_of_the_region_is_called_better_in_one_of_twenty(seeds, training):
    random = np.random.default_rng(seeds)
    found = share_better(posteriors(ROPE, seeds, training, 0.02, random))
    assert 0.035 <= found <= 0.075  # Satterthwaite's degrees of freedom are an approximation


@pytest.mark.parametrize(("seeds", "training"), [(3, 0.01), (5, 0.02), (5, 0.05)])
def test_the_least_difference_is_shown_in_four_of_five(seeds, training):
    random = np.random.default_rng(seeds)
    true = DifferencePosterior(0.0, training**2 / seeds, 0.02**2, seeds, GROUPS)
    found = share_better(posteriors(least_difference(true, ROPE), seeds, training, 0.02, random))
    assert found == pytest.approx(0.8, abs=0.025)
