import json

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.label_sets import sets_of_three_kinds, three_kinds_of_tasks

from equipoise import LabelSets, MultiLabelPlan, rates
from equipoise import weights as w
from equipoise.errors import PlanError

DRAWS = 2000
LISTS, TASKS = three_kinds_of_tasks()
SCHEMES = {"triage": w.InverseFrequency(), "summary": w.Natural()}


@pytest.fixture(scope="module", params=["max", "mean"])
def plan(request):
    findings = w.RepeatFactor(0.5, aggregate=request.param, empty=0.5)
    return MultiLabelPlan.build(sets_of_three_kinds(), {"findings": findings} | SCHEMES, rates.Equal(), draws=DRAWS)


def having(task, label):
    """Rows of a task that have the label, or None: none at all."""
    return np.array([of == task and (label in row if label else not row) for row, of in zip(LISTS, TASKS, strict=True)])


def test_rows_are_sums_over_examples(plan):
    rows = plan.forecast().rows
    names = [("findings", f"l{i:02}") for i in range(12)] + [("findings", None), ("summary", None)]
    assert [(row.task, row.label) for row in rows] == [*names, ("triage", "routine"), ("triage", "urgent")]
    probability = plan.row_weights
    for row in rows:
        has, of_task = having(row.task, row.label), np.array(TASKS) == row.task
        p = probability[has]
        assert row.count == has.sum()
        assert row.data_share == pytest.approx(has.sum() / of_task.sum())
        assert row.draw_share == pytest.approx(p.sum() / probability[of_task].sum())
        assert row.lift == pytest.approx(row.draw_share / row.data_share)
        assert row.expected_draws == pytest.approx(DRAWS * p.sum())
        assert row.passes == pytest.approx(DRAWS * p.mean())
        assert row.unseen_fraction == pytest.approx(np.maximum(0, 1 - DRAWS * p).mean())
        assert row.effective_sample_size == pytest.approx(p.sum() ** 2 / (p**2).sum())
        if row.label:
            factor = plan.label_factors[row.task][row.label]
            assert row.factor == factor
            assert row.asked == pytest.approx(factor / plan.factors.of_examples[of_task].mean())
            assert row.instances == sum(
                labels.count(row.label) for labels, of in zip(LISTS, TASKS, strict=True) if of == row.task
            )
    assert plan.forecast().row_of("findings", None).factor == 0.5
    with pytest.raises(KeyError):
        plan.forecast().row_of("findings", "x")


def test_tasks_are_sums_over_examples(plan):
    forecast = plan.forecast()
    assert [group.task for group in (*forecast.tasks, forecast.overall)] == ["findings", "summary", "triage", None]
    for group in (*forecast.tasks, forecast.overall):
        of_task = np.array([group.task in (task, None) for task in TASKS])
        p = plan.row_weights[of_task]
        sizes = np.array([len(set(row)) for row in LISTS])[of_task]
        assert group.count == of_task.sum()
        assert group.data_share == pytest.approx(of_task.mean())
        assert group.draw_share == pytest.approx(p.sum())
        assert group.expected_draws == pytest.approx(DRAWS * p.sum())
        assert group.effective_sample_size == pytest.approx(p.sum() ** 2 / (p**2).sum())
        assert group.cardinality_before == pytest.approx(sizes.mean())
        assert group.cardinality_after == pytest.approx((sizes * p).sum() / p.sum())


def test_imbalance_is_the_mean_ratio_of_counts_and_of_draws(plan):
    forecast = plan.forecast()
    census = plan.sets.census()
    for group in forecast.tasks:
        rows = [row for row in forecast.rows if row.task == group.task and row.label]
        drawn = np.array([row.expected_draws for row in rows])
        assert group.imbalance_before == pytest.approx(census.mean_imbalance(group.task))
        assert group.imbalance_after == pytest.approx((drawn.max() / drawn).mean() if rows else 1)
    assert forecast.tasks[0].imbalance_after < forecast.tasks[0].imbalance_before
    assert forecast.tasks[2].imbalance_after == pytest.approx(1)


def test_a_label_is_pulled_by_the_rarer_ones_that_it_comes_with(plan):
    forecast, factors = plan.forecast(), plan.label_factors["findings"]
    for row in forecast.rows:
        if row.task != "findings" or row.label is None:
            continue
        by = {}
        for labels, p in zip(LISTS, plan.row_weights.tolist(), strict=True):
            rarest = max(labels, key=lambda label: factors.get(label, 0), default=None)
            if row.label in labels and factors[rarest] > factors[row.label]:
                by[rarest] = by.get(rarest, 0) + p
        has = having("findings", row.label)
        assert row.pulled_share == pytest.approx(sum(by.values()) / plan.row_weights[has].sum())
        assert row.pulled_by == (max(by, key=by.get) if by else None)


def test_under_the_largest_factor_no_label_gets_less_than_it_asks_for():
    forecast = MultiLabelPlan.build(sets_of_three_kinds(), w.RepeatFactor(0.5)).forecast(DRAWS)
    for row in forecast.rows:
        assert row.lift >= row.asked * (1 - 1e-12)
        assert (row.lift > row.asked * (1 + 1e-9)) == (row.pulled_share > 0)


def test_natural_draws_change_nothing():
    forecast = MultiLabelPlan.build(sets_of_three_kinds(), w.Natural(), "proportional").forecast(450)
    for row in forecast.rows:
        assert (row.asked, row.lift, row.passes, row.pulled_share) == pytest.approx((1, 1, 1, 0))
        assert row.pulled_by is None
    assert forecast.overall.effective_sample_size == pytest.approx(450)


def problems(rows, scheme, draws, **options):
    forecast = MultiLabelPlan.build(LabelSets.from_lists(rows, "t"), scheme).forecast(draws, **options)
    assert all(problem.level in ("error", "warning") for problem in forecast.problems)
    return [(p.level, p.code, p.message) for p in forecast.problems]


def test_a_frequent_label_that_comes_along_is_told_of():
    rows = [["a", "b"]] * 10 + [["a"]] * 90 + [["c"]] * 900
    [(level, code, message)] = problems(rows, w.RepeatFactor(1, power=1), 100)
    assert (level, code) == ("warning", "pulled-along")
    # factors: a 10, b 100, c 1000/900; their examples sum to 10 * 100 + 90 * 10 + 1000
    assert message == (
        "'t', label 'a' is drawn 6.55 times as often as in the data, where its own factor asks for 3.45: 53% of its"
        " draws are due to labels that it co-occurs with, most to 'b'."
    )


def test_problems_of_passes_and_of_what_is_not_drawn():
    rows = [["a"]] * 90 + [["b"]] * 10 + [[]] * 5
    assert problems(rows, w.RepeatFactor(0.0), 105) == []
    assert problems(rows, w.RepeatFactor(0.0), 2100) == []
    assert [p[:2] for p in problems(rows, w.RepeatFactor(0.0), 2101)] == [("warning", "many-passes")] * 3
    assert [p[:2] for p in problems(rows, w.RepeatFactor(0.0), 421, allow_passes=4)] == [
        ("error", "too-many-passes")
    ] * 3
    [(_, code, message)] = problems(rows, w.RepeatFactor(0.0), 421, allow_passes={"t": {"b": 4}})
    assert code == "too-many-passes"
    assert message.startswith("'t', label 'b' is seen 4.01 times")
    [(_, _, message)] = problems(rows, w.RepeatFactor(0.0), 421, allow_passes={"t": {"a": 5, "b": 5, "*": 4}})
    assert message.startswith("'t' without labels is seen 4.01 times")
    [left_out] = problems(rows, w.RepeatFactor(0.0, empty=0), 100)
    assert left_out == ("warning", "never-drawn", "'t' without labels is never drawn, of 5 examples.")
    rare = problems([["a"]] * 1000 + [["b"]], w.RepeatFactor(0.0), 100)
    assert [p[:2] for p in rare] == [("warning", "rarely-drawn")]


def test_labels_that_no_row_has_left_are_told_of():
    sets = LabelSets.from_lists([["a"], ["a"], ["b"]], "t").take([0, 1])
    forecast = MultiLabelPlan.build(sets, w.RepeatFactor(1)).forecast(2)
    assert [problem.message for problem in forecast.problems] == [
        "'t', label 'b' has no examples: the model learns nothing from it."
    ]
    assert forecast.rows[1].passes == 0
    assert forecast.tasks[0].imbalance_after == 1


def test_draws_must_be_known():
    plan = MultiLabelPlan.build(LabelSets.from_lists([["a"]], "t"), w.Natural())
    with raises(PlanError, "missing-draws", "`draws` must be given"):
        plan.forecast()
    with raises(PlanError, "not-an-integer", "`draws` must be"):
        plan.forecast(0)


def test_json(plan):
    values = json.loads(json.dumps(plan.forecast().to_dict()))
    assert values["rows"][0]["label"] == "l00"
    assert values["tasks"][2]["task"] == "triage"
    assert values["overall"]["task"] is None
    assert all(problem["level"] == "warning" for problem in values["problems"])


def test_text_is_aligned(plan):
    labels, tasks, *found = (part.splitlines() for part in plan.forecast().to_text().split("\n\n"))
    assert len(labels) == 1 + 16
    assert len({len(line) for line in labels}) == 1
    assert len({len(line) for line in tasks}) == 1
    assert [line.split()[0] for line in tasks] == ["task", "findings", "summary", "triage", "all"]
    assert all(line.startswith("warning (") for part in found for line in part)
