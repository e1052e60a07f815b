"""Draws by weight have the probabilities promised: chi-square tests with fixed seeds, so that they are not flaky."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import stats
from tests.support.alias import masses_of
from torch.utils.data import WeightedRandomSampler

from equipoise.base.masses import WHOLE
from equipoise.samplers import WeightedSampler
from equipoise.samplers.by_weight.alias import AliasStream, AliasTable
from equipoise.samplers.by_weight.classes import ClassStream, distinct_values
from equipoise.samplers.by_weight.masses import row_masses

pytestmark = pytest.mark.statistical
SMALLEST_P = 1e-4  # a true null falls below it once in ten thousand tests
HEAVY = [8.0, 1.0, 1.0, 1.0, 1.0]
MIXED = np.array([0.1, 3.0, 0.0, 1e-3, 0.7, 1.0, 5.0, 0.05, 0.0, 2.0])

STREAMS = {
    "classes": lambda weights, seed: ClassStream(weights, distinct_values(weights), seed),
    "table": AliasStream,
}
each_stream = pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS.keys())


def p_value(counts, weights):
    """p-value of counts of rows under their weights; rows of weight 0 must not occur."""
    counts, weights = np.asarray(counts), np.asarray(weights)
    assert (counts[weights == 0] == 0).all()
    some = weights > 0
    return stats.chisquare(counts[some], counts.sum() * weights[some] / weights.sum()).pvalue


@each_stream
@pytest.mark.parametrize("seed", range(5))
def test_rows_come_in_proportion_to_their_weights(make, seed):
    rows = make(MIXED, seed).rows(np.arange(400_000))
    assert p_value(np.bincount(rows, minlength=10), MIXED) > SMALLEST_P


@each_stream
def test_rows_of_equal_weight_come_alike(make):
    weights = np.repeat([1.0, 2.0, 0.0, 4.0], 500)
    rows = make(weights, 3).rows(np.arange(1_000_000))
    assert SMALLEST_P < p_value(np.bincount(rows, minlength=2000), weights) < 1 - SMALLEST_P


def test_thousands_of_different_weights():
    weights = np.random.default_rng(0).lognormal(0, 1, 20_000)
    sampler = WeightedSampler(weights, 1_000_000, seed=5)
    assert isinstance(sampler._stream, AliasStream)
    by_weight = np.argsort(weights)
    counts = np.bincount(list(sampler), minlength=len(weights))[by_weight]
    # 500 groups of 40 neighbours in weight: enough expected in each
    assert p_value(counts.reshape(500, 40).sum(axis=1), weights[by_weight].reshape(500, 40).sum(axis=1)) > SMALLEST_P


@each_stream
def test_neighbours_are_independent(make):
    rows = make(np.array(HEAVY), 1).rows(np.arange(400_000))
    for lag in (1, 2, 3, 4, 8):
        pairs = np.bincount(rows[:-lag] * 5 + rows[lag:], minlength=25).reshape(5, 5)
        assert stats.chi2_contingency(pairs).pvalue > SMALLEST_P, lag


@pytest.mark.parametrize("replacement", [True, False])
def test_ranks_see_the_same_distribution(replacement):
    weights = np.repeat([4.0, 1.0, 2.0], 40)
    sampler = WeightedSampler(weights, 64, replacement)
    groups = sampler.rows(0, 64 * 1500) // 40
    for world_size in (2, 4, 8, 64):
        counts = [np.bincount(groups[rank::world_size], minlength=3) for rank in range(world_size)]
        assert stats.chi2_contingency(np.array(counts)).pvalue > SMALLEST_P


def test_seeds_are_independent():
    rows = [AliasStream(np.array(HEAVY), seed).rows(np.arange(100_000)) for seed in (0, 1)]
    pairs = np.bincount(rows[0] * 5 + rows[1], minlength=25).reshape(5, 5)
    assert stats.chi2_contingency(pairs).pvalue > SMALLEST_P


@pytest.mark.parametrize("weights", [HEAVY, MIXED.tolist()])
def test_the_same_shares_as_torch_with_replacement(weights):
    generator = torch.Generator().manual_seed(0)
    theirs = np.bincount(list(WeightedRandomSampler(weights, 200_000, generator=generator)), minlength=len(weights))
    ours = np.bincount(list(WeightedSampler(weights, 200_000, seed=0)), minlength=len(weights))
    some = np.array(weights) > 0
    assert theirs[~some].sum() == ours[~some].sum() == 0
    assert stats.chi2_contingency(np.stack([theirs[some], ours[some]])).pvalue > SMALLEST_P


def epochs_of(weights, num_samples, n_epochs, seed=0):
    sampler = WeightedSampler(weights, num_samples, replacement=False, seed=seed)
    return sampler.rows(0, n_epochs * num_samples).reshape(n_epochs, num_samples)


def inclusion_z(drawn, weights):
    """How far the number of epochs that hold each row is from n * weight / sum, in standard deviations."""
    n_epochs, num_samples = drawn.shape
    wanted = num_samples * np.asarray(weights) / np.sum(weights)
    held = np.bincount(drawn.ravel(), minlength=len(wanted))
    sure = np.isclose(wanted, 0) | np.isclose(wanted, 1)
    assert np.array_equal(held[sure], (n_epochs * wanted[sure]).round())
    return (held - n_epochs * wanted)[~sure] / np.sqrt(n_epochs * wanted * (1 - wanted))[~sure]


@pytest.mark.parametrize(
    ("weights", "num_samples"),
    [
        (HEAVY, 1),
        ([1.0, 2.0, 3.0, 4.0, 0.0, 2.0], 3),
        ([1.0] * 7, 3),
        (np.arange(1.0, 31), 15),
        (MIXED, 2),
        ([2.0, 1.0, 1.0, 0.5, 0.5, 1.0], 3),
    ],
)
def test_inclusion_without_replacement_is_in_proportion_to_weight(weights, num_samples):
    drawn = epochs_of(weights, num_samples, 4000)
    assert all(len(set(epoch)) == num_samples for epoch in drawn.tolist())
    assert np.abs(inclusion_z(drawn, weights)).max() < 4


def test_a_heavy_row_takes_its_share_which_it_does_not_in_torch():
    ours = epochs_of(HEAVY, 1, 4000)
    assert abs((ours == 0).mean() - 2 / 3) < 0.02
    generator = torch.Generator().manual_seed(0)
    sampler = WeightedRandomSampler(HEAVY, 2, replacement=False, generator=generator)
    theirs = np.array([list(sampler) for _ in range(3000)])
    assert abs((theirs == 0).mean() - 5 / 11) < 0.02


def test_equal_weights_give_every_subset_alike_often():
    drawn = epochs_of([1.0] * 6, 3, 8000)
    subsets = list(combinations(range(6), 3))
    number = {subset: i for i, subset in enumerate(subsets)}
    counts = np.bincount([number[tuple(sorted(epoch))] for epoch in drawn.tolist()], minlength=len(subsets))
    assert stats.chisquare(counts).pvalue > SMALLEST_P


def test_any_two_rows_come_together_sometimes():
    """Along a fixed line neighbours would exclude each other for ever."""
    weights = np.array([4.0, 1, 1, 1, 1, 2, 2, 4])
    drawn = epochs_of(weights, 3, 8000)
    inclusion = 3 * weights / weights.sum()
    for one, other in combinations(range(8), 2):
        together = ((drawn == one).any(axis=1) & (drawn == other).any(axis=1)).mean()
        assert 0.2 < together / (inclusion[one] * inclusion[other]) < 1.5, (one, other)


def test_every_row_comes_at_every_place_of_an_epoch():
    drawn = epochs_of([3.0, 1, 1, 1, 1, 2, 2, 1], 4, 8000)
    places = np.array([np.bincount(drawn[:, place], minlength=8) for place in range(4)])
    assert stats.chi2_contingency(places).pvalue > SMALLEST_P


def test_epochs_are_independent():
    drawn = epochs_of([1.0] * 5, 2, 8000)
    held = np.array([[row in epoch for row in range(5)] for epoch in drawn.tolist()], dtype=int)
    for row in range(5):
        pairs = np.bincount(held[:-1, row] * 2 + held[1:, row], minlength=4).reshape(2, 2)
        assert stats.chi2_contingency(pairs).pvalue > SMALLEST_P


LARGE = 1 << 24  # torch's multinomial ends here


@pytest.mark.slow
@pytest.mark.parametrize("replacement", [True, False])
def test_more_rows_than_2_to_the_24(replacement):
    weights = np.ones(LARGE + 10)
    weights[-10:] = 1e4
    weights[:5] = 0
    sampler = WeightedSampler(weights, 1600, replacement)
    rows = np.array([row for _ in range(2) for row in sampler])
    assert (weights[rows] > 0).all()
    expected = 3200 * 1e5 / weights.sum()
    assert abs((rows >= LARGE).sum() - expected) < 4 * np.sqrt(expected)
    below = rows[rows < LARGE]
    assert stats.kstest(below / LARGE, "uniform").pvalue > SMALLEST_P
    if not replacement:
        assert all(len(set(epoch)) == 1600 for epoch in rows.reshape(2, 1600).tolist())


@pytest.mark.slow
@each_stream
def test_shares_are_exact_at_2_to_the_24_rows(make):
    """Sums in float32 lose the upper half here."""
    weights = np.ones(LARGE)
    weights[LARGE // 2 :] = 2.0
    rows = make(weights, 0).rows(np.arange(300_000))
    upper = (rows >= LARGE // 2).sum()
    assert abs(upper - 200_000) < 4 * np.sqrt(300_000 * 2 / 9)


@pytest.mark.slow
def test_masses_are_exact_at_2_to_the_24_rows():
    weights = np.random.default_rng(0).random(LARGE + 3)
    masses = row_masses(weights, WHOLE, WHOLE)
    assert int(masses.sum()) == WHOLE
    assert np.abs(masses - np.longdouble(weights) / np.longdouble(weights).sum() * WHOLE).max() < 1.4
    assert np.array_equal(masses_of(AliasTable.of(masses.copy())), masses)
