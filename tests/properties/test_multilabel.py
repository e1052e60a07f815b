"""What label sets, their censuses and their plans must satisfy, whatever the labels."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.label_sets import published_instance_aware_factors, published_repeat_factors

from equipoise import LabelSets, MultiLabelCensus, MultiLabelPlan, rates
from equipoise.multilabel import scumble
from equipoise.weights import InstanceAware, RepeatFactor

rows_of_labels = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), min_size=1, max_size=40)
some_labels = rows_of_labels.filter(any)
thresholds = st.one_of(st.just(0.0), st.just(1.0), st.floats(1e-6, 1))
with_tasks = st.lists(st.tuples(st.sampled_from("tuv"), st.lists(st.sampled_from("abcd"), max_size=5)), max_size=30)
every_scheme = pytest.mark.parametrize("scheme", [RepeatFactor, InstanceAware])
every_aggregate = pytest.mark.parametrize("aggregate", ["max", "mean"])


def sets_of(examples):
    return LabelSets.from_lists([labels for _, labels in examples], [task for task, _ in examples])


@given(rows=rows_of_labels)
def test_rows_come_back_as_they_went_in(rows):
    sets = LabelSets.from_lists(rows, "t")
    assert [list(sets.labels_of(i)) for i in range(len(rows))] == [sorted(set(row)) for row in rows]
    assert sets.instances.sum() == sum(map(len, rows))
    assert LabelSets.from_text([" ; ".join(row) for row in rows], "t") == sets


@given(first=with_tasks, second=with_tasks)
def test_censuses_of_parts_add_up_in_any_order(first, second):
    if not first or not second:
        return
    one, other = sets_of(first).census(), sets_of(second).census()
    assert one + other == other + one == sets_of(first + second).census()
    assert MultiLabelCensus.from_dict((one + other).to_dict()) == one + other


@given(rows=rows_of_labels)
def test_measures_of_the_census(rows):
    census = LabelSets.from_lists(rows, "t").census()
    assert census.cardinality("t") == pytest.approx(np.mean([len(set(row)) for row in rows]))
    assert 0 <= census.density("t") <= 1
    assert census.mean_imbalance("t") >= 1


@given(rows=rows_of_labels)
def test_scumble_is_from_zero_to_one_and_zero_for_one_label(rows):
    found = scumble(LabelSets.from_lists(rows, "t"))
    assert ((found >= 0) & (found < 1)).all()
    assert not found[[len(set(row)) < 2 for row in rows]].any()


@given(rows=rows_of_labels, threshold=thresholds)
def test_factors_are_the_published_ones(rows, threshold):
    assume(any(rows))  # without a label the task is open-ended, and class weights are refused
    sets = LabelSets.from_lists(rows, "t")
    published = {RepeatFactor: published_repeat_factors, InstanceAware: published_instance_aware_factors}
    for scheme, oracle in published.items():
        plan = MultiLabelPlan.build(sets, scheme(threshold))
        of_labels, of_rows = oracle(rows, threshold)
        assert plan.label_factors["t"] == pytest.approx(of_labels, rel=1e-12)
        np.testing.assert_allclose(plan.factors.of_examples, of_rows, rtol=1e-12)


@every_scheme
@every_aggregate
@given(data=st.data(), rows=some_labels, threshold=thresholds)
def test_the_order_of_examples_and_of_labels_does_not_matter(scheme, aggregate, data, rows, threshold):
    order = data.draw(st.permutations(range(len(rows))))
    weights = scheme(threshold, aggregate=aggregate)
    plan = MultiLabelPlan.build(LabelSets.from_lists(rows, "t"), weights)
    permuted = MultiLabelPlan.build(LabelSets.from_lists([rows[i][::-1] for i in order], "t"), weights)
    np.testing.assert_allclose(permuted.row_weights, plan.row_weights[order], rtol=1e-12)
    assert permuted.plan == plan.plan


@every_scheme
@every_aggregate
@given(rows=some_labels, low=thresholds, high=thresholds)
def test_a_higher_threshold_lowers_no_factor(scheme, aggregate, rows, low, high):
    low, high = sorted((low, high))
    sets = LabelSets.from_lists(rows, "t")
    before = MultiLabelPlan.build(sets, scheme(low, aggregate=aggregate)).factors
    after = MultiLabelPlan.build(sets, scheme(high, aggregate=aggregate)).factors
    assert (after.of_labels >= before.of_labels).all()
    assert (after.of_examples >= before.of_examples * (1 - 1e-12)).all()


@every_scheme
@given(rows=some_labels, threshold=thresholds)
def test_the_mean_is_at_most_the_largest(scheme, rows, threshold):
    sets = LabelSets.from_lists(rows, "t")
    mean = MultiLabelPlan.build(sets, scheme(threshold, aggregate="mean")).factors.of_examples
    assert (mean <= MultiLabelPlan.build(sets, scheme(threshold)).factors.of_examples * (1 + 1e-12)).all()


@given(rows=some_labels, threshold=thresholds)
def test_a_rarer_label_never_has_a_smaller_factor(rows, threshold):
    sets = LabelSets.from_lists(rows, "t")
    order = np.argsort(sets.census().examples)
    factors = MultiLabelPlan.build(sets, RepeatFactor(threshold)).factors.of_labels[order]
    assert (np.diff(factors) <= factors[:-1] * 1e-12).all()


@every_aggregate
@given(examples=with_tasks.filter(lambda examples: any(labels for _, labels in examples)), threshold=thresholds)
def test_tasks_keep_their_rates_and_weights_follow_factors(aggregate, examples, threshold):
    sets = sets_of(examples)
    plan = MultiLabelPlan.build(sets, {"*": RepeatFactor(threshold, aggregate=aggregate)}, rates.Equal())
    of_tasks = np.bincount(sets.task_of_row, plan.row_weights)
    np.testing.assert_allclose(of_tasks, 1 / len(sets.tasks), rtol=1e-12)
    of_factors = np.bincount(sets.task_of_row, plan.factors.of_examples)
    expected = plan.factors.of_examples / of_factors[sets.task_of_row] / len(sets.tasks)
    np.testing.assert_allclose(plan.row_weights, expected, rtol=1e-9)


@every_aggregate
@given(rows=some_labels, threshold=thresholds, draws=st.integers(1, 10**6))
def test_forecasts_add_up(aggregate, rows, threshold, draws):
    forecast = MultiLabelPlan.build(
        LabelSets.from_lists(rows, "t"), RepeatFactor(threshold, aggregate=aggregate)
    ).forecast(draws)
    [task] = forecast.tasks
    labels = [row for row in forecast.rows if row.label]
    assert task.cardinality_after == pytest.approx(sum(row.draw_share for row in labels))
    assert task.expected_draws == pytest.approx(draws)
    assert 1 - 1e-9 <= task.effective_sample_size <= len(rows) * (1 + 1e-9)
    for row in forecast.rows:
        assert 0 <= row.draw_share <= 1 + 1e-9
        assert 0 <= row.unseen_fraction <= 1
        assert 0 <= row.pulled_share <= 1 + 1e-9
        assert (row.pulled_by is None) == (row.pulled_share == 0)
        if aggregate == "max":
            assert row.lift >= row.asked * (1 - 1e-9)
