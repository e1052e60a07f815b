"""Differences over seeds against explicit resamples of the groups, and what costs and standard errors add."""

import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.errors import raises

from equipoise.calibration import cost_matrix
from equipoise.errors import ConfigError, DataError, DataWarning
from equipoise.metrics import TaskPredictions, evaluate
from equipoise.metrics.intervals import resampled_interval
from equipoise.metrics.resampling import group_weights
from equipoise.statistics import (
    difference_over_seeds,
    mean_interval,
    metric_replicates,
    simplest_within,
    standard_error_of_mean,
)

LABELS = ("a", "b", "c")
COSTS = {"t": np.array([[0.0, 1.0, 4.0], [2.0, 0.0, 8.0], [16.0, 3.0, 0.5]])}


def expected_cost(predictions, costs):
    """The expected cost of each task that has one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        scores = evaluate(predictions, costs=costs, bootstrap=0)
    found = {task: of.metrics["expected_cost"].value for task, of in scores.tasks.items() if task in costs}
    return {task: value for task, value in found.items() if value is not None}


def predicted(seed, right=0.6, rows=60, groups=20, tasks=("t", "u")):
    """Two tasks with the same patients; what is right is the same for every seed."""
    truth, random = np.random.default_rng(99), np.random.default_rng(seed)
    found = {}
    for task in tasks:
        true = truth.choice(LABELS, rows)
        said = np.where(random.random(rows) < right, true, random.choice(LABELS, rows))
        names = truth.integers(0, groups, rows).astype(str).tolist()
        found[task] = TaskPredictions(
            task, true.tolist(), said.tolist(), LABELS, random.dirichlet(np.ones(3), rows), names, np.arange(rows)
        )
    return found


def means(held):
    return {metric: each.value for metric, each in evaluate(held, bootstrap=0).mean.items()}


def test_equals_the_mean_difference_on_explicit_resamples():
    first, second = [predicted(seed) for seed in (1, 2)], [predicted(seed, 0.8) for seed in (3, 4)]
    found = difference_over_seeds(first, second, bootstrap=40, seed=5, confidence=0.8).mean["accuracy"]
    # Groups are numbered as they come, task by task, which is what the weights are drawn for.
    names = list(dict.fromkeys([*first[0]["t"].groups, *first[0]["u"].groups]))
    codes = {task: np.array([names.index(group) for group in part.groups]) for task, part in first[0].items()}
    (weights,) = group_weights(len(names), 40, 5)

    def accuracy(held, each):
        hits = {task: np.array(part.targets) == np.array(part.predicted) for task, part in held.items()}
        return np.mean([np.average(hits[task], weights=each[codes[task]]) for task in held])

    pairs = list(zip(first, second, strict=True))
    drawn = [np.mean([accuracy(b, each) - accuracy(a, each) for a, b in pairs]) for each in weights]
    expected = np.mean([means(b)["accuracy"] - means(a)["accuracy"] for a, b in pairs])
    same = resampled_interval(np.array([expected, *drawn]), 0.8, (-1, 1))
    assert (found.value, found.low, found.high) == pytest.approx((same.value, same.low, same.high))


def test_one_seed_is_the_paired_difference_of_two_evaluations():
    first, second = predicted(1), predicted(2, 0.8)
    counts = {task: {"a": 500, "b": 50, "c": 5} for task in first}
    mean, tasks, errors = difference_over_seeds([first], [second], train_counts=counts)
    assert set(errors) == set(mean)
    arms = [evaluate(arm, train_counts=counts) for arm in (first, second)]
    for metric, estimate in mean.items():
        assert estimate.value == arms[1].mean[metric].value - arms[0].mean[metric].value
        for task in first:
            before, after = (arm.tasks[task].metrics[metric] for arm in arms)
            assert tasks[task][metric].value == after.value - before.value
    assert {"recall_many", "recall_few", "log_loss"} <= set(mean)
    # Resamples are those of `evaluate`: what is right in every row has no luck, so all of it is that of the other.
    perfect = {task: replace(part, predicted=part.targets) for task, part in first.items()}
    found = difference_over_seeds([perfect], [first]).mean["accuracy"]
    values = metric_replicates([first], "accuracy")[0] - 1
    alone = resampled_interval(np.array([arms[0].mean["accuracy"].value - 1, *values]), 0.95, (-1, 1))
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_a_task_alone_is_resampled_as_among_others_when_its_groups_are_first():
    first, second = predicted(1), predicted(2)
    found = difference_over_seeds([first], [second], bootstrap=0)
    alone = difference_over_seeds([{"u": first["u"]}], [{"u": second["u"]}], bootstrap=0)
    assert alone.mean == alone.tasks["u"] == found.tasks["u"]
    assert alone.mean["accuracy"].low is None


def test_a_difference_is_narrower_than_the_intervals_of_its_arms():
    first = predicted(1)
    better = list(first["t"].predicted)
    better[:6] = first["t"].targets[:6]
    second = {**first, "t": replace(first["t"], predicted=better)}
    found = difference_over_seeds([first], [second]).mean["accuracy"]
    for arm in (first, second):
        alone = evaluate(arm).mean["accuracy"]
        assert found.high - found.low < (alone.high - alone.low) / 2


def test_the_same_predictions_show_no_difference():
    arms = [predicted(seed) for seed in range(3)]
    found = difference_over_seeds(arms, arms, bootstrap=50)
    for estimates in (found.mean, *found.tasks.values()):
        assert {(each.value, each.low, each.high) for each in estimates.values()} == {(0.0, 0.0, 0.0)}


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_turned_around_it_has_the_other_sign(seed, seeds):
    first = [predicted(seed + each, rows=12, groups=5) for each in range(seeds)]
    second = [predicted(seed + 10 + each, rows=12, groups=5) for each in range(seeds)]
    found = difference_over_seeds(first, second, bootstrap=20).mean
    turned = difference_over_seeds(second, first, bootstrap=20).mean
    for metric, each in found.items():
        other = turned[metric]
        assert each.value == pytest.approx(-other.value)
        # What resamples add to the rows of a label, in recall and F1, is drawn for the first and the second candidate.
        if metric in {"accuracy", "mcc", "log_loss", "brier", "ece"}:
            assert (each.low, each.high) == pytest.approx((-other.high, -other.low))


def test_more_seeds_have_as_much_luck_in_who_is_tested():
    # All seeds err in the same patients: their mean has the interval of one. Independent errors would shrink it.
    first, second = predicted(1), predicted(2, 0.8)
    one = difference_over_seeds([first], [second]).mean
    five = difference_over_seeds([first] * 5, [second] * 5).mean
    for metric, each in one.items():
        other = five[metric]
        assert (other.value, other.low, other.high) == pytest.approx((each.value, each.low, each.high))


def test_differences_of_few_rows_say_so():
    few, many = predicted(1, rows=4, tasks=("t",)), predicted(1, rows=9, tasks=("u",))
    mean, tasks, _ = difference_over_seeds([{**few, **many}], [{**few, **many}], bootstrap=20)
    assert (tasks["t"]["accuracy"].rows, tasks["u"]["accuracy"].rows, mean["accuracy"].rows) == (4, 9, None)


def test_two_candidates_who_tie_on_few_rows_may_differ():
    # Both find one of three rows, not the same one: nothing is known of who is better.
    true = ["a"] * 60 + ["b"] * 3
    said = [["a"] * 60 + each for each in (["b", "a", "a"], ["a", "b", "a"])]
    arms = [{"t": TaskPredictions("t", true, each, ("a", "b"))} for each in said]
    found = difference_over_seeds(arms[:1], arms[1:]).mean["balanced_accuracy"]
    assert found.value == 0
    assert found.low < -0.25
    assert found.high > 0.25


def test_metrics_that_not_all_have_are_left_out_in_their_task():
    first, second = predicted(1), predicted(2)
    silent = {**second, "u": replace(second["u"], probabilities=None)}
    found = difference_over_seeds([first, first], [second, silent], bootstrap=0)
    assert "log_loss" in found.tasks["t"]
    assert "log_loss" not in found.tasks["u"]
    assert found.mean["log_loss"] == found.tasks["t"]["log_loss"]


@pytest.mark.parametrize(
    "change",
    [
        lambda held: {"t": held["t"]},
        lambda held: {**held, "more": held["t"]},
        lambda held: {**held, "u": held["u"].take(np.arange(59))},
        lambda held: {**held, "u": replace(held["u"], targets=held["u"].targets[::-1])},
        lambda held: {**held, "u": replace(held["u"], groups=held["u"].groups[::-1])},
        lambda held: {**held, "u": replace(held["u"], groups=None)},
        lambda held: {**held, "u": replace(held["u"], rows=held["u"].rows + 1)},
    ],
)
def test_other_rows_are_refused(change):
    held = predicted(1)
    with raises(DataError, "other-rows") as caught:
        difference_over_seeds([held, held], [held, change(held)])
    assert "task 'u'" in str(caught.value) or "task 'more'" in str(caught.value)


def test_seeds_must_pair():
    held = predicted(1)
    with raises(DataError, "other-seeds") as caught:
        difference_over_seeds([held, held], [held])
    assert "found 2 and 1" in str(caught.value)
    for nothing in ([], [{}]):
        with raises(DataError, "no-predictions"):
            difference_over_seeds(nothing, nothing)
    with raises(ConfigError, "wrong-confidence"):
        difference_over_seeds([held], [held], confidence=95)


def test_five_seeds_are_fast():
    # 11,200 rows of 1,400 patients in eight tasks: a large test set, ten times over.
    tasks = [f"t{number}" for number in range(8)]
    arms = [predicted(seed, rows=1400, groups=1400, tasks=tasks) for seed in range(10)]
    start = time.process_time()
    difference_over_seeds(arms[:5], arms[5:])
    assert time.process_time() - start < 5.0


def test_costs_are_those_of_each_row():
    held = predicted(1)
    odd = list(held["t"].predicted)
    odd[:3] = ["?"] * 3
    held["t"] = replace(held["t"], predicted=odd)

    def cost(true, said):
        row = COSTS["t"][LABELS.index(true)]
        return row[LABELS.index(said)] if said in LABELS else row.max()

    expected = np.mean([cost(*pair) for pair in zip(held["t"].targets, odd, strict=True)])
    assert expected_cost(held, COSTS) == {"t": pytest.approx(expected)}
    found = difference_over_seeds([predicted(2)], [held], costs=COSTS, bootstrap=0)
    before = expected_cost(predicted(2), COSTS)["t"]
    assert found.tasks["t"]["expected_cost"].value == pytest.approx(expected - before)
    assert found.mean["expected_cost"] == found.tasks["t"]["expected_cost"]
    assert "expected_cost" not in found.tasks["u"]


def test_costs_of_one_for_each_error_are_the_error_rate_also_on_resamples():
    held = predicted(1)
    without = {task: replace(part, probabilities=None) for task, part in held.items()}
    ones = cost_matrix({y: {k: 1.0 for k in LABELS if k != y} for y in LABELS}, LABELS)
    costs = dict.fromkeys(held, ones)
    for given_rows in (held, without):
        accuracy = metric_replicates([given_rows], "accuracy", 50)
        np.testing.assert_allclose(metric_replicates([given_rows], "expected_cost", 50, costs=costs), 1 - accuracy)
        assert sum(expected_cost(given_rows, costs).values()) / 2 == pytest.approx(1 - means(given_rows)["accuracy"])


def test_rows_of_a_label_without_training_rows_cost_nothing_that_is_known():
    part = TaskPredictions("t", ["a", "never", "c"], ["b", "a", "?"], LABELS)
    assert expected_cost({"t": part}, COSTS) == {"t": (1.0 + 16.0) / 2}
    both = difference_over_seeds([{"t": part}], [{"t": replace(part, predicted=["a", "a", "c"])}], costs=COSTS)
    assert both.mean["expected_cost"].value == 0.25 - 8.5
    assert expected_cost({"t": TaskPredictions("t", ["never"], ["a"], LABELS)}, COSTS) == {}
    assert expected_cost({"t": part}, {}) == {}


def test_costs_must_fit_the_labels():
    with raises(ConfigError, "wrong-shape") as caught:
        expected_cost(predicted(1), {"t": np.eye(2)})
    assert "task 't' must have the shape (labels, labels) = (3, 3)" in str(caught.value)
    with raises(ConfigError, "wrong-shape"):
        expected_cost({"say": TaskPredictions("say", ["x"], ["y"])}, {"say": np.empty((0, 0))})


def test_replicates_are_those_of_the_mean_over_the_tasks():
    held = [predicted(seed) for seed in range(3)]
    found = metric_replicates(held, "macro_f1", 400, 7)
    assert found.shape == (3, 400)
    for row, part in zip(found, held, strict=True):
        estimate = evaluate(part, bootstrap=400, seed=7).mean["macro_f1"]
        same = resampled_interval(np.array([estimate.value, *row]), 0.95, (0, 1))
        assert (estimate.low, estimate.high) == pytest.approx((same.low, same.high))
    with raises(ConfigError, "unmeasured-metric") as caught:
        metric_replicates(held, "expected_cost")
    assert "one of macro_f1, balanced_accuracy," in str(caught.value)
    assert "found 'expected_cost'" in str(caught.value)


def test_standard_error_adds_both_lucks():
    random = np.random.default_rng(0)
    values = random.normal(size=5)
    rows = random.normal(size=(5, 300))
    training, testing = values.var(ddof=1) / 5, rows.mean(axis=0).var(ddof=1)
    assert standard_error_of_mean(values.tolist(), rows) == pytest.approx(np.sqrt(training + testing))
    assert standard_error_of_mean([0.5] * 5, rows) == pytest.approx(np.sqrt(testing))
    assert standard_error_of_mean(values.tolist(), np.ones((5, 300))) == pytest.approx(np.sqrt(training))
    assert standard_error_of_mean([0.5], rows[:1]) == pytest.approx(rows[0].std(ddof=1))


def test_resamples_that_do_not_measure_it_are_left_out_of_the_standard_error():
    rows = np.random.default_rng(0).normal(size=(2, 50))
    holed = np.hstack([rows, np.full((2, 3), np.nan)])
    assert standard_error_of_mean([0.1, 0.3], holed) == standard_error_of_mean([0.1, 0.3], rows)
    for values, replicates in (([], rows), ([0.5], np.full((1, 9), np.nan)), ([0.5], rows[:1, :1])):
        with raises(DataError, "too-few-values"):
            standard_error_of_mean(values, replicates)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=6),
    st.integers(0, 8),
)
def test_simplest_within_one_standard_error(candidates, error):
    scores, steps = ({name: each[place] for name, each in candidates.items()} for place in (0, 1))
    chosen = simplest_within(scores, steps, error)
    near = [name for name in scores if scores[name] >= max(scores.values()) - error]
    assert chosen in near
    for name in near:
        assert steps[chosen] <= steps[name]
        if steps[name] == steps[chosen] and name != chosen:
            assert scores[name] < scores[chosen] or (scores[name] == scores[chosen] and chosen < name)


def test_a_candidate_that_was_not_measured_is_never_the_simplest():
    scores = {"natural": -float("inf"), "sqrt": 0.5, "both": 0.6}
    assert simplest_within(scores, {"natural": 0, "sqrt": 1, "both": 2}, 0.2) == "sqrt"


@pytest.mark.parametrize(
    ("scores", "error"), [({}, 0.1), ({"a": float("nan")}, 0.1), ({"a": 0.5}, float("nan")), ({"a": 0.5}, -0.1)]
)
def test_what_is_no_score_is_refused(scores, error):
    with raises(ConfigError, "not-a-number"):
        simplest_within(scores, {"a": 0}, error)


def test_the_interval_over_seeds_is_about_another_luck():
    # Two seeds that differ in how good they are, on rows that are all alike: all luck is that of training.
    part = {"t": TaskPredictions("t", ["a"] * 20, ["a"] * 20, ("a", "b"))}
    worse = {"t": replace(part["t"], predicted=["b"] * 20)}
    found = difference_over_seeds([part, part], [part, worse]).mean["accuracy"]
    assert (found.value, found.low, found.high) == (-0.5, -0.5, -0.5)
    over_seeds = mean_interval([0.0, -1.0])
    assert over_seeds.low < -1 < 0 < over_seeds.high
