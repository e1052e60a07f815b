"""Intervals against scipy's, and what few rows and groups do to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from equipoise.metrics import Estimate, Scores, TaskPredictions, classification_report, evaluate
from equipoise.metrics.intervals import effective_rows, lowest_interval, mean_of_intervals, resampled_interval, wilson
from equipoise.metrics.resampling import group_weights, pseudo_rows, widening
from equipoise.metrics.results import TaskScores
from equipoise.statistics import metric_replicates


def always_no(positives: int = 3, negatives: int = 300, said: str = "no") -> TaskScores:
    true = ["yes"] * positives + ["no"] * negatives
    return classification_report(true, [said] * len(true), labels=("no", "yes"))


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


@given(st.integers(1, 400), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(rows: int, data: st.DataObject, confidence: float):
    hits = data.draw(st.integers(0, rows))
    expected = stats.binomtest(hits, rows).proportion_ci(confidence, method="wilson")
    low, high = wilson(hits / rows, rows, confidence)
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_labels_of_single_rows_have_wilson_intervals():
    true = ["a"] * 7 + ["b"] * 12 + ["c"] * 5
    said = ["a"] * 5 + ["b"] * 2 + ["b"] * 9 + ["a"] * 3 + ["c"] * 5
    scores = classification_report(true, said, labels=("a", "b", "c", "d"))
    # Hits, rows of the label, rows predicted to have it, rows of which one or the other is true.
    for label, (hits, own, predicted, either) in zip(scores.labels, [(5, 7, 8, 10), (9, 12, 11, 14)], strict=False):
        for estimate, rows in ((label.recall, own), (label.precision, predicted)):
            expected = stats.binomtest(hits, rows).proportion_ci(method="wilson")
            assert ends(estimate) == pytest.approx((expected.low, expected.high))
        shared = stats.binomtest(hits, either).proportion_ci(method="wilson")
        assert ends(label.f1) == pytest.approx(tuple(2 * end / (1 + end) for end in shared))
    assert [each.recall.rows for each in scores.labels] == [7, None, 5, None]
    assert [each.precision.rows for each in scores.labels] == [8, None, 5, None]
    assert scores.labels[3].recall == scores.labels[3].f1 == Estimate(None)


def test_an_always_no_model_has_no_certain_recall():
    scores = always_no()
    lowest = scores.metrics["worst_recall"]
    assert (lowest.value, lowest.rows) == (0.0, 3)
    assert ends(lowest) == pytest.approx((0.0, 1 - 0.0125 ** (1 / 3)))
    low, high = ends(scores.metrics["balanced_accuracy"])
    assert low < 0.5
    assert 0.7 < high < 0.95
    yes = scores.labels[1]
    assert ends(yes.recall) == pytest.approx((0, 0.5615), abs=1e-4)
    # It was never predicted, so nothing is known of its precision.
    assert yes.precision == Estimate(0.0, 0.0, 1.0, rows=0)
    assert ends(always_no(6).metrics["worst_recall"])[1] < ends(lowest)[1]


def test_a_perfect_model_is_as_certain_as_its_groups_are_many():
    few, many = (classification_report(["a", "b"] * rows, ["a", "b"] * rows, labels=("a", "b")) for rows in (3, 300))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "worst_recall"):
        low, high = ends(few.metrics[name])
        assert high == 1
        assert 0.1 < low < 0.75
        assert 0.97 < ends(many.metrics[name])[0] < 1


def test_groups_of_equal_rows_count_once():
    true, said = ["a"] * 40 + ["b"] * 40, (["a"] * 4 + ["b"] * 4) * 10
    groups = [str(row // 4) for row in range(80)]
    alone = classification_report(true, said, labels=("a", "b")).labels[0].recall
    together = classification_report(true, said, labels=("a", "b"), groups=groups).labels[0].recall
    expected = stats.binomtest(5, 10).proportion_ci(method="wilson")
    assert ends(together) == pytest.approx((expected.low, expected.high))
    expected = stats.binomtest(20, 40).proportion_ci(method="wilson")
    assert ends(alone) == pytest.approx((expected.low, expected.high))


def test_groups_whose_rows_are_independent_count_almost_as_their_rows():
    random = np.random.default_rng(0)
    codes = np.arange(4000) // 2
    (found,) = effective_rows(np.zeros(4000, int), random.random(4000) < 0.3, codes, np.ones(4000), 1)
    assert 3700 < found <= 4000
    # Weights that differ cost rows, by Kish's formula.
    weights = np.where(np.arange(4000) % 2, 3.0, 1.0)
    (found,) = effective_rows(np.zeros(4000, int), random.random(4000) < 0.3, np.arange(4000), weights, 1)
    assert found == pytest.approx(8000**2 / (2000 * 9 + 2000))


def test_no_label_vanishes_from_a_resample():
    part = TaskPredictions("t", ["a"] * 300 + ["b"], ["a"] * 300 + ["b"], ("a", "b"))
    assert min(times.min() for times in group_weights(301, 500, seed=0)) > 0
    # In plain resamples b is in two of three, and is right whenever it is there.
    low, high = ends(evaluate({"t": part}).mean["balanced_accuracy"])
    assert (high, low < 0.8) == (1.0, True)


def test_scores_of_few_groups_are_spread_further():
    part = TaskPredictions("t", ["a"] * 300 + ["b"] * 3, ["a"] * 300 + ["b", "b", "a"], ("a", "b"))
    # Half of the balanced accuracy is the recall of b, a beta variable of 2.5 and 1.5 that is spread.
    drawn = 2 * metric_replicates([{"t": part}], "balanced_accuracy", 4000)[0]
    assert drawn.var() == pytest.approx(2.5 * 1.5 / 4**2 / (0.4 * 4 + 1), rel=0.1)
    assert widening(np.array([3]))[0] ** 2 == pytest.approx(5 / (0.4 * 4 + 1))


def test_two_candidates_share_half_of_what_is_added():
    (found, missed), (other_found, other_missed) = (
        pseudo_rows("t", np.ones(1), 20_000, 3, second) for second in (False, True)
    )
    assert np.corrcoef(found[:, 0], other_found[:, 0])[0, 1] == pytest.approx(0.5, abs=0.03)
    assert np.corrcoef(found[:, 0], other_missed[:, 0])[0, 1] == pytest.approx(0.5, abs=0.03)
    for each in (found, missed, other_found, other_missed):
        assert each.mean() == pytest.approx(0.5, abs=0.03)
    again, _ = pseudo_rows("t", np.ones(1), 20_000, 3)
    np.testing.assert_array_equal(found, again)
    assert abs(np.corrcoef(found[:, 0], pseudo_rows("u", np.ones(1), 20_000, 3)[0][:, 0])[0, 1]) < 0.03


def test_an_interval_of_resamples_holds_the_estimate_and_keeps_to_the_limits():
    draws = np.random.default_rng(0).normal(0.9, 0.2, 999)
    low, high = ends(resampled_interval(np.array([0.97, *draws]), 0.95, (0, 1)))
    assert 0 < low < 0.6
    assert high == 1
    # Resamples that are drawn to the middle move no end: only how they spread counts.
    near, shifted = (resampled_interval(np.array([0.5, *draws - by]), 0.95, (0, 1)) for by in (0.4, 0.3))
    assert ends(near) == pytest.approx(ends(shifted), abs=0.02)
    assert resampled_interval(np.array([0.3, 0.3, 0.3]), 0.95, (0, 1), groups=5) == Estimate(0.3, 0.3, 0.3)
    assert resampled_interval(np.array([np.nan, 0.3]), 0.95, (0, 1)) == Estimate(None)


def test_the_lowest_of_many_is_low_by_chance():
    # 20 labels of three rows, all with recall .9: some are found once only.
    shares, rows = np.array([1 / 3, *[1.0] * 19]), np.full(20, 3.0)
    low, high = lowest_interval(shares, rows, 0.95)
    assert high > 0.95
    assert low == pytest.approx(float(wilson(1 / 3, 3, 0.95)[0]))
    assert lowest_interval(np.array([1.0]), np.array([10.0]), 0.95)[1] == 1


def test_the_mean_of_lowest_recalls_has_the_interval_of_its_tasks():
    parts = {
        name: TaskPredictions(name, ["a"] * 20 + ["b"] * 4, ["a"] * (20 + missed) + ["b"] * (4 - missed), ("a", "b"))
        for name, missed in (("one", 1), ("two", 3))
    }
    scores = evaluate(parts)
    of_tasks = [scores.tasks[name].metrics["worst_recall"] for name in parts]
    assert scores.mean["worst_recall"] == mean_of_intervals(of_tasks)
    assert [each.rows for each in of_tasks] == [4, 4]
    assert mean_of_intervals([Estimate(None), Estimate(0.5)]) == Estimate(0.5)


def test_json_tells_the_rows_and_does_without_them():
    scores = evaluate({"t": TaskPredictions("t", ["a"] * 20 + ["b"] * 2, ["a"] * 22, ("a", "b"))}, bootstrap=20)
    plain = scores.to_dict()
    recall = plain["tasks"]["t"]["labels"][1]["recall"]
    assert recall["rows"] == 2
    assert plain["tasks"]["t"]["metrics"]["accuracy"]["rows"] is None
    assert Scores.from_dict(plain) == scores
    del recall["rows"]
    assert Scores.from_dict(plain).tasks["t"].labels[1].recall.rows is None


def test_without_resamples_there_are_no_intervals():
    scores = evaluate({"t": TaskPredictions("t", list("aab"), list("aaa"), ("a", "b"))}, bootstrap=0)
    held = [*scores.mean.values(), *scores.tasks["t"].metrics.values(), scores.tasks["t"].labels[0].f1]
    assert all(each.low is None and each.high is None for each in held)
