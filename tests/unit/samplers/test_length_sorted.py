import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import imbalanced

from equipoise import LengthSorted, PlanSampler, Shard
from equipoise.errors import ConfigError
from equipoise.samplers.windows import order_in_pools


def make(draws_per_epoch=4096, window=64, global_batch=32, seed=0):
    plan, index = imbalanced()
    sampler = PlanSampler(plan, index, seed, draws_per_epoch)
    lengths = np.random.default_rng(1).lognormal(3, 1, len(index)).astype(int) + 1
    return LengthSorted(sampler, lengths, global_batch, window), sampler, lengths


def padding(rows, lengths, batch=32):
    batches = lengths[np.array(rows)].reshape(-1, batch)
    return 1 - batches.sum() / (batches.max(axis=1) * batch).sum()


def test_a_window_holds_the_draws_of_the_plan():
    ordered, sampler, _ = make()
    plain = np.array(list(sampler)).reshape(2, -1)
    sampler.set_epoch(0)
    arranged = np.array(list(ordered)).reshape(2, -1)
    assert not np.array_equal(arranged, plain)
    assert np.array_equal(np.sort(arranged), np.sort(plain))


def test_batches_waste_little_padding():
    ordered, sampler, lengths = make()
    plain = list(sampler)
    sampler.set_epoch(0)
    assert padding(plain, lengths) > 0.6
    assert padding(list(ordered), lengths) < 0.2


def test_batches_of_a_window_do_not_come_by_length():
    ordered, _, lengths = make(draws_per_epoch=32 * 64, window=64)
    longest = lengths[np.array(list(ordered))].reshape(-1, 32).max(axis=1)
    assert abs(np.corrcoef(np.arange(64), longest)[0, 1]) < 0.4


def test_windows_are_shuffled_differently():
    ordered, _, lengths = make(draws_per_epoch=32 * 64, window=16)
    longest = lengths[np.array(list(ordered))].reshape(4, 16, 32).max(axis=2)
    places = np.argsort(longest, axis=1)
    assert len({tuple(row) for row in places.tolist()}) == 4


def test_what_is_over_at_the_epochs_end_stays_at_the_end():
    ordered, sampler, _ = make(draws_per_epoch=1000, window=4)
    rows = list(ordered)
    sampler.set_epoch(0)
    assert sorted(rows) == sorted(sampler)
    whole = 1000 - 1000 % 32
    assert len(rows[whole:]) == 8


@pytest.mark.parametrize("lengths", [np.ones(5, dtype=int), np.ones(1096), np.ones((1096, 1), dtype=int)])
def test_lengths_must_fit_the_rows(lengths):
    with raises(ConfigError, "bad-lengths", "one integer for each of the 1096 rows"):
        LengthSorted(PlanSampler(*imbalanced()), lengths, 8)


@pytest.mark.parametrize(("global_batch", "window"), [(0, 4), (9, 4), (8, 0)])
def test_batch_must_split_over_the_ranks(global_batch, window):
    sampler = PlanSampler(*imbalanced(), shard=Shard(1, 2))
    with raises(ConfigError, "not-a-multiple", "multiple of the 2 ranks"):
        LengthSorted(sampler, np.ones(1096, dtype=int), global_batch, window)


def test_another_plan_may_take_over_inside_a_window():
    plan, index = imbalanced()
    other = PlanSampler(plan, index, seed=1, draws_per_epoch=128)
    lengths = np.arange(len(index)) % 50
    state = LengthSorted(other, lengths, 8, window=4).state_dict()
    state["sampler"]["position"] = 40
    mine = LengthSorted(PlanSampler(plan, index, seed=2, draws_per_epoch=128), lengths, 8, window=4)
    mine.load_state_dict(state, accept_changes=True)
    rows = list(mine)
    assert sorted(rows) == sorted(mine.sampler.rows_at(np.arange(40, 128)).tolist())
    assert len(rows) == 88


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("pools", [1, 50, 1000])
def test_order_in_pools_is_that_of_two_stable_sorts(dtype, pools):
    """Also where pool and length fit 16 bits just so, and where they do not."""
    rng = np.random.default_rng(pools)
    of, sizes = rng.integers(0, pools, 4000), np.iinfo(dtype)
    below, above = max(int(sizes.min), -(1 << 15)), int(sizes.max)
    for low, high in ((1, 65), (below, min(above, (1 << 15) - 1)), (1, min(above, 70_000))):
        lengths = rng.integers(low, high, 4000, endpoint=True).astype(dtype)
        assert np.array_equal(order_in_pools(of, lengths), np.lexsort((lengths, of)))
