import numpy as np
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan
from equipoise.errors import PlanError
from equipoise.feedback import ART, Decision, Feedback, Scores

COUNTS = {"mood": {"glad": 900, "none": 0, "sad": 60, "wry": 40}, "open": 500, "topic": {"a": 30, "b": 70}}


def plan_of(**options):
    return Plan.build(Census.from_counts(COUNTS), **options)


def shares(plan, task):
    of = plan.probabilities[plan.span(task)]
    return dict(zip([stratum.label for stratum in plan.strata[plan.span(task)]], of / of.sum(), strict=True))


@pytest.mark.parametrize("c", [0.3, 0.01, 1])
@pytest.mark.parametrize("f1", [{"glad": 0.9, "sad": 0.25, "wry": 0.0}, {"glad": 1.0, "sad": 1.0, "wry": 0.5}])
def test_the_formula(c, f1):
    first = plan_of()
    found = shares(ART(c).next_plan([Decision(0, first)], Scores(label_f1={"mood": f1})), "mood")
    natural = {"glad": 0.9, "sad": 0.06, "wry": 0.04}
    errors = sum(1 - value for value in f1.values())
    for label, pi in natural.items():
        assert found[label] == pytest.approx(c * pi + (1 - c) * (1 - f1[label]) / errors, rel=1e-12)
    assert found["none"] == 0


def test_c_is_that_of_the_paper():
    assert ART() == ART(0.3) == Feedback.of("art") == Feedback.of({"name": "art", "c": 0.3})
    assert Feedback.of("art:0.5") == ART(c=0.5)


def test_where_all_is_right_the_weights_are_uniform():
    scores = Scores(label_f1={"topic": {"a": 1.0, "b": 1.0}})
    found = shares(ART(0.4).next_plan([Decision(0, plan_of())], scores), "topic")
    assert found == pytest.approx({"a": 0.4 * 0.3 + 0.6 / 2, "b": 0.4 * 0.7 + 0.6 / 2})


def test_a_label_without_an_f1_keeps_the_share_that_it_has_now():
    first = plan_of()
    current = ART().next_plan([Decision(0, first)], Scores(label_f1={"mood": {"glad": 0.5, "sad": 0.5, "wry": 0.0}}))
    kept = shares(current, "mood")["wry"]
    assert abs(kept - shares(first, "mood")["wry"]) > 0.1
    history = [Decision(0, first), Decision(100, current, Scores())]
    found = shares(ART().next_plan(history, Scores(label_f1={"mood": {"glad": 0.8, "sad": 0.4}})), "mood")
    assert found["wry"] == pytest.approx(kept)
    left = 1 - kept
    assert found["glad"] == pytest.approx(left * (0.3 * 900 / 960 + 0.7 * 0.2 / 0.8))
    assert found["sad"] == pytest.approx(left * (0.3 * 60 / 960 + 0.7 * 0.6 / 0.8))


def test_rates_open_ended_tasks_and_tasks_without_scores_stay():
    first = plan_of(rates="proportional")
    found = ART().next_plan([Decision(0, first)], Scores(label_f1={"mood": {"glad": 1.0, "sad": 0.1, "wry": 0.2}}))
    for task in first.tasks:
        span = first.span(task)
        assert found.probabilities[span].sum() == pytest.approx(first.probabilities[span].sum())
        if task != "mood":
            assert found.probabilities[span] == pytest.approx(first.probabilities[span], rel=1e-12)


def test_a_label_that_the_first_plan_leaves_out_stays_out():
    first = plan_of(weights={"topic": {"name": "shares", "shares": {"topic": {"a": 1, "b": 0}}}, "*": "sqrt"})
    found = shares(ART().next_plan([Decision(0, first)], Scores(label_f1={"topic": {"a": 0.5, "b": 0.0}})), "topic")
    assert found == {"a": 1.0, "b": 0.0}


def test_without_any_f1_the_plan_is_the_one_that_is_drawn():
    first = plan_of()
    assert ART().next_plan([Decision(0, first)], Scores(task_scores={"mood": 0.5})) == first


def test_of_a_task_whose_labels_all_have_an_f1_only_the_last_scores_count():
    first, f1 = plan_of(), {"glad": 0.9, "sad": 0.2, "wry": 0.6}
    once = ART().next_plan([Decision(0, first)], Scores(label_f1={"mood": f1}))
    history = [Decision(0, first)]
    for wry in np.linspace(0, 1, 30).tolist():
        scores = Scores(label_f1={"mood": {**f1, "wry": wry}})
        history.append(Decision(64 * len(history), ART().next_plan(history, scores), scores))
    found = ART().next_plan(history, Scores(label_f1={"mood": f1}))
    # A rate is a sum of shares, whose last bit depends on the version of numpy.
    assert found.probabilities == pytest.approx(once.probabilities, rel=1e-12)


@pytest.mark.parametrize("c", [0, -0.1, 1.1])
def test_c_is_a_share(c):
    with raises(PlanError, "out-of-range", "`c`", "The paper uses 0.3"):
        ART(c)
