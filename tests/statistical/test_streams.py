"""Streams give the plan's shares within the error of rounding, and rounding up looks random where it should."""

import numpy as np
import pytest
from scipy import stats

from equipoise import Census, Plan, rates, weights
from equipoise.iterable import Mixture, RepeatFactors, RepeatStream, ShuffleBuffer

pytestmark = pytest.mark.statistical
SMALLEST_P = 1e-4
COUNTS = {"mood": {"glad": 6000, "sad": 900, "wry": 100}, "open": 2500, "topic": {"art": 2000, "law": 500}}


@pytest.fixture(scope="module")
def plan():
    return Plan.build(Census.from_counts(COUNTS), rates=rates.Equal(), weights=weights.Power(0.5))


@pytest.fixture(scope="module")
def strata(plan):
    """Stratum of each example of the source."""
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(plan.strata)), plan.counts))


def passes_of(plan, strata, factors, passes, **options):
    """How often each example was given, in each pass."""
    source = list(enumerate(strata.tolist()))
    stream = RepeatStream(source, factors, lambda example: plan.strata[example[1]], **options)
    counted = [np.bincount([i for i, _ in stream], minlength=len(strata)) for _ in range(passes)]
    return np.array(counted)


def p_of_counts(given, strata, factors):
    """p-value of the strata's totals in one pass: each is a sum of n roundings of variance f (1 - f)."""
    n = np.bincount(strata)
    fraction = factors.values % 1
    variance = n * fraction * (1 - fraction)
    z = (np.bincount(strata, given) - n * factors.values)[variance > 0] / np.sqrt(variance[variance > 0])
    return stats.chi2.sf((z**2).sum(), len(z))


@pytest.mark.parametrize("seed", range(6))
def test_shares_are_the_plans_within_the_error_of_rounding(plan, strata, seed):
    factors = RepeatFactors.from_plan(plan)
    for given in passes_of(plan, strata, factors, 3, seed=seed):
        assert p_of_counts(given, strata, factors) > SMALLEST_P
        shares = np.bincount(strata, given) / given.sum()
        assert np.abs(shares - plan.probabilities).max() < 0.006


def test_the_p_values_are_uniform(plan, strata):
    """Not too good either: in the first pass, examples are rounded independently of each other."""
    factors = RepeatFactors.from_plan(plan)
    found = [
        p_of_counts(passes_of(plan, strata, factors, 1, seed=seed)[0], strata, factors) for seed in range(100, 160)
    ]
    assert stats.kstest(found, "uniform").pvalue > SMALLEST_P


@pytest.mark.parametrize("bias", [0.03, -0.03])
def test_a_slight_bias_would_be_found(plan, strata, bias):
    """The power of the test above: fractions that are 0.03 off fail it."""
    factors = RepeatFactors.from_plan(plan)
    off = RepeatFactors(factors.strata, tuple(max(factor + bias, 0) for factor in factors.values.tolist()))
    (given,) = passes_of(plan, strata, off, 1)
    assert p_of_counts(given, strata, factors) < SMALLEST_P


def test_totals_over_passes_are_closer_than_independent_rounding(plan, strata):
    factors = RepeatFactors.from_plan(plan)
    total = passes_of(plan, strata, factors, 40).sum(axis=0)
    assert np.abs(total - 40 * factors.values[strata]).max() < 1 + 1e-9
    error = np.bincount(strata, total) - 40 * factors.values * plan.counts
    assert np.abs(error / np.sqrt(plan.counts)).max() < 0.5 * 4.5  # 40 passes rounded anew: up to sqrt(40) times that


def test_rounding_up_is_random_over_places_and_seeds():
    n = 60_000
    plan = Plan.build(Census.from_counts({"a": n}), rates="proportional", weights="natural")
    factors = RepeatFactors.of({("a", None): 0.3})
    zero = np.zeros(n, np.int64)
    first, second = (passes_of(plan, zero, factors, 1, seed=seed)[0] for seed in (0, 1))
    for given in (first, second):
        assert stats.chisquare(given.reshape(60, -1).sum(axis=1)).statistic / 0.7 < stats.chi2.isf(SMALLEST_P, 59)
        for lag in (1, 2, 3, 4, 8):
            table = np.bincount(given[:-lag] * 2 + given[lag:], minlength=4).reshape(2, 2)
            assert stats.chi2_contingency(table).pvalue > SMALLEST_P
    assert stats.chi2_contingency(np.bincount(first * 2 + second, minlength=4).reshape(2, 2)).pvalue > SMALLEST_P


def test_ranks_of_a_mixture_see_both_tasks():
    plan = Plan.build(Census.from_counts({"a": 500, "b": 500}), rates="proportional", weights="natural")
    mixture = iter(Mixture({"a": ["a"], "b": ["b"]}, plan))
    drawn = np.array([next(mixture) == "a" for _ in range(4096)])
    for world_size in (2, 3, 8):
        for rank in range(world_size):
            assert abs(drawn[rank::world_size].mean() - 0.5) < 0.5 * 4.5 / np.sqrt(4096 / world_size)


def test_the_buffer_gives_away_any_of_its_places():
    size, n = 16, 160_000
    given = np.array(list(ShuffleBuffer(range(n), size, seed=2)))
    steps = np.arange(n) - np.maximum(given - size + 1, 0)  # that an example stayed after it came in
    inside = steps[1000 : n - size]
    # A place is given away with the chance 1/size at each step: geometric.
    edges = [0, 4, 8, 12, 16, 24, 32, 48, 64, 10_000]
    expected = np.diff(1 - (1 - 1 / size) ** np.array(edges)) * len(inside)
    observed, _ = np.histogram(inside, edges)
    assert np.abs(observed - expected).max() < 4.5 * np.sqrt(expected.max())
    assert np.abs((observed - expected) / np.sqrt(expected)).max() < 5
