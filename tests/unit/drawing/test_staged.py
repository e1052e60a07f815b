"""Several plans one after another are one stream: exact, in passes that run on, at any position."""

import numpy as np
import pytest
from tests.support.plans import codes_of
from tests.support.schedules import INDEX, OTHER, PLAN, WITHOUT_OPEN, staged_plan, worst_error

from equipoise import Mixed, OneTask, PlanSampler, Quota, Schedule, draw_strata, draws
from equipoise.drawing.independent import IndependentStream
from equipoise.drawing.inner import Inner
from equipoise.drawing.staged import StagedStream, _parts, staged, stages_from
from equipoise.drawing.stream import Stream
from equipoise.plan import Stage

SCHEDULE = staged_plan()
SIZES = PLAN.counts
BATCH = 12
KINDS = pytest.mark.parametrize("batches", [Mixed(), Quota(BATCH), OneTask(BATCH)], ids=lambda batches: batches.name)
LAST = 20_000


def stream_of(batches, schedule=SCHEDULE, seed=3):
    return batches.stream(schedule.stages, seed)


@pytest.mark.parametrize("batches", [Mixed(), Quota(BATCH), Quota(7)], ids=str)
def test_shares_add_up_at_the_end_of_every_block_and_stage(batches):
    schedule = staged_plan(7) if batches == Quota(7) else SCHEDULE
    stream = stream_of(batches, schedule)
    assert worst_error(schedule, stream.used, 60_000 if batches == Quota(7) else LAST, batches.block) < 1.1


def test_tasks_of_batches_and_labels_of_tasks_add_up():
    stream = stream_of(OneTask(BATCH))
    due = np.zeros(6)
    for stage, end in zip(SCHEDULE.stages, [2100, 2700, 7200, 7200 + 64 * BATCH], strict=True):
        due += (end - stage.at) * stage.plan.probabilities
        used = stream.used(end)
        of_tasks = np.bincount(PLAN.task_numbers, used - due)
        assert np.abs(of_tasks).max() < 1.1 * BATCH
    # What a task's batches hold is the shares inside the task, stage by stage, of the batches that it had.
    strata = stream.at(np.arange(1000 * BATCH))[0].reshape(-1, BATCH)
    for task in range(3):
        members = np.flatnonzero(PLAN.task_numbers == task)
        inside = np.zeros(len(members))
        for number, batch in enumerate(strata):
            if PLAN.task_numbers[batch[0]] == task:
                shares = SCHEDULE.stages[SCHEDULE.stage_at(number * BATCH)].plan.probabilities[members]
                inside += BATCH * shares / shares.sum()
                counts = np.bincount(strata[: number + 1].ravel(), minlength=6)[members]
                assert np.abs(counts - inside).max() < 1.3


@KINDS
def test_passes_run_on(batches):
    strata, places = stream_of(batches).at(np.arange(LAST // BATCH * BATCH))
    for stratum, size in enumerate(SIZES.tolist()):
        of = places[strata == stratum]
        whole = of[: len(of) - len(of) % size].reshape(-1, size)
        assert len(whole) > 1
        assert (np.sort(whole, axis=1) == np.arange(size)).all()
        assert len(set(of[len(whole) * size :].tolist())) == len(of) % size


@KINDS
def test_any_stretch_equals_the_uninterrupted_stream(batches):
    whole = stream_of(batches).at(np.arange(LAST))
    wandering = stream_of(batches)
    for first, last in [(0, 1), (2099, 2101), (7199, 7300), (2400, 2800), (5, 5), (100, 19_000), (2699, 2700), (0, 90)]:
        for stream in (wandering, stream_of(batches)):
            for part, expected in zip(stream.at(np.arange(first, last)), whole, strict=True):
                assert np.array_equal(part, expected[first:last])
            assert np.array_equal(stream.used(first), np.bincount(whole[0][:first], minlength=6))
    scattered = np.array([0, 7, 2099, 2100, 2699, 2700, 7199, 7200, 19_999, 10**9 + 7, 2**58 + 1])
    together = stream_of(batches).at(scattered)
    for i, position in enumerate(scattered):
        alone = stream_of(batches).at(np.array([position]))
        assert [alone[0][0], alone[1][0]] == [together[0][i], together[1][i]]


@pytest.mark.parametrize("batches", [Mixed(), Quota(BATCH)], ids=str)
def test_the_other_views_are_of_the_same_draws(batches):
    stream, positions = stream_of(batches), np.arange(1000, 9000, 3)
    strata, places = stream.at(positions)
    assert np.array_equal(stream.strata_at(positions), strata)
    starts = np.arange(6) * 1000
    assert np.array_equal(stream.entries_at(positions, starts), starts[strata] + places)
    numbered, numbers = stream.numbered_at(positions)
    assert np.array_equal(numbered, strata)
    whole = stream.strata_at(np.arange(9000))
    for position, stratum, number in zip(positions.tolist(), strata, numbers, strict=True):
        assert number == (whole[:position] == stratum).sum()


@KINDS
def test_one_stage_is_the_stream_of_its_plan(batches):
    one = Schedule([(0, PLAN)])
    for part, expected in zip(stream_of(batches, one).at(np.arange(5000)), stream_of(batches, PLAN).at(np.arange(5000)),
                              strict=True):  # fmt: skip
        assert np.array_equal(part, expected)
    first = stream_of(batches, Schedule([(0, PLAN), (10_000_008, OTHER)]))
    assert np.array_equal(first.at(np.arange(5000))[1], stream_of(batches, PLAN).at(np.arange(5000))[1])


@KINDS
def test_what_comes_before_a_cut_block_does_not_depend_on_what_comes_after(batches):
    whole = np.stack(stream_of(batches).at(np.arange(LAST)))
    for at, plan in ((4800, PLAN), (9600, WITHOUT_OPEN), (3000, OTHER)):
        other = np.stack(stream_of(batches, SCHEDULE.changed(plan, at)).at(np.arange(LAST)))
        begin, before = SCHEDULE.stages[SCHEDULE.stage_at(at)]
        cut = at - (at - begin) % batches.block(before)
        assert np.array_equal(other[:, :cut], whole[:, :cut])
        assert not np.array_equal(other[:, at:], whole[:, at:])


def test_independent_draws_have_the_shares_of_their_stage():
    schedule = Schedule([(0, PLAN), (50_000, WITHOUT_OPEN), (100_000, OTHER)])
    strata, places = IndependentStream(schedule.stages, 0).at(np.arange(150_000))
    for number, (_, plan) in enumerate(schedule.stages):
        part = strata[number * 50_000 : (number + 1) * 50_000]
        alone = IndependentStream(plan.stages, 0).at(np.arange(number * 50_000, (number + 1) * 50_000))
        assert np.array_equal(part, alone[0])
        shares = np.bincount(part, minlength=6) / 50_000
        assert np.abs(shares - plan.probabilities).max() < 5 * np.sqrt(0.25 / 50_000)
    assert (places < SIZES[strata]).all()


@pytest.mark.parametrize("block", [None, 12])
def test_compiled_draws_are_the_same_bit_for_bit(block):
    pytest.importorskip("numba")

    def drawn(inner):
        def blocks(plan):
            return plan.block if block is None else block

        first = Stream(PLAN, 5, block=blocks(PLAN), inner=inner)
        stream = StagedStream(_parts(SCHEDULE.stages, 5, first, blocks, (), inner))
        positions = np.arange(0, 12_000 if block != 1 else 3000)
        return [*stream.at(positions), stream.strata_at(positions)]

    for slow, fast in zip(drawn(Inner(None)), drawn(Inner(0)), strict=True):
        assert np.array_equal(slow, fast)


@pytest.mark.slow
def test_far_behind_many_stages_no_position_needs_a_walk():
    schedule = Schedule([(i * 1001, (PLAN, OTHER, WITHOUT_OPEN)[i % 3]) for i in range(120)])
    far = 2**58 + 12_345
    strata = draw_strata(schedule, 0, far, far + 2048 * 3)
    assert np.array_equal(draw_strata(schedule, 0, far + 2048, far + 4096), strata[2048:4096])
    assert np.abs(np.bincount(strata, minlength=6) / len(strata) - WITHOUT_OPEN.probabilities).max() < 0.02
    assert worst_error(schedule, Mixed().stream(schedule.stages, 0).used, 120 * 1001, Mixed().block) < 1.1


def test_the_stage_that_holds_the_origin_begins_there():
    assert [stage.at for stage in stages_from(SCHEDULE.stages, 2500)] == [2500, 2700, 7200]
    assert stages_from(SCHEDULE.stages, 2700) == list(SCHEDULE.stages[2:])
    used = np.array([5, 4, 3, 0, 1, 2])
    stream = staged(stages_from(SCHEDULE.stages, 2500), 1, block=lambda plan: plan.block, used=used)
    assert np.array_equal(stream.used(2500), used)
    strata = stream.strata_at(np.arange(2500, 9000))
    assert np.array_equal(stream.used(9000), used + np.bincount(strata, minlength=6))
    exact = 200 * OTHER.probabilities + 4500 * WITHOUT_OPEN.probabilities
    assert np.abs(stream.used(7200) - used - exact).max() < 1.1


def test_a_stratum_that_was_never_drawn_begins_when_a_stage_draws_it():
    stream = staged([Stage(0, WITHOUT_OPEN), Stage(3000, PLAN)], 0, block=lambda plan: plan.block)
    assert stream.used(3000)[2] == 0
    strata, places = stream.at(np.arange(3000 + 2048))
    assert sorted(places[strata == 2][:90].tolist()) == list(range(90))


def test_golden_values():
    """The stream of a schedule is a promise, too: a checkpoint of one version resumes on the next."""
    assert draws(SCHEDULE, INDEX, 0, 2094, 2106).tolist() == GOLDEN["mixed"]
    for batches in (Quota(BATCH), OneTask(BATCH)):
        sampler = PlanSampler(SCHEDULE, INDEX, 0, 9600, batches=batches)
        assert sampler.rows(7188, 7212).tolist() == GOLDEN[batches.name]
    far = draws(SCHEDULE, INDEX, 0, 2**40, 2**40 + 6).tolist()
    assert far == GOLDEN["far"]
    assert np.bincount(codes_of(INDEX)[draws(SCHEDULE, INDEX, 0, 0, 7200)], minlength=6).tolist() == GOLDEN["counts"]


GOLDEN = {
    "mixed": [655, 902, 232, 631, 394, 606, 183, 373, 354, 578, 339, 606],
    "quota": [
        527,
        445,
        606,
        372,
        961,
        464,
        269,
        655,
        555,
        531,
        961,
        473,
        445,
        955,
        354,
        555,
        998,
        329,
        185,
        531,
        89,
        638,
        806,
        606,
    ],
    "one_task": [
        655,
        961,
        606,
        445,
        655,
        961,
        555,
        606,
        531,
        961,
        445,
        531,
        606,
        655,
        555,
        445,
        555,
        606,
        606,
        531,
        655,
        961,
        655,
        555,
    ],
    "far": [655, 531, 606, 348, 974, 531],
    "counts": [2523, 277, 850, 655, 1705, 1190],
}
