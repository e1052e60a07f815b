import numpy as np
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan
from equipoise.errors import PlanError
from equipoise.feedback import Decision, Feedback, Scores, StopTask
from equipoise.rates import Fixed

CENSUS = Census.from_counts({"a": {"x": 90, "y": 10}, "b": 300, "c": 600})


def first_plan(rates=(0.5, 0.3, 0.2)):
    return Plan.build(CENSUS, rates=Fixed(dict(zip("abc", rates, strict=True))))


def decided(rule, scores, first=None):
    """The history after a decision on each of these scores, {task: list of scores, None where there is none}."""
    history = [Decision(0, first or first_plan())]
    for step, values in enumerate(zip(*scores.values(), strict=True), 1):
        now = Scores(task_scores={task: v for task, v in zip(scores, values, strict=True) if v is not None})
        history.append(Decision(100 * step, rule.next_plan(history, now), now))
    return history


def rates(plan):
    return [plan.probabilities[plan.span(task)].sum() for task in plan.tasks]


def test_a_task_that_has_turned_keeps_a_twentieth_and_the_others_share_the_rest():
    history = decided(StopTask(), {"a": [0.5, 0.6, 0.6, 0.59], "b": [1, 2, 3, 4], "c": [-3, -2, -1.5, -1]})
    for decision in history[:4]:
        assert decision.plan == history[0].plan, "a score may wait for one decision"
    freed = 0.5 * 0.95
    expected = [0.025, 0.3 + freed * 0.3 / 0.5, 0.2 + freed * 0.2 / 0.5]
    assert rates(history[4].plan) == pytest.approx(expected, rel=1e-12)
    before, after = (plan.probabilities[plan.span("a")] for plan in (history[0].plan, history[4].plan))
    np.testing.assert_allclose(after / after.sum(), before / before.sum(), rtol=1e-12)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_is_the_decisions_without_a_new_best(patience):
    rule = StopTask(patience=patience)
    history = decided(rule, {"a": [1, 2, 1.5, 1.9, 2, 1.8], "b": [1, 2, 3, 4, 5, 6], "c": [1, 2, 3, 4, 5, 6]})
    stopped = [rule.stopped(history[:step]) for step in range(1, 8)]
    assert stopped == [()] * (2 + patience) + [("a",)] * (5 - patience)


def test_the_best_is_the_first_of_equal_ones():
    scores = {"a": [1, 3, 3, 2], "b": [4, 3, 2, 1], "c": [None, None, 1, 2]}
    assert StopTask().best_at(decided(StopTask(), scores)) == {"a": 200, "b": 100, "c": 400}
    assert StopTask().best_at([Decision(0, first_plan())]) == {}


def test_a_stopped_task_does_not_come_back():
    rule = StopTask(patience=1)
    history = decided(rule, {"a": [2, 1, 9, 10], "b": [1, 2, 3, 4], "c": [1, 2, 3, 4]})
    assert rule.stopped(history) == ("a",)
    assert history[2].plan == history[3].plan == history[4].plan != history[0].plan


def test_tasks_stop_one_after_the_other_and_the_last_goes_on():
    rule = StopTask(patience=1, maintenance=0.1)
    history = decided(rule, {"a": [2, 1, 0, 0, 0], "b": [1, 2, 1, 0, 0], "c": [1, 2, 3, 2, 1]})
    assert rule.stopped(history) == ("a", "b")
    assert rates(history[-1].plan) == pytest.approx([0.05, 0.03, 0.92])


def test_if_all_have_turned_the_one_whose_best_is_the_latest_goes_on():
    rule = StopTask(patience=1)
    assert rule.stopped(decided(rule, {"a": [2, 1], "b": [1, 0], "c": [5, 4]})) == ("b", "c"), "equal: the first"
    rule = StopTask(patience=2)
    late = decided(rule, {"a": [2, 1, None], "b": [1, 2, 1], "c": [1, None, 0]})
    assert rule.stopped(late) == ()
    now = Scores(task_scores={"a": 1, "b": 0, "c": 0})
    late.append(Decision(400, rule.next_plan(late, now), now))
    assert rule.stopped(late) == ("a", "c")


def test_a_task_without_scores_goes_on():
    rule = StopTask(patience=1)
    history = decided(rule, {"a": [2, 1, 1], "b": [None, None, None], "c": [2, None, 1]})
    assert rule.stopped(history[:3]) == ("a",), "no score is no decision of c"
    assert rule.stopped(history) == ("a", "c")


def test_a_task_that_is_never_drawn_is_not_one_of_the_last():
    rule, first = StopTask(patience=1), first_plan((0.6, 0.4, 0.0))
    history = decided(rule, {"a": [2, 1, 0], "b": [1, 2, 1], "c": [1, 1, 1]}, first)
    assert rule.stopped(history) == ("a",)
    assert rates(history[-1].plan) == pytest.approx([0.03, 0.97, 0])


def test_string_forms_and_ranges():
    assert Feedback.of("stop_task:3,maintenance=0.1") == StopTask(3, 0.1)
    assert StopTask() == StopTask(patience=2, maintenance=0.05)
    with raises(PlanError, "out-of-range", "`patience` must be at least 1, found 0"):
        StopTask(patience=0)
    with raises(PlanError, "not-an-integer", "`patience`"):
        StopTask(patience=1.5)
    for maintenance in (0, -1, 1.5):
        with raises(PlanError, "out-of-range", "`maintenance`"):
            StopTask(maintenance=maintenance)
