"""A change of plan at a boundary of global batches."""

import json

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import codes_of, imbalanced

from equipoise import (
    Census,
    LengthSorted,
    Mixed,
    OneTask,
    Plan,
    PlanSampler,
    Quota,
    Shard,
    TokenBatches,
    WeightedSampler,
    rates,
    weights,
)
from equipoise.errors import ConfigError, PlanError, ReadOnlyError

PLAN, INDEX = imbalanced()
CODES = codes_of(INDEX)
CENSUS = Census.from_counts({"large": {"no": 950, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}})
OTHER = Plan.build(CENSUS, rates.Fixed({"large": 0.5, "open": 0.25, "small": 0.25}), weights.Power(0.5))
THIRD = Plan.build(CENSUS, rates.Fixed({"large": 0.2, "open": 0.2, "small": 0.6}), weights="natural")
LENGTHS = np.random.default_rng(0).integers(1, 100, len(INDEX))
D, G = 6000, 10
KINDS = pytest.mark.parametrize("batches", [Mixed(), Quota(G), OneTask(G)], ids=lambda batches: batches.name)


def make(batches=Mixed(), shard=Shard(), plan=PLAN, **options):  # noqa: B008 - frozen
    return PlanSampler(plan, INDEX, 2, D, shard, batches=batches, **options)


def sorted_by_length(**options):
    return LengthSorted(make(**options), LENGTHS, G, window=30)


def token_batches(**options):
    return TokenBatches(make(**options), LENGTHS, tokens=400, batches_per_step=2, window=300)


def take(sampler, draws):
    reading = iter(sampler)
    rows = []
    while len(rows) < draws:
        item = next(reading)
        rows += item if isinstance(item, list) else [item]
    return rows


def flat(sampler):
    return [row for item in sampler for row in (item if isinstance(item, list) else [item])]


def replanned(sampler, at, plans=(OTHER,)):
    """Rows up to `at` by the first plan, then the rest of the epoch and the next one by the other."""
    rows = take(sampler, at)
    for plan in plans:
        sampler.replan(plan, at=at)
    return rows + flat(sampler) + flat(sampler)


def check_passes(rows):
    """No row of a stratum is repeated or left out within any of its passes."""
    strata = CODES[rows]
    for stratum, size in enumerate(PLAN.counts):
        of = np.array(rows)[strata == stratum]
        passes = of[: len(of) - len(of) % size].reshape(-1, size)
        assert len(passes) > 0, PLAN.strata[stratum]
        assert (np.sort(passes, axis=1) == np.sort(passes[0])).all(), PLAN.strata[stratum]
        rest = of[len(of) - len(of) % size :]
        assert len(set(rest.tolist())) == len(rest)


@KINDS
def test_nothing_is_repeated_or_skipped_within_a_pass(batches):
    check_passes(replanned(make(batches), 3210))


@KINDS
def test_shares_are_exact_from_the_change_on(batches):
    strata = CODES[replanned(make(batches), 3210)]
    old, new = strata[:3210], strata[3210:]
    unit = {"mixed": OTHER.block, "quota": G, "one_task": G * 64}[batches.name]
    whole = len(new) - len(new) % unit
    for part, plan, slack in ((old[: 3210 // unit * unit], PLAN, 1.1), (new[:whole], OTHER, 1.1)):
        off = np.bincount(part, minlength=6) - len(part) * plan.probabilities
        # With batches of one task a task is within one batch of its share.
        assert np.abs(off).max() < (slack if batches.name != "one_task" else 2 * G)


@KINDS
def test_the_state_is_that_of_a_sampler_that_accepted_the_change(batches):
    changed = make(batches)
    old = json.dumps(changed.state_dict(position=3210))
    take(changed, 3210)
    changed.replan(OTHER, at=3210)
    accepted = make(batches, plan=OTHER)
    accepted.load_state_dict(json.loads(old), accept_changes=True)
    assert changed.state_dict() == accepted.state_dict()
    assert changed.plan is OTHER
    assert changed.position == changed.origin == 3210
    assert flat(changed) == flat(accepted)


@KINDS
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 5), (5, 1)])
def test_the_stream_after_a_change_is_the_same_on_any_number_of_ranks(batches, before, after):
    whole = replanned(make(batches), 3210)
    ranks = [make(batches, Shard(rank, before)) for rank in range(before)]
    reads = [iter(rank) for rank in ranks]
    rows = [next(read) for _ in range(3210 // before) for read in reads]
    for rank in ranks:
        rank.replan(OTHER, at=3210)
    reads = [iter(rank) for rank in ranks]
    rows += [next(read) for _ in range(100 // before) for read in reads]
    assert rows == whole[:3310]
    states = [json.dumps(rank.state_dict()) for rank in ranks]
    assert len(set(states)) == 1
    resumed = [make(batches, Shard(rank, after), OTHER) for rank in range(after)]
    for rank in resumed:
        rank.load_state_dict(json.loads(states[0]))
    assert [row for step in zip(*resumed, strict=True) for row in step] == whole[3310:D]


@KINDS
def test_a_plan_may_change_more_than_once(batches):
    sampler = make(batches)
    rows = take(sampler, 2000)
    for plan, draws in ((OTHER, 1500), (THIRD, 1200), (PLAN, 800)):
        sampler.replan(plan, at=sampler.position)
        rows += take(sampler, draws)
    check_passes(rows)
    assert sampler.position == 5500


def test_the_same_plan_changes_nothing():
    sampler, whole = make(), flat(make())
    rows = take(sampler, 3210)
    sampler.replan(Plan.from_json(PLAN.to_json()), at=3210)
    assert rows + flat(sampler) == whole


def test_independent_draws_are_those_of_the_other_plan():
    sampler = make(replacement=True)
    take(sampler, 100)
    sampler.replan(OTHER, at=100)
    assert flat(sampler) == flat(make(plan=OTHER, replacement=True))[100:]


def test_a_later_boundary_counts_the_draws_before_it_as_used():
    sampler = make()
    take(sampler, 90)
    sampler.replan(OTHER, at=3210)
    assert flat(sampler) == replanned(make(), 3210)[3210:D]


def test_the_end_of_an_epoch_is_a_boundary():
    sampler = make()
    flat(sampler)
    sampler.replan(OTHER, at=sampler.position)
    assert sampler.epoch == 1
    assert len(flat(sampler)) == D


@pytest.mark.parametrize("build", [sorted_by_length, token_batches])
@pytest.mark.parametrize("options", [{}, {"batches": OneTask(G)}], ids=["mixed", "one_task"])
def test_sorted_draws_change_between_windows(build, options):
    sampler = build(**options)
    rows = take(sampler, 3300)
    assert sampler.position == 3300
    sampler.replan(OTHER, at=3300)
    assert sampler.position == 3300
    state = json.dumps(sampler.state_dict())
    second = flat(sampler)
    assert sorted(rows) == sorted(take(make(**options), 3300)), "whole windows hold the draws of the plan"
    plain = make(**options)
    plain.load_state_dict(make(**options).state_dict(position=3300))
    plain.replan(OTHER, at=3300)
    windows = zip(np.split(np.array(second), 9), np.split(np.array(list(plain)), 9), strict=True)
    assert all(np.array_equal(np.sort(one), np.sort(other)) for one, other in windows)
    resumed = [build(plan=OTHER, shard=Shard(rank, 2), **options) for rank in range(2)]
    for rank in resumed:
        rank.load_state_dict(json.loads(state))
    together = [row for step in zip(*resumed, strict=True) for row in step]
    assert flat(together) == second


@pytest.mark.parametrize("build", [sorted_by_length, token_batches])
def test_sorted_draws_do_not_change_inside_a_window(build):
    sampler = build()
    take(sampler, 300)
    before = sampler.state_dict()
    with raises(ConfigError, "inside-a-window", "found 310. Use 300 or 600"):
        sampler.replan(OTHER, at=310)
    with raises(ConfigError, "position-out-of-range"):
        sampler.replan(OTHER, at=0)
    assert sampler.state_dict() == before
    assert sampler.sampler.plan is PLAN


@pytest.mark.parametrize(
    ("at", "code", "message"),
    [
        (200, "position-out-of-range", "from 210, the draws that were yielded"),
        (2**59 + 10, "position-out-of-range", "to 2**59"),
        (2**59, "position-out-of-range", "to 2**59 - 3489, found 576460752303423488"),
        (220.0, "not-an-integer", "found 220.0"),
        (215, "not-a-multiple", "a multiple of 10, so that no global batch is of two plans, found 215. Use 210 or 220"),
    ],
)
def test_the_boundary_must_be_one(at, code, message):
    sampler = make(Quota(G))
    take(sampler, 210)
    before = sampler.state_dict()
    with raises(ConfigError, code, message):
        sampler.replan(OTHER, at=at)
    assert sampler.state_dict() == before
    assert sampler.plan is PLAN


def test_mixed_draws_change_between_rows_of_all_ranks():
    sampler = make(shard=Shard(0, 4))
    with raises(ConfigError, "not-a-multiple", "found 6. Use 4 or 8"):
        sampler.replan(OTHER, at=6)
    sampler.replan(OTHER, at=8)


def test_a_plan_of_other_rows_is_refused():
    sampler = make()
    more = Plan.build(Census.from_counts({"large": 1000, "open": 96}), rates="proportional", weights="natural")
    with raises(PlanError, "other-strata", "load this one's state with accept_changes=True"):
        sampler.replan(more, at=0)
    counts = {"large": {"no": 951, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}}
    with raises(PlanError, "other-counts"):
        sampler.replan(Plan.build(Census.from_counts(counts), rates="proportional", weights="natural"), at=0)
    assert sampler.plan is PLAN


def test_assigning_a_plan_or_weights_is_refused():
    sampler = make()
    with raises(ReadOnlyError, "read-only", "`sampler.replan(plan, at=position)`"):
        sampler.plan = OTHER
    assert sampler.plan is PLAN
    weighted = WeightedSampler([1.0, 2.0, 1.0], 100)
    with raises(ReadOnlyError, "read-only", "`sampler.replan(weights, at=position)`"):
        weighted.weights = [1.0, 1.0, 1.0]


@pytest.mark.parametrize("replacement", [True, False])
def test_weights_change_from_a_position_on(replacement):
    first, second = np.arange(1.0, 101.0), np.arange(100.0, 0.0, -1.0)
    sampler = WeightedSampler(first, 20, replacement)
    rows = take(sampler, 20)
    sampler.replan(second, at=20)
    other = WeightedSampler(second, 20, replacement)
    assert rows == other_rows(first, 0, replacement)
    assert sampler.state_dict() == other.state_dict(position=20)
    assert flat(sampler) == other_rows(second, 20, replacement)


def other_rows(weights, first, replacement):
    return WeightedSampler(weights, 20, replacement).rows(first, first + 20).tolist()


def test_weights_without_replacement_change_between_epochs():
    sampler = WeightedSampler(np.ones(100), 20, replacement=False)
    with raises(ConfigError, "not-a-multiple", "found 10. Use 20"):
        sampler.replan(np.ones(100), at=10)
    with raises(ConfigError, "no-positive-weight"):
        sampler.replan(np.zeros(100), at=20)
    assert flat(sampler) == other_rows(np.ones(100), 0, replacement=False)


def test_an_epoch_that_begins_before_the_change_is_refused():
    sampler = make()
    take(sampler, D)
    sampler.replan(OTHER, at=D + 500)
    before = sampler.state_dict()
    with raises(ConfigError, "epoch-out-of-range", "draw 6500 or later", "found 0, which begins at draw 0"):
        sampler.set_epoch(0)
    assert sampler.state_dict() == before
    sampler.set_epoch(1)
    assert sampler.position == D + 500
    sampler.set_epoch(2)
    assert len(flat(sampler)) == D


def test_windows_end_with_their_epoch_though_no_batch_does():
    sampler = LengthSorted(make(), LENGTHS, global_batch=64, window=30)
    rows = flat(sampler)
    sampler.replan(OTHER, at=D)
    assert sampler.position == sampler.sampler.origin == D
    assert sorted(rows + flat(sampler)) == sorted(replanned(make(), D)[: 2 * D])


def test_a_plan_is_not_taken_over_before_the_one_before_it():
    sampler = make()
    sampler.replan(OTHER, at=3210)
    sampler.start_at(0)
    with raises(ConfigError, "position-out-of-range", "from 3210"):
        sampler.replan(THIRD, at=100)
    assert sampler.plan is OTHER
    assert sampler.origin == 3210


def test_a_boundary_is_no_bool():
    with raises(ConfigError, "not-an-integer", "found False"):
        make().replan(OTHER, at=False)


def test_other_weights_are_one_for_each_row():
    sampler = WeightedSampler([1.0, 2.0, 3.0], 12)
    rows = list(sampler)
    with raises(ConfigError, "other-length", "each of the 3 rows, found 2"):
        sampler.replan([1.0, 2.0], at=12)
    sampler.set_epoch(0)
    assert list(sampler) == rows
