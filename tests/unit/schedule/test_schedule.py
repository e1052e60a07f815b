"""Schedules as values: their stages, errors, JSON, averages, differences and forecasts."""

import copy
import json
import pickle

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan, Schedule, draw_strata
from equipoise.errors import PlanError
from equipoise.schedule import Cooldown, Deferred, Progressive, Replanned, differences, read_drawable

CENSUS = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": 1000})
EQUAL = Plan.build(CENSUS, "equal", "inverse", draws=4000)
NATURAL = Plan.build(CENSUS, "proportional", "natural")
TARGETED = Plan.build(CENSUS, "equal", "inverse", target_rates="proportional", target_weights="natural")
SCHEDULE = Schedule([(0, EQUAL), (1000, NATURAL), (3000, TARGETED)])


def test_a_stage_of_the_same_plan_is_left_out_where_schedules_are_built():
    built = Schedule.build(CENSUS, Progressive(stages=3), weights="natural", draws=300)
    assert len(built.stages) == 3
    of_equal_classes = Schedule.build(Census.from_counts({"mood": {"glad": 5, "sad": 5}}), Deferred(), draws=300)
    assert len(of_equal_classes.stages) == 1
    assert of_equal_classes.fingerprint == of_equal_classes.stages[0].plan.fingerprint
    assert Schedule([(0, EQUAL)]).fingerprint == EQUAL.fingerprint
    assert len(Schedule([(0, EQUAL), (1000, EQUAL)]).stages) == 2  # a block ends there


def test_what_is_drawn_already_is_no_change():
    course = Replanned(SCHEDULE)
    assert course.changed(TARGETED, 4000) is course
    assert course.changed(NATURAL, 3000).drawn.stages == ((0, EQUAL), (1000, NATURAL), (3000, NATURAL))


@pytest.mark.parametrize(
    ("stages", "code", "names"),
    [
        ([], "no-first-stage", ["must begin with one at draw 0, found none"]),
        ([(5, EQUAL)], "no-first-stage", ["the first begins at draw 5"]),
        ([(0, EQUAL), (9, NATURAL), (9, EQUAL)], "unsorted-stages", ["found 9 after 9. Sort them"]),
        ([(0, EQUAL), (-9, NATURAL)], "unsorted-stages", ["found -9 after 0"]),
        ([(0, EQUAL), (2**59, NATURAL)], "unsorted-stages", ["below 2**59"]),
        ([(0, EQUAL), (9.0, NATURAL)], "not-an-integer", ["`stages`", "9.0"]),
        ([(0, EQUAL), (True, NATURAL)], "not-an-integer", ["True"]),
        ([(0, "equal")], "not-a-plan", ["found 'equal' in place of a plan"]),
        (
            [(0, EQUAL), (9, Plan.build(Census.from_counts({"mood": {"glad": 9, "sad": 1}, "topic": 9}), "equal"))],
            "other-strata",
            ["others in stage 2, from draw 9. Build all plans from one census"],
        ),
    ],
)
def test_stages_that_are_none(stages, code, names):
    with raises(PlanError, code, *names):
        Schedule(stages)


def test_a_schedule_is_a_value():
    for other in (pickle.loads(pickle.dumps(SCHEDULE)), copy.deepcopy(SCHEDULE), Schedule(SCHEDULE.stages)):
        assert other == SCHEDULE
        assert hash(other) == hash(SCHEDULE)
    assert Schedule([(0, EQUAL), (1001, NATURAL), (3000, TARGETED)]) != SCHEDULE
    assert SCHEDULE != EQUAL
    assert repr(SCHEDULE).startswith("Schedule(3 stages from draws 0, 1,000, 3,000; 2 tasks, 3 strata, fingerprint=")
    assert repr(Schedule([(i, (EQUAL, NATURAL)[i % 2]) for i in range(20)])).count(", ...") == 1
    assert SCHEDULE._repr_html_().count("<table") == 3
    assert "<table" not in Schedule([(0, NATURAL), (9, EQUAL)])._repr_html_()  # no planned draws
    assert (SCHEDULE.draws, SCHEDULE.strata) == (4000, EQUAL.strata)


def test_json_round_trip():
    text = SCHEDULE.to_json()
    again = Schedule.from_json(text)
    assert again == SCHEDULE
    assert (again.fingerprint, again.to_json()) == (SCHEDULE.fingerprint, text)
    assert [plan.rates_text for _, plan in again.stages] == [plan.rates_text for _, plan in SCHEDULE.stages]
    assert read_drawable(text) == SCHEDULE
    assert read_drawable(EQUAL.to_json()) == EQUAL


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v["stages"][1].update(at=1001), "changed-schedule"),
        (lambda v: v["stages"].pop(), "changed-schedule"),
        (lambda v: v.update(fingerprint="0" * 64), "changed-schedule"),
        (lambda v: v["stages"][1]["masses"].reverse(), "changed-schedule"),
        (lambda v: v["counts"].reverse(), "changed-schedule"),
        (lambda v: v.update(version=2), "other-version"),
        (lambda v: v.pop("counts"), "damaged-schedule"),
        (lambda v: v["stages"][0].pop("at"), "damaged-schedule"),
        (lambda v: v["stages"][0].update(at="0"), "damaged-schedule"),
        (lambda v: v["stages"][0].update(more=1), "damaged-schedule"),
        (lambda v: v["stages"][0]["masses"].__setitem__(0, 2**70), "damaged-schedule"),
        (lambda v: v.update(stages=[]), "no-first-stage"),
    ],
)
def test_json_that_was_damaged_or_changed(change, code):
    values = json.loads(SCHEDULE.to_json())
    change(values)
    with pytest.raises(PlanError) as caught:
        Schedule.from_json(json.dumps(values))
    assert caught.value.code == code, caught.value


def test_json_that_is_none():
    with raises(PlanError, "not-json", "a schedule must be JSON"):
        Schedule.from_json("{")
    with raises(PlanError, "not-json", "a plan or a schedule must be JSON"):
        read_drawable("{")


def test_lengths_and_stages_of_positions():
    assert SCHEDULE.lengths() == [1000, 2000, 1000]
    assert SCHEDULE.lengths(1500) == [1000, 500, 0]
    assert [SCHEDULE.stage_at(at) for at in (0, 999, 1000, 2999, 3000, 2**58)] == [0, 0, 1, 1, 2, 2]


def test_the_average_is_exact():
    schedule = Schedule([(0, EQUAL), (1000, NATURAL)])
    for draws in (1001, 4000, 3 * 10**15 + 1):
        average = schedule.average(draws)
        whole = 1000 * EQUAL.masses.astype(object) + (draws - 1000) * NATURAL.masses.astype(object)
        assert abs(average.masses.astype(object) * draws - whole).max() < draws
        assert average.masses.sum() == 2**60
        assert average.draws == draws
    assert schedule.average(1000) is EQUAL
    assert SCHEDULE.average(4000).target_masses.tolist() != SCHEDULE.average(4000).masses.tolist()
    assert average.rates_text == "Equal() -> Proportional(scale=1.0)"
    assert EQUAL.average(5) is EQUAL


def test_a_change_replaces_what_would_come():
    assert SCHEDULE.changed(TARGETED, 2000) == Schedule([(0, EQUAL), (1000, NATURAL), (2000, TARGETED)])
    assert SCHEDULE.changed(TARGETED, 0) == Schedule([(0, TARGETED)])
    assert SCHEDULE.changed(EQUAL, 1000) == Schedule([(0, EQUAL), (1000, EQUAL)])


def test_differences_in_sentences():
    assert differences(SCHEDULE, Schedule.from_json(SCHEDULE.to_json())) == []
    other = Schedule([(0, EQUAL), (2500, TARGETED), (5000, NATURAL)])
    found = differences(SCHEDULE, other)
    assert found[0] == "Stage 2 begins at draw 2,500, not 1,000."
    assert found[1].startswith("stage 2: ")
    assert differences(SCHEDULE, NATURAL)[-2:] == [
        "Stage 2, from draw 1,000, was removed.",
        "Stage 3, from draw 3,000, was removed.",
    ]
    assert differences(EQUAL, SCHEDULE)[0] == "Stage 2, from draw 1,000, was added."
    assert not differences(EQUAL, NATURAL)[0].startswith("stage")


def test_decisions_must_rise():
    course = Replanned(EQUAL).changed(NATURAL, 2000).changed(TARGETED, 3000)
    assert Replanned.from_json(course.to_json()) == course
    values = json.loads(course.to_json())
    values["decided"].reverse()
    with raises(PlanError, "unsorted-stages", "rising draws, found 2000 after 3000"):
        Replanned.from_json(json.dumps(values))


# --- forecast -------------------------------------------------------------------------------------


def simulated(draws):
    strata = draw_strata(SCHEDULE, 0, 0, draws)
    weights = np.concatenate(
        [
            plan.importance_weights[strata[at : at + length]]
            for (at, plan), length in zip(SCHEDULE.stages, SCHEDULE.lengths(draws), strict=True)
        ]
    )
    return strata, weights


def kish(weights):
    return weights.sum() ** 2 / (weights**2).sum()


def test_the_forecast_is_what_is_drawn():
    draws = 3000 + 20 * 2048
    forecast = SCHEDULE.forecast(draws)
    strata, weights = simulated(draws)
    drawn = np.bincount(strata, minlength=3)
    assert [row.expected_draws for row in forecast.rows] == pytest.approx(drawn, abs=1.1)
    assert [row.passes for row in forecast.rows] == pytest.approx(drawn / SCHEDULE.counts, abs=0.02)
    assert forecast.overall.effective_draws == pytest.approx(kish(weights), rel=1e-3)
    task = EQUAL.task_numbers[strata]
    for number, group in enumerate(forecast.tasks):
        assert group.effective_draws == pytest.approx(kish(weights[task == number]), rel=1e-3)
    assert forecast.overall.effective_draws < draws * 0.9


def test_the_forecast_of_a_stage_is_that_of_its_plan():
    forecast = SCHEDULE.forecast(2000)
    assert [at for at, _ in forecast.stages] == [0, 1000]
    for (_, found), plan in zip(forecast.stages, (EQUAL, NATURAL), strict=True):
        expected = plan.forecast(1000)
        assert (found.rows, found.tasks, found.overall) == (expected.rows, expected.tasks, expected.overall)
    unseen = [row.unseen_fraction for row in SCHEDULE.forecast(300).rows]
    assert unseen == pytest.approx(1 - 300 * EQUAL.probabilities / CENSUS.counts)


def test_problems_are_of_all_stages_together():
    only_topic = Plan.build(CENSUS, {"name": "fixed", "rates": {"mood": 0.0, "topic": 1.0}}, "natural")
    forecast = Schedule([(0, only_topic), (1000, NATURAL)]).forecast(3000)
    assert forecast.problems == ()
    assert [each.problems for _, each in forecast.stages] == [(), ()]
    many = Schedule([(0, EQUAL), (10**5, NATURAL)]).forecast(2 * 10**5, allow_passes=50)
    assert {(problem.level, problem.code) for problem in many.problems} == {("error", "too-many-passes")}
    assert "from 100,000" in many.to_text()
    assert many.to_dict()["stages"][1]["at"] == 10**5


def test_limits_of_passes_hold_over_the_training():
    census = Census.from_counts({"large": {"no": 5000, "yes": 400}, "small": 300})
    limits = {"small": 9, "*": 3}
    schedule = Schedule.build(
        census, Cooldown(5, 1, at=0.4), weights="inverse", draws=6000, max_passes=limits, global_batch=32
    )
    passes = {(row.task, row.label): row.passes for row in schedule.forecast().rows}
    assert max(passes["large", "no"], passes["large", "yes"]) <= 3 * (1 + 1e-9)
    assert passes["small", None] <= 9 * (1 + 1e-9)
    assert passes["large", "yes"] == pytest.approx(3, rel=0.01)
