"""Probability of improvement and interquartile mean, against rliable; their intervals against a plain loop."""

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.errors import ConfigError, DataError
from equipoise.metrics import Estimate
from equipoise.statistics import interquartile_mean, probability_of_improvement

ORACLE = "rliable, the oracle, is installed with the group dev alone"
RANDOM = np.random.default_rng(5)
FIRST, SECOND = RANDOM.normal(0.5, 0.1, (5, 8)).round(2), RANDOM.normal(0.53, 0.1, (4, 8)).round(2)


def test_points_are_those_of_rliable():
    metrics = pytest.importorskip("rliable.metrics", reason=ORACLE)
    assert len(np.intersect1d(FIRST, SECOND)) > 0  # ties
    found = probability_of_improvement(FIRST, SECOND, bootstrap=0)
    assert found.value == pytest.approx(metrics.probability_of_improvement(SECOND, FIRST))
    assert found.low is None
    assert interquartile_mean(FIRST, bootstrap=0).value == pytest.approx(metrics.aggregate_iqm(FIRST))


def test_intervals_resample_the_seeds_of_each_task_by_themselves():
    random = np.random.default_rng(0)

    def resampled(scores):
        return np.column_stack([random.choice(column, len(column)) for column in scores.T])

    def improvement(first, second):
        return np.mean([np.heaviside(second[:, t] - first[:, t, None], 0.5) for t in range(first.shape[1])])

    def middle(scores):
        ordered = np.sort(scores.ravel())
        return ordered[10:30].mean()

    pairs = [improvement(resampled(FIRST), resampled(SECOND)) for _ in range(2000)]
    found = probability_of_improvement(FIRST, SECOND, bootstrap=5000, seed=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(pairs, [0.025, 0.975]), abs=0.01)
    means = [middle(resampled(FIRST)) for _ in range(2000)]
    found = interquartile_mean(FIRST, bootstrap=5000, seed=1, confidence=0.9)
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.05, 0.95]), abs=0.003)


def test_one_seed_has_no_interval():
    assert interquartile_mean([[0.25, 0.75]]) == Estimate(0.5)
    assert probability_of_improvement([[0.25, 0.75]], [[0.5, 0.5], [0.5, 0.5]]) == Estimate(0.5)


def test_larger_is_better_and_ties_are_half():
    assert probability_of_improvement([[0.1], [0.2]], [[0.3], [0.4]], bootstrap=0).value == 1
    assert probability_of_improvement(FIRST, FIRST, bootstrap=0).value == 0.5


def test_other_shapes_are_refused():
    with raises(DataError, "other-tasks", "found 8 and 7 columns"):
        probability_of_improvement(FIRST, SECOND[:, 1:])
    with raises(DataError, "wrong-shape", "found the shape (2,)"):
        interquartile_mean([0.5, 0.6])
    with raises(DataError, "wrong-shape", "not numbers"):
        interquartile_mean([[0.5, float("nan")]])
    with raises(ConfigError, "wrong-confidence", "found 95"):
        interquartile_mean(FIRST, confidence=95)
