import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.label_sets import (
    long_tailed_rows,
    published_instance_aware_factors,
    published_repeat_factors,
    sets_of_three_kinds,
    three_kinds_of_tasks,
)

from equipoise import Census, LabelSets, MultiLabelPlan, Plan, PlanSampler, Stratum, rates
from equipoise import weights as w
from equipoise.errors import PlanError

ROWS = long_tailed_rows()
PUBLISHED = {w.RepeatFactor: published_repeat_factors, w.InstanceAware: published_instance_aware_factors}


@pytest.mark.parametrize("scheme", PUBLISHED)
@pytest.mark.parametrize("threshold", [0.0, 0.003, 0.05, 0.3, 1.0])
def test_factors_are_the_published_ones(scheme, threshold):
    of_labels, of_rows = PUBLISHED[scheme](ROWS, threshold)
    plan = MultiLabelPlan.build(LabelSets.from_lists(ROWS, "t"), scheme(threshold))
    assert plan.label_factors["t"] == pytest.approx(of_labels, rel=1e-12)
    np.testing.assert_allclose(plan.factors.of_examples, of_rows, rtol=1e-12)
    np.testing.assert_allclose(plan.row_weights, np.array(of_rows) / sum(of_rows), rtol=1e-12)
    assert (max(of_rows) > 1) == (threshold > 0)


def test_instances_make_a_difference():
    sets = LabelSets.from_lists(ROWS, "t")
    by_examples = MultiLabelPlan.build(sets, w.RepeatFactor(0.1)).label_factors["t"]
    by_instances = MultiLabelPlan.build(sets, w.InstanceAware(0.1)).label_factors["t"]
    assert by_instances["l11"] != pytest.approx(by_examples["l11"], rel=1e-3)


def test_a_label_in_every_example_is_never_raised():
    plan = MultiLabelPlan.build(LabelSets.from_lists([["a"], ["a", "b"], ["a"]], "t"), w.RepeatFactor(1))
    assert plan.label_factors["t"] == pytest.approx({"a": 1, "b": np.sqrt(3)})
    assert plan.factors.of_examples.tolist() == pytest.approx([1, np.sqrt(3), 1])


def test_mean_of_the_factors():
    plan = MultiLabelPlan.build(LabelSets.from_lists(ROWS, "t"), w.RepeatFactor(0.3, aggregate="mean"))
    of_labels, _ = published_repeat_factors(ROWS, 0.3)
    expected = np.array([np.mean([of_labels[label] for label in set(row)]) if row else 1 for row in ROWS])
    np.testing.assert_allclose(plan.factors.of_examples, expected, rtol=1e-12)
    np.testing.assert_allclose(plan.row_weights, expected / expected.sum(), rtol=1e-12)


@pytest.mark.parametrize("aggregate", ["max", "mean"])
@pytest.mark.parametrize("empty", [0.0, 0.5, 3.0])
def test_examples_without_labels_have_the_factor_that_is_said(aggregate, empty):
    sets = LabelSets.from_lists(ROWS, "t")
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(0.3, aggregate=aggregate, empty=empty))
    assert set(plan.factors.of_examples[sets.lengths == 0].tolist()) == {empty}
    drawn = PlanSampler(plan.plan, plan.index).rows(0, plan.plan.block)
    assert (sets.lengths[drawn] == 0).any() == (empty > 0)


def test_examples_are_grouped_by_their_rarest_label():
    sets = LabelSets.from_lists([["a"], ["a", "b"], ["a", "b", "c"], ["b", "a"], []], "t")
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(1))
    assert plan.plan.strata == tuple(Stratum("t", label) for label in ("(no label)", "a", "b", "c"))
    assert [plan.plan.strata[code].label for code in plan.index.spread(np.arange(4)).tolist()] == [
        "a",
        "b",
        "c",
        "b",
        "(no label)",
    ]


def test_of_labels_with_the_same_factor_the_rarer_names_the_group():
    sets = LabelSets.from_lists([["a"], ["b", "a"], ["a"], ["c", "b", "a"], ["b"]], "t")
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(0.0))
    names = [plan.plan.strata[code].label for code in plan.index.spread(np.arange(len(plan.plan.strata))).tolist()]
    assert names == ["a", "b", "a", "c", "b"]


def test_under_the_mean_examples_of_the_same_factor_are_a_group():
    sets = LabelSets.from_lists([["a"], ["a", "b"], ["b", "a"], ["a", "c"], [], ["d"]], "t")
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(1, aggregate="mean", empty=np.sqrt(6)))
    groups = plan.index.spread(np.arange(len(plan.plan.strata))).tolist()
    assert groups[1] == groups[2]
    assert len(set(groups)) == 5
    assert plan.factors.of_examples[4] == pytest.approx(plan.factors.of_examples[5])  # yet one is without labels


def test_labels_named_as_the_group_without_labels_are_refused():
    with raises(PlanError, "reserved-label", "'(no label)' must not be a label"):
        MultiLabelPlan.build(LabelSets.from_lists([["(no label)"], []], "t"), w.RepeatFactor(1))
    MultiLabelPlan.build(LabelSets.from_lists([["(no label)"], ["a"]], "t"), w.RepeatFactor(1))


def test_rates_of_tasks_do_not_depend_on_factors():
    sets = sets_of_three_kinds()
    plan = MultiLabelPlan.build(sets, {"findings": "repeat_factor:0.3", "*": w.Natural()}, "equal")
    of_tasks = np.bincount(sets.task_of_row, plan.row_weights)
    np.testing.assert_allclose(of_tasks, 1 / 3, rtol=1e-12)


def test_the_single_label_task_is_drawn_as_by_a_plan_of_its_own():
    lists, tasks = three_kinds_of_tasks()
    triage = [labels[0] for labels, task in zip(lists, tasks, strict=True) if task == "triage"]
    own = Plan.build(Census.from_labels(["triage"] * len(triage), triage), rates="proportional", weights=w.Power(0.5))
    plan = MultiLabelPlan.build(
        LabelSets.from_lists(lists, tasks), {"triage": w.Power(0.5), "*": w.RepeatFactor(0.3), "summary": w.Natural()}
    )
    shares = {s.label: p for s, p in zip(plan.plan.strata, plan.plan.probabilities, strict=True) if s.task == "triage"}
    total = sum(shares.values())
    for stratum, share in zip(own.strata, own.probabilities, strict=True):
        assert shares[stratum.label] / total == pytest.approx(share, rel=1e-12)


def test_class_weights_of_one_label_are_refused_for_several_and_for_none():
    for rows in ([["a"], ["a", "b"]], [["a"], []]):
        with raises(PlanError, "several-labels", "Power(gamma=0.5) weighs", "task 't'"):
            MultiLabelPlan.build(LabelSets.from_lists(rows, "t"), w.Power(0.5))


def test_natural_weights_leave_all_examples_equally_likely():
    plan = MultiLabelPlan.build(LabelSets.from_lists(ROWS, "t"), w.Natural())
    np.testing.assert_allclose(plan.row_weights, 1 / len(ROWS), rtol=1e-12)


def test_schemes_must_fit_the_tasks():
    sets = sets_of_three_kinds()
    with raises(PlanError, "unknown-task", "`weights` must name tasks of"):
        MultiLabelPlan.build(sets, {"finding": w.RepeatFactor(0.1), "*": w.Natural()})
    with raises(PlanError, "missing-task", "`weights` has no scheme for task 'summary'"):
        MultiLabelPlan.build(sets, {"findings": w.RepeatFactor(0.1)})
    with raises(PlanError, "open-ended-task", "task 'summary' is open-ended"):
        MultiLabelPlan.build(sets, {"summary": w.RepeatFactor(0.1), "*": w.Natural()})
    with raises(PlanError, "open-ended-task", "`weights` has no labels to weigh", "all tasks are open-ended (t)"):
        MultiLabelPlan.build(LabelSets.from_lists([[], []], tasks="t"), w.RepeatFactor(0.1))
    table = w.Table({"triag": {"urgent": 2, "routine": 1}})
    with raises(PlanError, "unknown-task", "names task 'triag'"):
        MultiLabelPlan.build(sets, {"triage": table, "*": w.Natural()})
    with raises(PlanError, "no-examples", "`sets` must have examples"):
        MultiLabelPlan.build(LabelSets.from_lists([], "t"), w.Natural())


def test_caps_hold_for_every_example():
    sets = LabelSets.from_lists(ROWS, "t")
    free = MultiLabelPlan.build(sets, w.RepeatFactor(1), draws=1200)
    capped = MultiLabelPlan.build(sets, w.RepeatFactor(1), draws=1200, max_passes=4)
    assert 1200 * free.row_weights.max() > 8
    assert 1200 * capped.row_weights.max() <= 4 * (1 + 1e-9)
    assert capped.row_weights.sum() == pytest.approx(1)
    assert "at most 4 passes" in capped.plan.weights_text


def test_a_task_may_have_a_limit_and_a_label_not():
    sets = LabelSets.from_lists([*ROWS, *ROWS], ["t"] * len(ROWS) + ["u"] * len(ROWS))
    limited = MultiLabelPlan.build(sets, w.RepeatFactor(1), draws=2400, max_passes={"t": 4})
    passes = 2400 * limited.row_weights
    assert passes[: len(ROWS)].max() == pytest.approx(4)
    assert passes[len(ROWS) :].max() > 8
    with raises(PlanError, "several-labels", "`max_passes['t']`", "found one for each of 2 labels"):
        MultiLabelPlan.build(sets, w.RepeatFactor(1), draws=2400, max_passes={"t": {"l01": 4, "*": 8}})
    with raises(PlanError, "unknown-task", "`max_passes` names 'v', which is not a task."):
        MultiLabelPlan.build(sets, w.RepeatFactor(1), draws=2400, max_passes={"v": 4})


def test_the_text_of_the_plan_names_the_scheme():
    plan = MultiLabelPlan.build(sets_of_three_kinds(), w.RepeatFactor(0.3))
    assert "'findings': RepeatFactor(threshold=0.3, power=0.5, aggregate=max, empty=1.0)" in plan.plan.weights_text
    assert repr(plan).startswith("MultiLabelPlan(LabelSets(450 examples, 3 tasks, 14 labels), Plan(3 tasks")


def test_a_notebook_shows_the_factor_of_each_label():
    sets = LabelSets.from_lists([["<a>"]] * 2_000 + [["<a>", "b"]] + [[]] * 3, tasks="t")
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(0.36))
    html = plan._repr_html_()
    assert "<p>MultiLabelPlan(LabelSets(2004 examples" in html
    assert "<tr><td>t</td><td>&lt;a&gt;</td><td>2,001</td><td>1</td></tr>" in html
    assert "<tr><td>t</td><td>b</td><td>1</td><td>26.86</td></tr>" in html


def test_the_plan_is_an_ordinary_plan():
    plan = MultiLabelPlan.build(sets_of_three_kinds(), w.RepeatFactor(0.3), rates.Equal(), draws=1000).plan
    assert Plan.from_json(plan.to_json()) == plan


def test_a_subset_of_the_rows():
    sets = sets_of_three_kinds()
    lists, tasks = three_kinds_of_tasks()
    rows = np.arange(0, len(sets), 2)
    plan = MultiLabelPlan.build(sets.take(rows), w.RepeatFactor(0.3))
    own = LabelSets.from_lists([lists[row] for row in rows], [tasks[row] for row in rows])
    np.testing.assert_allclose(plan.row_weights, MultiLabelPlan.build(own, w.RepeatFactor(0.3)).row_weights)


def test_a_task_without_rows_is_left_out():
    sets = LabelSets.from_lists([["a"], ["b"], ["c", "d"]], ["t", "t", "u"]).take([0, 1])
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(1))
    assert plan.plan.tasks == ("t",)
    assert plan.label_factors["u"] == {"c": 0, "d": 0}


def test_every_example_comes_exactly_as_often_as_its_factor_says():
    rows = [["a"]] * 880 + [["a", "b"]] * 80 + [["b"]] * 10 + [[]] * 30
    sets = LabelSets.from_lists(rows, "t")
    plan = MultiLabelPlan.build(sets, w.RepeatFactor(0.36))  # f(b) = 0.09: factor 2
    epoch = 1000 + 90
    drawn = PlanSampler(plan.plan, plan.index, seed=4).rows(0, epoch * plan.plan.block)
    times = np.bincount(drawn, minlength=1000)
    assert (times == np.array(plan.factors.of_examples * plan.plan.block)).all()
    forecast = plan.forecast(len(drawn))
    for label in "ab":
        realised = sum(int(times[i]) for i in range(1000) if label in rows[i])
        assert realised == round(forecast.row_of("t", label).expected_draws)


def test_row_weights_are_what_the_plan_draws():
    plan = MultiLabelPlan.build(sets_of_three_kinds(), w.RepeatFactor(0.3), rates.Equal())
    assert plan.row_weights.sum() == pytest.approx(1)
    of_groups = np.bincount(plan.index.spread(np.arange(len(plan.plan.strata))), plan.row_weights)
    np.testing.assert_allclose(of_groups, plan.plan.probabilities, rtol=1e-12)
