"""Equipoise's own samplers keep every promise of `check_sampler`; torch's break those that the page names."""

import numpy as np
import pytest
import torch
from tests.support import broken_samplers as broken
from tests.support.plans import codes_of, imbalanced
from tests.support.schedules import OTHER
from torch.utils.data import BatchSampler, DistributedSampler, RandomSampler, WeightedRandomSampler

from equipoise import LengthSorted, OneTask, PlanSampler, Quota, Schedule, Shard, TokenBatches, WeightedSampler
from equipoise.testing import check_sampler

PLAN, INDEX = imbalanced()
LENGTHS = np.random.default_rng(0).integers(1, 100, len(INDEX))
SHARES = INDEX.spread(PLAN.probabilities / PLAN.counts)
UNLIKE = np.random.default_rng(1).uniform(1, 1.7, 5000)  # more distinct weights than are made classes
D = 600  # draws of an epoch: a multiple of the windows, no multiple of the block


SCHEDULE = Schedule([(0, PLAN), (D + 80, OTHER), (3 * D, PLAN), (4 * D + 320, OTHER)])


def plain(seed, rank, world_size, *, plan=PLAN, **options):
    return PlanSampler(plan, INDEX, seed, D, Shard(rank, world_size), **options)


def independent(seed, rank, world_size):
    return plain(seed, rank, world_size, replacement=True)


def sorted_by_length(seed, rank, world_size):
    return LengthSorted(plain(seed, rank, world_size), LENGTHS, global_batch=8, window=15)


def quota(seed, rank, world_size):
    return plain(seed, rank, world_size, batches=Quota(8))


def one_task(seed, rank, world_size):
    return plain(seed, rank, world_size, batches=OneTask(8))


def token_batches(seed, rank, world_size):
    return TokenBatches(plain(seed, rank, world_size), LENGTHS, tokens=400, batches_per_step=4, window=120)


def by_classes(seed, rank, world_size):
    return WeightedSampler(SHARES, D, seed=seed, shard=Shard(rank, world_size))


def by_alias_table(seed, rank, world_size):
    return WeightedSampler(UNLIKE, D, seed=seed, shard=Shard(rank, world_size))


def systematic(seed, rank, world_size):
    return WeightedSampler(UNLIKE, D, False, seed, Shard(rank, world_size))


def in_batches(seed, rank, world_size):
    return StatefulBatches(plain(seed, rank, world_size), 24 // world_size)


class StatefulBatches(BatchSampler):
    """Batches of a sampler, with the methods of the sampler."""

    def __init__(self, sampler, batch_size):
        super().__init__(sampler, batch_size, drop_last=False)
        self.set_epoch, self.state_dict = sampler.set_epoch, sampler.state_dict
        self.load_state_dict = sampler.load_state_dict


# Factory, and what it promises beside the shares.
OWN = [
    (plain, {"covers": True}),
    (independent, {}),
    (sorted_by_length, {"covers": 120}),
    (quota, {"covers": True}),
    (one_task, {"covers": True, "together": 8}),
    (token_batches, {"covers": 120}),
    (in_batches, {"covers": True}),
]


@pytest.mark.parametrize(("factory", "weights"), [(by_classes, SHARES), (by_alias_table, UNLIKE), (systematic, UNLIKE)])
def test_weighted_samplers_keep_every_promise_but_coverage(factory, weights):
    report = check_sampler(factory, expected=weights / weights.sum())
    assert set(report.skipped) == {"zero-share", "coverage"}
    assert report.failed == []


@pytest.mark.slow
@pytest.mark.parametrize(("factory", "promises"), OWN, ids=lambda value: getattr(value, "__name__", ""))
def test_own_samplers_keep_every_promise(factory, promises):
    report = check_sampler(factory, expected=SHARES, groups=codes_of(INDEX), **promises)
    not_promised = set() if promises else {"coverage"}
    assert set(report.skipped) == {"zero-share"} | not_promised
    assert report.failed == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("factory", "promises"),
    [(quota, {"covers": True}), (token_batches, {"covers": 120})],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_own_samplers_of_a_schedule_keep_every_promise(factory, promises, monkeypatch):
    monkeypatch.setitem(plain.__kwdefaults__, "plan", SCHEDULE)
    draws = 7 * D
    shares = INDEX.spread(SCHEDULE.average(draws).probabilities / PLAN.counts)
    report = check_sampler(
        factory, expected=shares, groups=codes_of(INDEX), draws=draws, world_sizes=(2,), on_fail="report", **promises
    )
    # The epochs of a schedule have different numbers of batches of tokens: `len` is that of the next one.
    assert report.failed == (["sharding-length"] if factory is token_batches else [])


def seeded(seed):
    return torch.Generator().manual_seed(seed)


# Torch's own, used as their documentation shows: what each breaks.
PEERS = {
    "RandomSampler": (lambda seed, rank, world_size: RandomSampler(range(64)), (), {"determinism", "global-state"}),
    "WeightedRandomSampler": (
        lambda seed, rank, world_size: WeightedRandomSampler(broken.EXPECTED, 80, generator=seeded(seed)),
        (),
        {"coverage"},
    ),
    "WeightedRandomSampler on ranks": (
        lambda seed, rank, world_size: WeightedRandomSampler(broken.EXPECTED, 80 // world_size, generator=seeded(seed)),
        (2, 4),
        {"coverage", "sharding-union"},
    ),
    "DistributedSampler": (
        lambda seed, rank, world_size: DistributedSampler(range(64), world_size, rank, seed=seed),
        (2, 4),
        {"no-repeat", "seed-epoch"},
    ),
}


@pytest.mark.parametrize(("factory", "world_sizes", "expected"), PEERS.values(), ids=PEERS.keys())
def test_torch_samplers(factory, world_sizes, expected):
    weighted = "coverage" in expected
    report = check_sampler(
        factory,
        expected=broken.EXPECTED if weighted else None,
        n_examples=64,
        covers=True,
        world_sizes=world_sizes,
        on_fail="report",
    )
    assert set(report.failed) == expected


def test_zero_weights_of_a_weighted_sampler_without_replacement():
    """With fewer positive weights than draws it yields rows of weight 0; pytorch#48841."""
    report = check_sampler(
        lambda seed, rank, world_size: WeightedRandomSampler(broken.EXPECTED, 62, False, generator=seeded(seed)),
        expected=broken.EXPECTED,
        world_sizes=(),
        on_fail="report",
    )
    assert report.failed == ["zero-share", "shares"]
