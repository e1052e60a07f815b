"""Rankings of one label against the rest, weighted and with ties, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics as sklearn_metrics
from tests.support.errors import raises

from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions, evaluate
from equipoise.metrics.curves import CURVES, LabelCurves
from equipoise.metrics.known import LABEL_METRICS, title_of
from equipoise.metrics.sums import Rows

RATE = 0.2


def oracle(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> list[float]:
    if not (weights @ positive and weights @ ~positive):
        return [np.nan] * 3
    alarms, recall, _ = sklearn_metrics.roc_curve(positive, scores, sample_weight=weights, drop_intermediate=False)
    return [
        sklearn_metrics.roc_auc_score(positive, scores, sample_weight=weights),
        sklearn_metrics.average_precision_score(positive, scores, sample_weight=weights),
        recall[alarms <= RATE + 1e-12].max(),
    ]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 12), st.booleans(), st.integers(0, 2**32))
def test_weighted_resamples_of_groups_with_ties_equal_scikit_learn(
    rows: int, labels: int, groups: int, ties: bool, seed: int
):
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.ones(labels), rows)
    scores = scores.round(1) if ties else scores
    true = random.integers(0, labels + 1, rows)  # the last one was not scored
    cells, weights = random.integers(0, groups, rows), random.integers(2, 9, rows) / 2
    times = random.integers(0, 3, (3, int(cells.max()) + 1)).astype(float)
    found = LabelCurves.of(Rows(true, true, labels, scores), cells, weights, RATE).values(times)
    for draw, each in enumerate(times):
        kept = each[cells] > 0
        for label in range(labels):
            wanted = oracle((true == label)[kept], scores[kept, label], (weights * each[cells])[kept])
            assert [found[name][draw, label] for name in CURVES] == pytest.approx(wanted, abs=1e-12, nan_ok=True)


def test_some_resamples_at_once_are_the_same(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    true = random.integers(0, 6, 100)
    curves = LabelCurves.of(Rows(true, true, 6, random.dirichlet(np.ones(6), 100)), np.arange(100) // 2)
    times = random.integers(0, 3, (20, 50)).astype(float)
    whole = curves.values(times)
    monkeypatch.setattr("equipoise.metrics.curves._AT_ONCE", 7)
    for name, values in curves.values(times).items():
        np.testing.assert_array_equal(values, whole[name])


def test_the_alarm_rate_is_that_of_the_scores():
    random = np.random.default_rng(0)
    true = random.choice(["a", "b"], 200).tolist()
    said = {"t": TaskPredictions("t", true, true, ("a", "b"), random.dirichlet(np.ones(2), 200))}
    few, many = (evaluate(said, bootstrap=20, alarm_rate=rate) for rate in (0.05, 0.5))
    assert (few.alarm_rate, many.alarm_rate) == (0.05, 0.5)
    low, high = (scores.mean["recall_at_alarm_rate"] for scores in (few, many))
    assert low.value is not None
    assert high.value is not None
    assert low.value < high.value
    assert low.high is not None
    assert low.high > low.value
    assert few.mean["auroc"] == many.mean["auroc"]
    with raises(ConfigError, "wrong-alarm-rate", "`alarm_rate` must be above 0 and below 1, found 1"):
        evaluate(said, alarm_rate=1)


def test_nothing_is_ranked_without_probabilities_or_rows():
    said = TaskPredictions("t", ["a", "b"], ["a", "b"], ("a", "b"))
    scores = evaluate({"t": said}, bootstrap=10)
    assert not set(CURVES) & set(scores.mean)
    assert scores.tasks["t"].labels[0].auroc.value is None
    none = TaskPredictions("t", [], [], ("a", "b"), np.zeros((0, 2)))
    assert evaluate({"t": none}, bootstrap=10).mean["auroc"].value is None


def test_titles_name_the_rate():
    assert title_of("recall_at_alarm_rate", 0.01) == "recall at 1 % false alarms"
    assert [title_of(name, 0.05) for name in ("recall", "auroc", "macro_f1")] == ["recall", "AUROC", "macro-F1"]
    assert set(CURVES) <= set(LABEL_METRICS)


def test_intervals_of_auroc_cover_the_truth_where_a_label_has_three_rows():
    random = np.random.default_rng(1)
    right = np.arange(103) < 3
    targets = np.where(right, "yes", "no").tolist()
    covered, widths = [], []
    for seed in range(60):
        p = norm.cdf(random.standard_normal(103) + norm.ppf(0.9) * 2**0.5 * right)
        said = TaskPredictions("task", targets, targets, ("no", "yes"), np.stack([1 - p, p], axis=1))
        scores = evaluate({"task": said}, bootstrap=200, seed=seed)
        of_label, mean = scores.tasks["task"].labels[1].auroc, scores.mean["auroc"]
        covered.append([found.low <= 0.9 <= found.high for found in (of_label, mean)])
        widths.append(of_label.high - of_label.low)
    assert np.mean(widths) < 0.55
    assert (np.mean(covered, axis=0) >= 0.92).all()
