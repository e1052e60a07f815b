from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import codes_of, imbalanced

from equipoise import Census, LengthSorted, Mixed, OneTask, Plan, PlanSampler, Quota, Shard, rates
from equipoise.config import make_config
from equipoise.drawing.batches import make
from equipoise.drawing.batches.one_task import TaskStream
from equipoise.errors import ConfigError, StateError

BATCH = 12  # no power of two
STEPS = 3000


def strata_of_batches(batches, **options):
    plan, index = imbalanced()
    sampler = PlanSampler(plan, index, seed=1, draws_per_epoch=STEPS * BATCH, batches=batches, **options)
    return plan, codes_of(index)[np.array(list(sampler))].reshape(STEPS, BATCH)


def running_counts(strata, n):
    return np.array([np.bincount(batch, minlength=n) for batch in strata]).cumsum(axis=0)


def test_with_quotas_every_batch_holds_its_share():
    plan, strata = strata_of_batches(Quota(BATCH))
    exact = np.arange(1, STEPS + 1)[:, None] * BATCH * plan.probabilities
    assert np.abs(running_counts(strata, 6) - exact).max() < 1.1


def test_a_stratum_of_a_thousandth_comes_once_in_a_thousand_draws():
    plan, strata = strata_of_batches(Quota(BATCH))
    rare = int(np.argmin(plan.probabilities))
    due = 1 / plan.probabilities[rare]
    at = np.flatnonzero(strata.ravel() == rare)
    assert np.abs(np.diff(at) - due).max() < 2 * due + BATCH
    assert len(at) == pytest.approx(STEPS * BATCH / due, abs=1.1)


def test_mixed_batches_hold_what_comes():
    plan, strata = strata_of_batches(Mixed())
    exact = np.arange(1, STEPS + 1)[:, None] * BATCH * plan.probabilities
    assert np.abs(running_counts(strata, 6) - exact).max() > 5


def test_each_batch_is_of_one_task_and_tasks_keep_their_shares():
    plan, strata = strata_of_batches(OneTask(BATCH))
    tasks = plan.task_numbers[strata]
    assert (tasks == tasks[:, :1]).all()
    shares = np.bincount(plan.task_numbers, plan.probabilities)
    whole = STEPS - STEPS % 64  # blocks of 64 batches for three tasks
    counts = np.bincount(tasks[:whole, 0], minlength=3)
    assert np.abs(counts - whole * shares).max() < 1.1


def test_each_batch_of_a_task_holds_its_share_of_each_class():
    plan, strata = strata_of_batches(OneTask(BATCH))
    for task in range(3):
        members = np.flatnonzero(plan.task_numbers == task)
        inside = plan.probabilities[members] / plan.probabilities[members].sum()
        batches = strata[plan.task_numbers[strata[:, 0]] == task]
        exact = np.arange(1, len(batches) + 1)[:, None] * BATCH * inside
        assert np.abs(running_counts(batches, 6)[:, members] - exact).max() < 1.1


def test_the_tasks_of_batches_come_in_no_fixed_order():
    plan, strata = strata_of_batches(OneTask(BATCH))
    tasks = plan.task_numbers[strata[:, 0]]
    following = np.zeros((3, 3))
    np.add.at(following, (tasks[:-1], tasks[1:]), 1)
    assert (following / following.sum(axis=1, keepdims=True)).min() > 0.2


def test_all_ranks_have_the_same_task_in_a_step():
    plan, index = imbalanced()
    codes = plan.task_numbers[codes_of(index)]
    ranks = [
        codes[list(PlanSampler(plan, index, draws_per_epoch=1200, batches=OneTask(BATCH), shard=Shard(rank, 4)))]
        for rank in range(4)
    ]
    steps = np.stack([rank.reshape(-1, BATCH // 4) for rank in ranks])
    assert (steps == steps[:1, :, :1]).all()


def test_nothing_repeats_in_a_stratum_before_all_of_it_was_seen():
    plan, _ = imbalanced()
    strata, places = TaskStream(plan.stages, 3, BATCH).at(np.arange(40_000))
    for stratum, size in enumerate(plan.counts):
        of = places[strata == stratum]
        passes = of[: len(of) - len(of) % size].reshape(-1, size)
        assert len(passes) >= 5
        assert (np.sort(passes, axis=1) == np.arange(size)).all()


@pytest.mark.parametrize(("first", "last"), [(0, 1), (5, 5), (11, 13), (700, 777), (29_990, 30_000)])
def test_any_stretch_equals_the_uninterrupted_stream(first, last):
    plan, _ = imbalanced()
    whole = TaskStream(plan.stages, 3, BATCH).at(np.arange(30_000))
    part = TaskStream(plan.stages, 3, BATCH).at(np.arange(first, last))
    assert np.array_equal(part[0], whole[0][first:last])
    assert np.array_equal(part[1], whole[1][first:last])


def test_scattered_positions_and_far_ones():
    plan, _ = imbalanced()
    positions = np.array([0, 5, 12, 11_000, 10**9 + 7, 2**55])
    together = TaskStream(plan.stages, 3, BATCH).at(positions)
    for i, position in enumerate(positions):
        alone = TaskStream(plan.stages, 3, BATCH).at(np.array([position]))
        assert [alone[0][0], alone[1][0]] == [together[0][i], together[1][i]]


@pytest.mark.parametrize("position", [0, 1, 12, 100, 9_999])
def test_used_counts_the_draws_of_each_stratum(position):
    plan, _ = imbalanced()
    stream = TaskStream(plan.stages, 9, BATCH)
    strata, _ = stream.at(np.arange(position))
    assert np.array_equal(stream.used(position), np.bincount(strata, minlength=6))


def test_a_task_that_is_never_drawn_has_no_batch():
    plan = Plan.build(
        Census.from_counts({"a": 7, "b": 5, "c": 3}),
        weights="natural",
        rates=rates.Fixed({"a": 0.5, "b": 0.0, "c": 0.5}),
    )
    strata, _ = TaskStream(plan.stages, 0, 4).at(np.arange(32 * 4 * 10))
    assert np.bincount(strata, minlength=3).tolist() == [640, 0, 640]


@pytest.mark.parametrize("batches", [Quota(BATCH), OneTask(BATCH)])
def test_sorting_by_length_keeps_what_batches_are_made_of(batches):
    plan, index = imbalanced()
    codes = codes_of(index)
    lengths = np.random.default_rng(1).lognormal(3, 1, len(index)).astype(int) + 1

    def sampler():
        return PlanSampler(plan, index, seed=1, draws_per_epoch=64 * BATCH, batches=batches)

    plain = np.array(list(sampler())).reshape(-1, BATCH)
    ordered = np.array(list(LengthSorted(sampler(), lengths, BATCH))).reshape(-1, BATCH)
    assert np.array_equal(np.sort(plain.ravel()), np.sort(ordered.ravel()))
    made_of = [sorted(map(tuple, np.sort(codes[rows], axis=1).tolist())) for rows in (plain, ordered)]
    if isinstance(batches, Quota):
        assert made_of[0] == made_of[1], "each batch keeps its strata"
    else:
        tasks = plan.task_numbers[codes[ordered]]
        assert (tasks == tasks[:, :1]).all()

    def padded(rows):
        return (lengths[rows].max(axis=1) * BATCH).sum()

    assert padded(ordered) < 0.75 * padded(plain)


def test_length_sorted_takes_the_batch_of_its_sampler():
    plan, index = imbalanced()
    sampler = PlanSampler(plan, index, draws_per_epoch=240, batches=Quota(BATCH))
    with raises(ConfigError, "other-global-batch", "Quota(global_batch=12), found 24"):
        LengthSorted(sampler, np.ones(1096, dtype=int), 24)


@pytest.mark.parametrize("make", [Quota, OneTask])
@pytest.mark.parametrize(
    ("global_batch", "code"),
    [
        (0, "bad-global-batch"),
        (-4, "bad-global-batch"),
        (2.0, "not-an-integer"),
        (True, "not-an-integer"),
        ("8", "not-an-integer"),
    ],
)
def test_a_batch_has_at_least_one_example(make, global_batch, code):
    with raises(ConfigError, code, "`global_batch` must be an integer"):
        make(global_batch)


@pytest.mark.parametrize("make", [Quota, OneTask])
def test_batches_must_fit_the_ranks_the_epoch_and_the_mode(make):
    plan, index = imbalanced()
    with raises(ConfigError, "not-a-multiple", "multiple of the 2 ranks, found 9"):
        PlanSampler(plan, index, draws_per_epoch=18, batches=make(9), shard=Shard(0, 2))
    with raises(ConfigError, "not-a-multiple", "found 1096 and 100. Use 1000 or 1100"):
        PlanSampler(plan, index, batches=make(100))
    with raises(ConfigError, "batches-with-replacement", "must be Mixed() with `replacement`"):
        PlanSampler(plan, index, draws_per_epoch=16, batches=make(8), replacement=True)


@pytest.mark.parametrize("batches", [Mixed(), Quota(3), OneTask(5)])
def test_batches_survive_the_state(batches):
    assert make(batches.to_dict()) == batches


def test_a_new_kind_needs_nothing_but_its_class():
    @dataclass(frozen=True)
    class Halves(Quota):
        """Quota by another name: defined here, known to configurations, samplers and states."""

        name = "halves"

    config = make_config({"data": {"source": "rows.csv"}, "training": {"batches": "halves", "batch_size": BATCH}})
    kind = make(config.training.batches, global_batch=config.training.batch_size)
    assert kind == Halves(BATCH)
    of = partial(PlanSampler, *imbalanced(), draws_per_epoch=BATCH * 8)
    sampler, quota = of(batches=kind), of(batches=Quota(BATCH))
    assert list(sampler) == list(quota)
    state = sampler.state_dict(position=BATCH)
    assert state["batches"] == {"name": "halves", "global_batch": BATCH}
    with raises(StateError, "other-run", "batches"):
        quota.load_state_dict(state)
    resumed = of(batches=make(state["batches"]))
    resumed.load_state_dict(state)
    assert list(resumed) == list(of(batches=Quota(BATCH)))[BATCH:]
    with raises(ConfigError, "unknown-choice", "halves, mixed, one_task, quota"):
        make_config({"data": {"source": "rows.csv"}, "training": {"batches": "halvs"}})
