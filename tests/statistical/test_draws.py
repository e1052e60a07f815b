"""Draws look random where they should: chi-square tests with fixed seeds, so that they are not flaky."""

import numpy as np
import pytest
from scipy import stats
from tests.support.plans import codes_of, imbalanced

from equipoise import Census, Plan, StratumIndex, draw_strata, draws
from equipoise.drawing.independent import IndependentStream
from equipoise.drawing.permutation import Permutations
from equipoise.drawing.stream import Stream

pytestmark = pytest.mark.statistical
SMALLEST_P = 1e-4  # a true null falls below it once in ten thousand tests


def uniform(counts, expected=None):
    """p-value of counts under the expected ones, a uniform distribution unless given."""
    return stats.chisquare(np.ravel(counts), None if expected is None else np.ravel(expected)).pvalue


@pytest.fixture(scope="module")
def blocks():
    """Strata of 600 blocks of the imbalanced plan."""
    plan, index = imbalanced()
    return plan, codes_of(index)[draws(plan, index, 0, 0, 600 * plan.block)].reshape(600, plan.block)


def test_every_position_in_a_block_is_like_any_other(blocks):
    plan, strata = blocks
    for stratum in range(len(plan.strata)):
        at = (strata == stratum).reshape(600, 64, -1).sum(axis=(0, 2))
        # Within a block the count is fixed, so the spread is smaller than multinomial by 1 - share.
        statistic = ((at - at.mean()) ** 2 / at.mean()).sum() / (1 - at.sum() / strata.size)
        assert SMALLEST_P < stats.chi2.sf(statistic, 63) < 1 - SMALLEST_P


def test_counts_spread_in_the_middle_of_a_block_as_the_page_says_and_no_further_later():
    """docs/how-drawing-works.md: half of the root of B p (1 - p), 2.3 draws for 1 % of 2,048."""
    plan = Plan.build(Census.from_counts({"a": {"common": 99, "rare": 1}}), weights="natural")
    assert plan.block == 2048
    for first in (0, 10**15 // 2048):
        stream = draw_strata(plan, seed=1, first=first * 2048, last=(first + 1500) * 2048).reshape(1500, 2048)
        begun = (stream == 1).sum(axis=1).cumsum() - (stream == 1).sum(axis=1)
        half = begun + (stream[:, :1024] == 1).sum(axis=1)
        error = half - (np.arange(1500) * 2048 + 1024) * 0.01
        assert (error - error.mean()).std() == pytest.approx(0.5 * np.sqrt(2048 * 0.01 * 0.99), rel=0.1)


def test_neighbours_are_independent(blocks):
    plan, strata = blocks
    n = len(plan.strata)
    for lag in (1, 2, 3, 8):
        pairs = np.bincount((strata[:, :-lag] * n + strata[:, lag:]).ravel(), minlength=n * n).reshape(n, n)
        assert stats.chi2_contingency(pairs).pvalue > SMALLEST_P, lag


@pytest.mark.parametrize("world_size", [2, 3, 8, 64])
def test_ranks_see_the_same_distribution(blocks, world_size):
    plan, strata = blocks
    flat = strata.ravel()[: strata.size - strata.size % world_size]
    by_rank = [np.bincount(flat[rank::world_size], minlength=len(plan.strata)) for rank in range(world_size)]
    assert stats.chi2_contingency(np.array(by_rank)).pvalue > SMALLEST_P


def test_striding_an_even_mix_gives_each_rank_both_tasks():
    """A deterministic mix 0, 1, 0, 1 would give rank 0 one task and rank 1 the other."""
    plan = Plan.build(Census.from_counts({"a": 500, "b": 500}), rates="proportional", weights="natural")
    strata, _ = Stream(plan, 0).at(np.arange(4096))
    for rank in range(2):
        assert 0.45 < strata[rank::2].mean() < 0.55


def test_blocks_do_not_repeat_each_others_order(blocks):
    _, strata = blocks
    agreement = np.array([(strata[i] == strata[i + 1]).mean() for i in range(599)])
    shares = np.bincount(strata.ravel()) / strata.size
    assert abs(agreement.mean() - (shares**2).sum()) < 0.003


def test_order_of_examples_is_new_in_each_pass_and_stratum():
    plan = Plan.build(Census.from_counts({"a": {"x": 64, "y": 64}}), rates="proportional", weights="natural")
    strata, places = Stream(plan, 0).at(np.arange(2 * 64 * 2000))
    first = places[strata == 0].reshape(2000, 64)
    second = places[strata == 1].reshape(2000, 64)
    cells = np.zeros((64, 64))
    np.add.at(cells, (np.tile(np.arange(64), 2000), first.ravel()), 1)
    # Rows and columns of a sum of permutation matrices are fixed: 63 * 63 degrees of freedom, spread 64/63.
    statistic = ((cells - cells.mean()) ** 2 / cells.mean()).sum() * 63 / 64
    assert SMALLEST_P < stats.chi2.sf(statistic, 63 * 63) < 1 - SMALLEST_P
    assert abs((first == second).mean() - 1 / 64) < 0.002
    assert abs((first[:-1] == first[1:]).mean() - 1 / 64) < 0.002


def test_streams_of_neighbouring_seeds_are_independent():
    plan = Plan.build(Census.from_counts({"a": 256}), rates="proportional", weights="natural")
    orders = np.array([Stream(plan, seed).at(np.arange(256))[1] for seed in range(2000)])
    pairs = np.bincount(((orders[:-1, :8] // 16) * 16 + orders[1:, :8] // 16).ravel(), minlength=256)
    assert uniform(pairs) > SMALLEST_P


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_small_permutations_are_all_about_equally_likely(size):
    """The rare class has a handful of examples; eight rounds leave each of its orders within a tenth or so of even."""
    n = 60_000
    orders = Permutations.of(np.arange(n, dtype=np.uint64), np.full(n, size))
    images = np.array([orders.apply(np.arange(n), np.full(n, place, dtype=np.uint32)) for place in range(size)])
    _, counts = np.unique(np.power(size, np.arange(size)) @ images, return_counts=True)
    orders_possible = int(np.prod(np.arange(1, size + 1)))
    assert len(counts) == orders_possible
    expected = n / orders_possible
    # Sampling alone spreads the relative counts by 1 / sqrt(expected).
    assert np.abs(counts / expected - 1).max() < 0.1 + 4.5 / np.sqrt(expected)


@pytest.mark.parametrize("size", [7, 16, 33, 100, 1000])
def test_neighbouring_places_go_to_unrelated_images(size):
    n = 40_000 if size < 200 else 4000
    orders = Permutations.of(np.arange(n, dtype=np.uint64), np.full(n, size))
    images = np.array(
        [orders.apply(np.arange(n), np.full(n, place, dtype=np.uint32)).astype(int) for place in range(min(size, 40))]
    )
    differences = np.bincount(((images[1:] - images[:-1]) % size).ravel(), minlength=size)[1:]
    assert uniform(differences) > SMALLEST_P
    assert uniform(np.bincount(images[0] * 7 // size, minlength=7), np.bincount(np.arange(size) * 7 // size) * n / size)


def test_independent_draws_have_the_planned_shares():
    plan, _ = imbalanced()
    strata, places = IndependentStream(plan.stages, 0).at(np.arange(400_000))
    assert uniform(np.bincount(strata, minlength=6), plan.probabilities * 400_000) > SMALLEST_P
    for stratum, size in enumerate(plan.counts):
        if size > 1:
            assert uniform(np.bincount(places[strata == stratum], minlength=size)) > SMALLEST_P
    assert stats.chi2_contingency(
        np.bincount(strata[:-1] * 6 + strata[1:], minlength=36).reshape(6, 6)
    ).pvalue > SMALLEST_P  # fmt: skip


def test_independent_draws_choose_rare_strata_without_rounding():
    """A float32 multinomial over 2**24 rows never draws from the upper part; integers do."""
    plan = Plan.build(Census.from_counts({"a": {"common": 2**24, "rare": 1}}), rates="proportional", weights="natural")
    assert plan.masses[1] == round(2**60 / (2**24 + 1))
    big = Plan.build(
        Census.from_counts({"a": {f"{i:02d}": 2**20 for i in range(30)}}), rates="proportional", weights="natural"
    )
    strata, _ = IndependentStream(big.stages, 1).at(np.arange(300_000))
    assert uniform(np.bincount(strata, minlength=30)) > SMALLEST_P


def test_an_index_from_a_table_draws_each_row_equally_within_its_stratum():
    plan, index = imbalanced()
    rows = draws(plan, index, 0, 0, 400 * plan.block)
    seen = np.bincount(rows, minlength=len(index))
    codes = codes_of(index)
    for stratum in range(len(plan.strata)):
        of = seen[codes == stratum]
        assert of.max() - of.min() <= 1


def test_index_by_sizes_and_by_codes_draw_alike():
    plan, _ = imbalanced()
    codes = np.repeat(np.arange(6), plan.counts)
    one = draws(plan, StratumIndex.from_codes(codes), 3, 0, 9999)
    assert np.array_equal(one, draws(plan, StratumIndex.from_sizes(plan), 3, 0, 9999))
