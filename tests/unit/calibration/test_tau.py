"""Tau against brute force with scikit-learn, and what decides where taus are about as good."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score
from tests.support.errors import raises
from tests.unit.calibration.made import likelihoods

from equipoise.calibration import fit_tau, log_posterior
from equipoise.errors import ConfigError
from equipoise.metrics import METRICS

PRIOR = np.array([0.85, 0.1, 0.05])
COSTS = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [9.0, 2.0, 0.0]])
GRID = np.arange(-10, 41) / 20


def made(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    log_probs = log_posterior(likelihoods(rows, 3, seed) / 2, [1 / 3] * 3, PRIOR)
    drawn = np.random.default_rng(seed).random(rows)[:, None]
    true = (drawn > np.exp(log_probs).cumsum(axis=1)).sum(axis=1)
    assert len(set(true.tolist())) == 3
    return log_probs, true


def by_hand(log_probs: np.ndarray, true: np.ndarray, tau: float, metric: str, weights: np.ndarray | None) -> float:
    adjusted = np.exp(log_probs) / PRIOR**tau
    if metric == "expected_cost":
        adjusted /= adjusted.sum(axis=1, keepdims=True)
        return float(np.average(COSTS[true, (adjusted @ COSTS).argmin(axis=1)], weights=weights))
    decided = adjusted.argmax(axis=1)
    if metric == "macro_f1":
        return float(f1_score(true, decided, average="macro", labels=[0, 1, 2], zero_division=0, sample_weight=weights))
    if metric == "balanced_accuracy":
        return float(balanced_accuracy_score(true, decided, sample_weight=weights))
    return float(recall_score(true, decided, average=None, sample_weight=weights).min())


@pytest.mark.parametrize("metric", [name for name, each in METRICS.items() if each.chooses_tau])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_against_brute_force(metric: str, weighted: bool, seed: int) -> None:
    log_probs, true = made(150, seed)
    weights = np.array([0.5, 2.0, 5.0])[true] if weighted else None
    costs = COSTS if metric == "expected_cost" else None
    found = fit_tau(log_probs, true, PRIOR, metric, costs=costs, weights=weights, standard_errors=0)
    expected = np.array([by_hand(log_probs, true, tau, metric, weights) for tau in GRID])
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    best = expected.min() if metric == "expected_cost" else expected.max()
    ties = GRID[np.abs(expected - best) < 1e-12]
    assert abs(found.tau) == np.abs(ties).min()
    assert found.tau in ties


def test_of_two_as_near_to_zero_it_is_the_positive_one() -> None:
    log_probs, true = np.log([[0.6, 0.4], [0.4, 0.6]]), np.array([0, 1])
    grid = np.array([-0.5, 0.5])
    assert fit_tau(log_probs, true, np.array([0.5, 0.5]), grid=grid).tau == 0.5


def test_one_standard_error_leaves_the_decision_alone_until_there_is_evidence() -> None:
    log_probs, true = made(60, 7)
    exact = fit_tau(log_probs, true, PRIOR, standard_errors=0)
    careful = fit_tau(log_probs, true, PRIOR)
    assert abs(careful.tau) < abs(exact.tau)
    # The same rows a hundred times over are evidence enough, unless they are known to be no new patients.
    many, labels = np.tile(log_probs, (100, 1)), np.tile(true, 100)
    assert fit_tau(many, labels, PRIOR).tau == exact.tau
    patients = np.tile(np.arange(60), 100)
    assert fit_tau(many, labels, PRIOR, groups=patients).tau == careful.tau


def test_the_standard_error_is_that_of_the_difference() -> None:
    # Two taus that answer alike but for twelve rows, which the second has right: the difference is known better
    # than either value, whose own standard error is larger than the difference.
    log_probs = np.log(np.array([[0.9, 0.1]] * 500 + [[0.2, 0.8]] * 500 + [[0.55, 0.45]] * 12))
    true = np.array(([0] * 300 + [1] * 200) + ([1] * 300 + [0] * 200) + [1] * 12)
    grid = np.array([0.0, 1.0])
    found = fit_tau(log_probs, true, np.array([0.6, 0.4]), "balanced_accuracy", grid=grid)
    own_error = np.sqrt(0.6 * 0.4 / 500 + 0.6 * 0.4 / 512) / 2
    assert 0 < found.values[1] - found.values[0] < own_error
    assert found.tau == 1.0


def test_the_seed_decides() -> None:
    log_probs, true = made(80, 9)
    assert fit_tau(log_probs, true, PRIOR, seed=3).tau == fit_tau(log_probs, true, PRIOR, seed=3).tau


def test_labels_without_rows_are_in_no_mean_and_nothing_to_choose_by_is_zero() -> None:
    log_probs, true = made(100, 2)
    kept = true < 2
    found = fit_tau(log_probs[kept], true[kept], PRIOR, "balanced_accuracy", standard_errors=0)
    assert np.isfinite(found.values).all()
    empty = fit_tau(np.zeros((0, 3)), np.zeros(0, np.int64), PRIOR)
    assert empty.tau == 0
    nothing = fit_tau(log_probs, true, PRIOR, weights=np.zeros(100))
    assert nothing.tau == 0
    some = fit_tau(log_probs, true, PRIOR, weights=(np.arange(100) == 0).astype(float))
    assert np.isfinite(some.tau)


def test_labels_with_a_prior_of_zero_do_no_harm() -> None:
    prior = np.array([0.9, 0.1, 0.0])
    log_probs = log_posterior(likelihoods(100, 3, 1), [1 / 3] * 3, prior)
    true = np.random.default_rng(1).integers(0, 3, 100)
    found = fit_tau(log_probs, true, prior)
    assert np.isfinite(found.values).all()


def test_unknown_metrics_and_missing_costs_are_refused() -> None:
    log_probs, true = made(30, 0)
    with raises(ConfigError, "unknown-metric") as caught:
        fit_tau(log_probs, true, PRIOR, "accuracy")
    assert "`metric` must be one of macro_f1, balanced_accuracy, worst_recall, expected_cost," in str(caught.value)
    with raises(ConfigError, "missing-costs"):
        fit_tau(log_probs, true, PRIOR, "expected_cost")
