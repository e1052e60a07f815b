import subprocess
import sys

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import codes_of, imbalanced

from equipoise import Census, Plan, StratumIndex, draws, rates
from equipoise.drawing.independent import IndependentStream
from equipoise.drawing.stream import Stream
from equipoise.errors import PlanError


def test_quotas_are_within_one_draw_at_every_block_end():
    plan, index = imbalanced()
    drawn = codes_of(index)[draws(plan, index, 3, 0, 40 * plan.block)].reshape(40, plan.block)
    counts = np.array([np.bincount(block, minlength=len(plan.strata)) for block in drawn]).cumsum(axis=0)
    exact = np.arange(1, 41)[:, None] * plan.block * plan.probabilities
    assert np.abs(counts - exact).max() < 1


@pytest.mark.parametrize("block", [1, 3, 16, 24, 64, 100])
def test_a_small_block_gives_every_batch_its_share(block):
    plan, _ = imbalanced()
    stream = Stream(plan, 3, block=block)
    drawn = stream.at(np.arange(300 * block))[0].reshape(300, block)
    counts = np.array([np.bincount(batch, minlength=len(plan.strata)) for batch in drawn]).cumsum(axis=0)
    exact = np.arange(1, 301)[:, None] * block * plan.probabilities
    assert np.abs(counts - exact).max() < 1.1
    assert np.array_equal(Stream(plan, 3, block=block).at(np.arange(70, 90))[0], drawn.ravel()[70:90])


def test_nothing_repeats_in_a_stratum_before_all_of_it_was_seen():
    plan, index = imbalanced()
    rows = draws(plan, index, 0, 0, 60_000)
    codes = codes_of(index)[rows]
    for stratum, size in enumerate(plan.counts):
        passes = rows[codes == stratum]
        whole = passes[: len(passes) - len(passes) % size].reshape(-1, size)
        assert len(whole) >= 10
        assert (np.sort(whole, axis=1) == np.sort(whole[0])).all()
        assert len(np.unique(whole[0])) == size
        if size > 10:
            assert len(np.unique(whole, axis=0)) == len(whole), "each pass has an order of its own"


@pytest.mark.parametrize(
    ("first", "last"), [(0, 1), (0, 0), (2047, 2049), (4096, 6144), (100_001, 100_500), (7, 99_999)]
)
def test_any_stretch_equals_the_uninterrupted_stream(first, last):
    plan, index = imbalanced()
    whole = draws(plan, index, 11, 0, 101_000)
    assert np.array_equal(draws(plan, index, 11, first, last), whole[first:last])


def test_far_positions_need_no_walk():
    plan, index = imbalanced()
    far = 2**58 + 12_345
    rows = draws(plan, index, 0, far, far + 5000)
    assert np.array_equal(draws(plan, index, 0, far + 4990, far + 5000), rows[-10:])
    shares = np.bincount(codes_of(index)[rows], minlength=6) / 5000
    assert np.abs(shares - plan.probabilities).max() < 0.02


def test_scattered_positions_are_those_of_the_stream():
    plan, _ = imbalanced()
    stream = Stream(plan, 4)
    positions = np.array([0, 5, 2047, 2048, 70_000, 70_001, 200_000, 1_000_000_007])
    strata, places = stream.at(positions)
    for position, stratum, place in zip(positions, strata, places, strict=True):
        assert [part.tolist() for part in Stream(plan, 4).at(np.array([position]))] == [[stratum], [place]]


def test_used_counts_the_draws_of_each_stratum():
    plan, _ = imbalanced()
    stream = Stream(plan, 9)
    strata, _ = stream.at(np.arange(10_000))
    for position in (0, 1, 2047, 2048, 9_999):
        assert np.array_equal(stream.used(position), np.bincount(strata[:position], minlength=6))


@pytest.mark.parametrize("make", [Stream, lambda plan, seed: IndependentStream(plan.stages, seed)])
def test_seeds_give_unrelated_streams(make):
    plan, _ = imbalanced()
    drawn = {}
    for seed in (0, 1, 2, -1, 2**64, 2**64 + 1, 10**30):
        strata, places = make(plan, seed).at(np.arange(4096))
        drawn[seed] = strata * 1000 + places
    seeds = list(drawn)
    for i, one in enumerate(seeds):
        for other in seeds[i + 1 :]:
            same = (drawn[one] == drawn[other]).mean()
            assert same < 0.1, (one, other)  # single-row strata make some agreement


def test_shifted_seeds_and_blocks_do_not_collide():
    """Seed s, block b + 1 is not seed s + 1, block b (as seed + epoch would have it)."""
    plan, index = imbalanced()
    block = plan.block
    assert not np.array_equal(draws(plan, index, 0, block, 2 * block), draws(plan, index, 1, 0, block))


def test_a_stratum_keeps_its_order_when_another_is_added():
    one = Plan.build(Census.from_counts({"t": {"b": 40}}), rates="proportional", weights="natural")
    two = Plan.build(Census.from_counts({"t": {"a": 10, "b": 40}}), rates="proportional", weights="natural")
    _, alone = Stream(one, 0).at(np.arange(1000))
    strata, places = Stream(two, 0).at(np.arange(1250))
    assert np.array_equal(places[strata == 1][:900], alone[:900])


def test_strata_without_mass_are_never_drawn():
    plan = Plan.build(
        Census.from_counts({"a": {"x": 5, "y": 0}, "b": 7}), weights="natural", rates=rates.Fixed({"a": 1.0, "b": 0.0})
    )
    index = StratumIndex.from_sizes(plan)
    assert draws(plan, index, 0, 0, 5000).max() == 4
    strata, places = IndependentStream(plan.stages, 0).at(np.arange(5000))
    assert set(strata.tolist()) == {0}
    assert set(places.tolist()) == {0, 1, 2, 3, 4}


def test_stream_is_the_same_in_a_new_process():
    plan, index = imbalanced()
    code = (
        "from tests.support.plans import imbalanced; from equipoise import draws; p, i = imbalanced();"
        "print(draws(p, i, 7, 50_000, 50_020).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(draws(plan, index, 7, 50_000, 50_020).tolist())


def test_global_random_state_is_neither_used_nor_changed():
    plan, index = imbalanced()
    np.random.seed(0)  # noqa: NPY002 - the global state is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one = draws(plan, index, 0, 0, 3000)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(draws(plan, index, 0, 0, 3000), one)


def test_golden_values():
    """The stream is a promise: a checkpoint of one version resumes on the next."""
    plan, index = imbalanced()
    assert draws(plan, index, 0, 0, 12).tolist() == GOLDEN
    strata, places = IndependentStream(plan.stages, 0).at(np.arange(6))
    assert [strata.tolist(), places.tolist()] == GOLDEN_INDEPENDENT


GOLDEN = [406, 531, 606, 655, 527, 1062, 93, 531, 676, 555, 606, 248]
GOLDEN_INDEPENDENT = [[2, 4, 2, 0, 4, 2], [67, 2, 56, 609, 0, 1]]


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (5, 4), (0, 2**59 + 1)])
def test_stretch_outside_the_stream(first, last):
    plan, index = imbalanced()
    with raises(PlanError, "outside-the-stream", "0 <= first <= last <= 2**59"):
        draws(plan, index, 0, first, last)


def test_index_of_other_data():
    plan, _ = imbalanced()
    with raises(PlanError, "other-counts"):
        draws(plan, StratumIndex.from_sizes(plan.counts + 1), 0, 0, 1)


def test_stratum_beyond_32_bits_is_refused():
    with raises(PlanError, "too-many-rows", "at most 2**32 rows, found 4294967297"):
        Stream(Plan.build(Census.from_counts({"a": 2**32 + 1}), rates="proportional", weights="natural"), 0)
