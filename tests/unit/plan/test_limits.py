"""Limits of passes per task and per label: what they limit, what is refused, and how a plan names them."""

import math

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan, weights
from equipoise.errors import PlanError
from equipoise.plan.limits import limits_of, text_of

CENSUS = Census.from_counts(
    {"mood": {"glad": 900, "odd": 10, "sad": 90}, "topic": 500, "triage": {"ill": 5, "well": 495}}
)


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        (4, [4, 4, 4, 4, 4, 4]),
        (np.float32(0.5), [0.5] * 6),
        ({"*": 4}, [4, 4, 4, 4, 4, 4]),
        ({"mood": 20}, [20, 20, 20, math.inf, math.inf, math.inf]),
        ({"mood": 20, "topic": math.inf, "*": 4}, [20, 20, 20, math.inf, 4, 4]),
        ({"mood": {"odd": 30, "*": 8}, "*": 4}, [8, 30, 8, 4, 4, 4]),
        ({"mood": {"odd": 30}, "*": 4}, [math.inf, 30, math.inf, 4, 4, 4]),
    ],
)
def test_each_stratum_has_its_limit(passes, expected):
    assert limits_of("max_passes", passes, CENSUS.strata).tolist() == expected


def test_a_limit_of_a_label_gives_its_surplus_to_the_others_of_its_task():
    limits = {"mood": {"odd": 20, "sad": 2}, "triage": 2}
    plan = Plan.build(CENSUS, "equal", weights.InverseFrequency(), max_passes=limits, draws=3000)
    np.testing.assert_allclose(plan.probabilities * 3000, [620, 200, 180, 1000, 10, 990], rtol=1e-12)
    assert plan.weights_text == "InverseFrequency(), at most {'mood': {'odd': 20, 'sad': 2}, 'triage': 2} passes"


def test_one_number_for_all_is_the_same_as_one_for_the_rest():
    one, rest = (
        Plan.build(CENSUS, weights=weights.InverseFrequency(), max_passes=limit, draws=900)
        for limit in (12.5, {"*": 12.5})
    )
    assert one.fingerprint == rest.fingerprint
    assert text_of(12.5) == "12.5"
    assert text_of({"*": 12.5}) == "{'*': 12.5}"


@pytest.mark.parametrize(
    ("passes", "code", "names"),
    [
        ("4", "not-a-number", ["`max_passes` must be a finite number above 0, found '4'", "map tasks to numbers"]),
        (math.nan, "not-a-number", ["found nan"]),
        (np.array([4, 2]), "not-a-number", ["found a ndarray"]),
        ({}, "no-limits", ["`max_passes` must name at least one limit"]),
        ({"mood": {}}, "no-limits", ["`max_passes['mood']` must name"]),
        ({"mood": 0}, "out-of-range", ["`max_passes['mood']` must be", "found 0"]),
        ({"mood": {"sad": -1}}, "out-of-range", ["`max_passes['mood']['sad']` must be", "found -1"]),
        ({"*": {"sad": 3}}, "not-a-number", ["`max_passes['*']` must be a finite number"]),
        ({3: 4}, "not-a-string", ["`max_passes` must have strings as keys"]),
        ({"mood": {True: 4}}, "not-a-string", ["`max_passes['mood']` must have strings as keys"]),
        (
            {"moood": 4},
            "unknown-task",
            ["names 'moood', which is not a task. Did you mean 'mood'? Tasks: 'mood', 'topic', 'triage'; '*' is the"],
        ),
        (
            {"mood": {"saad": 4}},
            "unknown-label",
            ["names 'saad', which is not a label of 'mood'. Did you mean 'sad'? Labels: 'glad', 'odd', 'sad';"],
        ),
        ({"topic": {"sad": 4}}, "open-ended-task", ["labels of 'topic', an open-ended task. Give one number"]),
    ],
)
def test_limits_that_do_not_fit(passes, code, names):
    with raises(PlanError, code, *names):
        Plan.build(CENSUS, max_passes=passes, draws=100)


def test_a_long_list_of_names_is_cut():
    census = Census.from_counts({"t": {f"l{i:02}": 3 for i in range(30)}})
    with raises(PlanError, "unknown-label", "'l08', 'l09', ...; '*' is the rest."):
        Plan.build(census, max_passes={"t": {"x": 4}}, draws=10)


def test_the_forecast_takes_the_same_shape():
    plan = Plan.build(CENSUS, weights=weights.InverseFrequency())
    with raises(PlanError, "unknown-task", "`allow_passes` names 'mod', which is not a task. Did you mean 'mood'?"):
        plan.forecast(100, allow_passes={"mod": 4})
    allowed = plan.forecast(3000, allow_passes={"mood": {"odd": 34}, "triage": 99})
    errors = [problem.message for problem in allowed.problems if problem.level == "error"]
    assert len(errors) == 1
    assert errors[0].startswith("'triage', label 'ill' is seen 100 times")
    assert "At most 99 are allowed. `max_passes=99`" in errors[0]
