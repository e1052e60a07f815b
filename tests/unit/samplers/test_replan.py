"""A change of plan at a boundary of global batches."""

import json
from itertools import pairwise

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
    Schedule,
    Shard,
    TokenBatches,
    WeightedSampler,
    rates,
    weights,
)
from equipoise.errors import ConfigError, PlanError, ReadOnlyError, StateError

PLAN, INDEX = imbalanced()
CODES = codes_of(INDEX)
CENSUS = Census.from_counts({"large": {"no": 950, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}})
OTHER = Plan.build(CENSUS, rates.Fixed({"large": 0.5, "open": 0.25, "small": 0.25}), weights.Power(0.5))
THIRD = Plan.build(CENSUS, rates.Fixed({"large": 0.2, "open": 0.2, "small": 0.6}), weights="natural")
LENGTHS = np.random.default_rng(0).integers(1, 100, len(INDEX))
D, G = 6000, 10
READ, AT = 3000, 4100  # draws that are read when the plan changes, and where: in a block and a window of its own
KINDS = pytest.mark.parametrize("batches", [Mixed(), Quota(G), OneTask(G)], ids=lambda batches: batches.name)


def make(batches=Mixed(), shard=Shard(), plan=PLAN, **options):  # noqa: B008 - frozen
    return PlanSampler(plan, INDEX, 2, D, shard, batches=batches, **options)


def sorted_by_length(**options):
    return LengthSorted(make(**options), LENGTHS, G, window=30)


def token_batches(**options):
    return TokenBatches(make(**options), LENGTHS, tokens=400, batches_per_step=2, window=300)


def take(sampler, draws):
    return read(iter(sampler), draws)


def read(reading, draws):
    rows = []
    while len(rows) < draws:
        item = next(reading)
        rows += item if isinstance(item, list) else [item]
    return rows


def flat(sampler):
    return [row for item in sampler for row in (item if isinstance(item, list) else [item])]


def replanned(sampler, at=AT, plan=OTHER):
    """Rows of two epochs, in the first of which the plan changes while it is read."""
    reading = iter(sampler)
    rows = read(reading, READ)
    assert sampler.replan(plan, at=at) == at
    return rows + flat(reading) + flat(sampler)


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
    check_passes(replanned(make(batches)))


@KINDS
def test_shares_are_exact_at_the_change_and_after_it(batches):
    strata = CODES[replanned(make(batches))]
    unit = batches.block(OTHER)
    # With batches of one task a task is within one batch of its share.
    slack = 1.5 if batches.name != "one_task" else 2 * G
    for last in (AT, AT + unit, AT + 3 * unit, AT + 5 * unit):
        if last <= 2 * D:
            exact = AT * PLAN.probabilities + (last - AT) * OTHER.probabilities
            assert np.abs(np.bincount(strata[:last], minlength=6) - exact).max() < slack


@KINDS
def test_a_change_in_the_run_draws_as_the_schedule_that_was_used(batches):
    changed = make(batches)
    rows = replanned(changed)
    assert [stage.at for stage in changed.plan.stages] == [0, AT]
    planned = make(batches, plan=Schedule.from_json(changed.plan.to_json()))
    assert rows == flat(planned) + flat(planned)
    begin = AT - AT % batches.block(PLAN)
    assert rows[:begin] == flat(make(batches))[:begin]


@KINDS
@pytest.mark.parametrize("taken", [READ, AT - 100, AT, AT + 700])
def test_a_state_holds_what_was_decided(batches, taken):
    whole = replanned(make(batches))
    changed = make(batches)
    take(changed, READ)
    changed.replan(OTHER, at=AT)
    state = json.dumps(changed.state_dict(position=taken))
    resumed = make(batches)
    resumed.load_state_dict(json.loads(state))
    assert flat(resumed) == whole[taken:D]
    assert resumed.plan == changed.plan
    from_schedule = make(batches, plan=changed.plan)
    from_schedule.load_state_dict(json.loads(state))
    assert flat(from_schedule) == whole[taken:D]
    with raises(StateError, "other-run", "the plan changed"):
        make(batches, plan=THIRD).load_state_dict(json.loads(state))


@KINDS
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 5), (5, 1)])
def test_the_stream_after_a_change_is_the_same_on_any_number_of_ranks(batches, before, after):
    whole = replanned(make(batches))
    ranks = [make(batches, Shard(rank, before)) for rank in range(before)]
    reads = [iter(rank) for rank in ranks]
    rows = [next(each) for _ in range(READ // before) for each in reads]
    for rank in ranks:
        rank.replan(OTHER, at=AT)
    rows += [next(each) for _ in range((AT + 100 - READ) // before) for each in reads]
    assert rows == whole[: AT + 100]
    states = [json.dumps(rank.state_dict()) for rank in ranks]
    assert len(set(states)) == 1
    resumed = [make(batches, Shard(rank, after)) for rank in range(after)]
    for rank in resumed:
        rank.load_state_dict(json.loads(states[0]))
    assert [row for step in zip(*resumed, strict=True) for row in step] == whole[AT + 100 : D]


@KINDS
def test_a_plan_may_change_more_than_once(batches):
    sampler = make(batches)
    rows, reading = [], iter(sampler)
    for plan, draws in ((OTHER, 1500), (THIRD, 1500), (PLAN, 2000)):
        rows += read(reading, draws)
        sampler.replan(plan)
    rows += flat(reading) + flat(sampler)
    check_passes(rows)
    assert len(sampler.plan.stages) == 4
    planned = make(batches, plan=sampler.plan)
    assert rows == flat(planned) + flat(planned)


def test_the_earliest_boundary_is_where_no_block_was_begun():
    for batches, expected in ((Mixed(), 2048), (Quota(G), 1010), (OneTask(G), 1280)):
        sampler = make(batches)
        take(sampler, 1003)
        assert sampler.earliest_replan() == expected
    assert make().earliest_replan() == 0
    ranks = make(shard=Shard(0, 3))
    take(ranks, 1)
    assert ranks.earliest_replan() == 2049  # a multiple of the ranks, in a block that was not begun


@pytest.mark.parametrize("batches", [Quota(G), OneTask(G)], ids=lambda batches: batches.name)
def test_batches_are_counted_from_where_another_plan_was_taken_over(batches):
    sampler = make(batches, plan=THIRD)
    sampler.load_state_dict(make(batches).state_dict(position=1003), accept_changes=True)
    with raises(ConfigError, "not-a-multiple", "a multiple of 10 after draw 1003", "Use 4093 or 4103"):
        sampler.replan(OTHER, at=4100)
    begin = sampler.replan(OTHER)
    assert begin == 1003
    reading = iter(sampler)
    rows = read(reading, 500)
    assert sampler.replan(PLAN) % G == 3
    rows += flat(reading)
    tasks = PLAN.task_numbers[CODES[rows[: len(rows) // G * G]]].reshape(-1, G)
    assert (tasks == tasks[:, :1]).all() or batches.name == "quota"


def test_a_stage_that_was_begun_is_not_cut_again():
    sampler = make(plan=Schedule([(0, PLAN), (5000, OTHER)]))
    take(sampler, 4500)
    assert sampler.earliest_replan() == 5000  # the last block of the first stage ends there
    with raises(ConfigError, "position-out-of-range", "from 5000"):
        sampler.replan(THIRD, at=4800)
    assert sampler.replan(THIRD, at=5000) == 5000
    assert sampler.plan == Schedule([(0, PLAN), (5000, THIRD)])


@pytest.mark.parametrize("build", [make, sorted_by_length, token_batches])
def test_a_check_says_what_a_change_would_do_and_changes_nothing(build):
    sampler = build()
    take(sampler, 1000)
    before = sampler.state_dict()
    assert sampler.check_replan(OTHER) == sampler.earliest_replan() == sampler.check_replan(OTHER, at=None) > 1000
    with raises(ConfigError, "position-out-of-range", "from 20"):
        sampler.check_replan(OTHER, at=1000)
    assert sampler.state_dict() == before
    assert sampler.plan is PLAN


@pytest.mark.parametrize(("build", "first", "second"), [(make, 2050, 2500), (sorted_by_length, 2100, 2700)])
def test_no_plan_changes_before_what_was_trained_on(build, first, second):
    """A Trainer reads an epoch from its start again, and skips what it has trained on."""
    sampler = build(batches=Quota(G))
    inner = getattr(sampler, "sampler", sampler)
    inner.trained_until(2045)
    assert sampler.earliest_replan() == first
    take(sampler, 2491)
    assert sampler.earliest_replan() == second
    sampler.load_state_dict(sampler.state_dict() | {})
    assert sampler.earliest_replan() == second
    sampler.load_state_dict(build(batches=Quota(G)).state_dict())
    assert sampler.earliest_replan() == 0


def test_the_plan_of_a_stage_goes_on_behind_the_block_that_was_begun():
    """The block that the next stage would have cut stays as short as it was drawn."""
    sampler, whole = (
        make(plan=Schedule([(0, PLAN), (2500, OTHER)])),
        flat(make(plan=Schedule([(0, PLAN), (2500, OTHER)]))),
    )
    reading = iter(sampler)
    rows = read(reading, 2300)
    assert sampler.replan(PLAN) == 2500
    rows += flat(reading)
    assert rows[:2500] == whole[:2500]
    assert rows == flat(make(plan=sampler.plan))
    check_passes(rows)


def test_the_same_plan_changes_nothing():
    sampler, whole = make(), flat(make())
    reading = iter(sampler)
    rows = read(reading, READ)
    sampler.replan(Plan.from_json(PLAN.to_json()))
    assert rows + flat(reading) == whole
    assert sampler.plan is PLAN


def test_independent_draws_are_those_of_the_other_plan():
    sampler = make(replacement=True)
    reading = iter(sampler)
    rows = read(reading, 100)
    assert sampler.replan(OTHER) == 100
    assert rows + flat(reading) == flat(make(replacement=True))[:100] + flat(make(plan=OTHER, replacement=True))[100:]


def test_the_end_of_an_epoch_is_a_boundary_with_batches_that_end_there():
    sampler = make(Quota(G))
    rows = flat(sampler)
    assert sampler.replan(OTHER) == D
    assert sampler.epoch == 1
    assert rows + flat(sampler) == replanned(make(Quota(G)), D)


@pytest.mark.parametrize("build", [sorted_by_length, token_batches])
@pytest.mark.parametrize("options", [{}, {"batches": OneTask(G)}], ids=["mixed", "one_task"])
def test_windows_do_not_reach_over_a_change(build, options):
    sampler = build(**options)
    rows = replanned(sampler)
    plain = replanned(make(**options))
    edges = [*range(0, AT, 300), AT, *range(4200, D + 1, 300)]
    for first, last in pairwise(edges):
        assert sorted(rows[first:last]) == sorted(plain[first:last])
    planned = build(plan=sampler.plan, **options)
    assert rows == flat(planned) + flat(planned)
    resumed = [build(shard=Shard(rank, 2), **options) for rank in range(2)]
    again = build(**options)
    take(again, READ)
    again.replan(OTHER, at=AT)
    state = json.loads(json.dumps(again.state_dict()))
    for rank in resumed:
        rank.load_state_dict(state)
    together = [row for step in zip(*resumed, strict=True) for row in step]
    assert flat(together) == rows[again.position : D]


@pytest.mark.parametrize("build", [sorted_by_length, token_batches])
def test_a_window_that_was_begun_is_not_cut(build):
    sampler = build()
    take(sampler, 310)
    before = sampler.state_dict()
    assert sampler.earliest_replan() == 2050 if build is sorted_by_length else 2048
    for at in (330, 600, 0):
        with raises(ConfigError, "position-out-of-range", "from 20"):
            sampler.replan(OTHER, at=at)
    assert sampler.state_dict() == before
    assert sampler.plan is PLAN
    take(sampler, 1900)
    assert sampler.earliest_replan() == (4100 if build is sorted_by_length else 4096)  # the window ends in a block


def test_lengths_that_are_asked_for_ahead_are_asked_for_again():
    class Lengths:
        def __len__(self):
            return len(LENGTHS)

        def __getitem__(self, rows):
            return LENGTHS[rows]

        def ahead(self, rows):
            pass

    sampler = LengthSorted(make(), Lengths(), G, window=30)
    reading = iter(sampler)
    rows = read(reading, 3850)  # the window from 3900 is known already
    assert sampler.replan(OTHER) == 4100
    rows += flat(reading)
    assert rows == flat(LengthSorted(make(plan=sampler.plan), LENGTHS, G, window=30))


@pytest.mark.parametrize(
    ("at", "code", "message"),
    [
        (200, "position-out-of-range", "from 210, before which draws were yielded"),
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


def test_an_epoch_before_the_change_is_drawn_as_it_was():
    sampler = make()
    rows = replanned(sampler)
    sampler.set_epoch(0)
    assert flat(sampler) == rows[:D]


def test_a_state_that_was_tampered_with_is_refused():
    sampler = make()
    sampler.replan(OTHER, at=AT)
    state = sampler.state_dict()
    plan = json.loads(state["plan"])
    more = Plan.build(Census.from_counts({"large": 1000, "open": 96}), rates="proportional", weights="natural")
    for decided, code in (
        ([[-1, OTHER.to_json()]], "no-first-stage"),
        ([[1]], "damaged-schedule"),
        ([[AT, more.to_json()]], "other-strata"),
        ([[AT, OTHER.to_json().replace("0", "1", 1)]], "changed-plan"),
    ):
        with raises(PlanError, code):
            make().load_state_dict({**state, "plan": json.dumps({**plan, "decided": decided})})


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
