"""How many draws are suggested, and the limits of passes that they need."""

import pytest
from tests.support.errors import raises

from equipoise.census import Census
from equipoise.errors import PlanError
from equipoise.plan.suggested import LEAST_DRAWS, suggest_plan


def test_many_rows_get_one_pass():
    found = suggest_plan(Census.from_counts({"mood": {"glad": 40_000, "sad": 10_000}}))
    assert (found.draws, found.max_passes) == (50_000, None)
    assert found.why_draws == "one pass over the 50,000 training rows"
    assert found.rarest.label == "sad"


def test_few_rows_get_as_many_draws_as_repeat_no_label_more_than_20_times():
    found = suggest_plan(Census.from_counts({"mood": {"glad": 980, "sad": 20}}))
    assert found.most_seen.label == "sad"
    assert 19.5 < found.most_seen.passes <= 20
    assert found.draws % 32 == 0


def test_middling_rows_get_ten_thousand_draws():
    assert suggest_plan(Census.from_counts({"mood": {"glad": 4_000, "sad": 3_000}})).draws == LEAST_DRAWS


def test_a_rare_label_does_not_take_draws_below_one_pass():
    found = suggest_plan(Census.from_counts({"mood": {"glad": 5_000, "sad": 3}}))
    assert found.draws == 5_003
    assert 20 < found.most_seen.passes <= 100
    assert "'sad' of mood is repeated most" in found.why_passes


def test_more_than_100_passes_are_limited():
    census = Census.from_counts({"mood": {"glad": 90_000, "sad": 1}})
    found = suggest_plan(census)
    assert (found.rates, found.max_passes) == ("equal", 100)
    assert "without a limit 'sad' of mood would be repeated 299 times" in found.why_passes
    assert not [problem for problem in found.forecast.problems if problem.level == "error"]


def test_a_small_task_among_large_ones_is_limited_by_unimax():
    found = suggest_plan(Census.from_counts({"big": {"a": 60_000, "b": 40_000}, "small": {"a": 100, "b": 100}}))
    assert (found.rates, found.max_passes) == ("unimax:100", 100)
    assert not [problem for problem in found.forecast.problems if problem.level == "error"]


def test_given_draws_are_kept_and_those_that_cannot_be_drawn_refused():
    census = Census.from_counts({"mood": {"glad": 30, "sad": 30}})
    assert suggest_plan(census, draws=77).draws == 77
    assert suggest_plan(census, draws=77).why_draws == "the number is given"
    with raises(PlanError, "too-many-passes", "Give at most 6,000 draws."):
        suggest_plan(census, draws=6_001)


@pytest.mark.parametrize("counts", [{"note": 30}, {"note": 3_000, "mood": {"a": 40, "b": 2}}])
def test_open_ended_tasks_are_planned_too(counts):
    assert suggest_plan(Census.from_counts(counts)).draws > 0
