"""Thresholds of labels: decisions and their metrics against brute force, and where they must help or do no harm."""

import numpy as np
import pytest
from sklearn.metrics import f1_score
from tests.unit.calibration.made import likelihoods
from tests.unit.calibration.test_tau import COSTS, PRIOR, by_hand, made

from equipoise.calibration import decide, fit_tau, fit_thresholds, log_posterior
from equipoise.calibration.choosing import DecidedRows
from equipoise.calibration.thresholds import STEPS, _decided
from equipoise.metrics import METRICS
from equipoise.metrics.resampling import group_weights


@pytest.mark.parametrize("metric", [name for name, each in METRICS.items() if each.chooses_tau])
def test_values_of_decisions_and_resamples_against_brute_force(metric: str) -> None:
    log_probs, true = made(120, 3)
    weights, groups = np.array([0.5, 2.0, 5.0])[true], np.arange(120) // 3
    costs = COSTS if metric == "expected_cost" else None
    rows = DecidedRows(true, 3, METRICS[metric], costs=costs, weights=weights, groups=groups, resamples=20, seed=1)
    taus = [0.0, 0.5, 1.5]
    found = rows.values(np.stack([decide(log_probs, PRIOR, tau, costs) for tau in taus]))
    times = np.concatenate([np.ones((1, 40)), *group_weights(40, 20, 1)])
    assert found.shape == (21, 3)
    for resample, each in enumerate(times):
        for place, tau in enumerate(taus):
            kept = each[groups] > 0
            if len(set(true[kept].tolist())) == 3:
                held = (weights * each[groups])[kept]
                wanted = METRICS[metric].sign * by_hand(log_probs[kept], true[kept], tau, metric, held)
                assert found[resample, place] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("costs", [None, COSTS])
def test_steps_decide_as_the_thresholds_do(costs: np.ndarray | None) -> None:
    log_probs, _ = made(80, 1)
    log_thresholds = np.array([0.1, -0.7, -1.3])
    for label in range(3):
        along = _decided(log_probs, log_thresholds, label, log_thresholds[label] + STEPS, costs)
        for step, decided in zip(STEPS, along, strict=True):
            moved = np.exp(log_thresholds + step * (np.arange(3) == label))
            np.testing.assert_array_equal(decided, decide(log_probs, PRIOR, costs=costs, thresholds=moved))


def test_of_equals_the_first_label_is_answered() -> None:
    even = np.log(np.full((1, 3), 1 / 3))
    answers = [int(_decided(even, np.zeros(3), label, np.zeros(1), None)[0, 0]) for label in range(3)]
    assert answers == [0, 0, 0]


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
def test_two_labels_have_the_best_threshold_of_the_grid(metric: str) -> None:
    prior = np.array([0.8, 0.2])
    log_probs = log_posterior(likelihoods(400, 2, 5) / 2, [0.5, 0.5], prior)
    true = (np.random.default_rng(5).random(400) < np.exp(log_probs[:, 1]) ** 2).astype(np.int64)
    found = fit_thresholds(log_probs, true, prior, metric, standard_errors=0)
    first = found.tau * np.log(prior)
    rows = DecidedRows(true, 2, METRICS[metric], costs=None, weights=None, groups=None, resamples=0, seed=0)

    def value(thresholds: np.ndarray) -> float:
        return float(rows.values(decide(log_probs, prior, thresholds=thresholds)[None])[0, 0])

    of_grid = [value(np.exp(first + np.array([step, 0.0]))) for step in STEPS]
    assert value(found.thresholds) >= max(of_grid)


def simulated(rows: int, seed: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Five labels; with a spread the scores of each are too high or too low by the same in every row."""
    random = np.random.default_rng(seed)
    prior = np.arange(1, 6) ** -1.5 / (np.arange(1, 6) ** -1.5).sum()
    true = random.choice(5, rows, p=prior)
    x = random.normal(size=(rows, 5)) + 1.5 * (true[:, None] == np.arange(5))
    return log_posterior(1.5 * x + spread * np.array([1.0, -0.5, 1.0, -1.0, 0.3]), [0.2] * 5, prior), true, prior


def gains(spread: float, seeds: int = 8) -> np.ndarray:
    """Macro-F1 on new rows, above that of the most probable label and above that of tau."""
    found: list[list[float]] = []
    for seed in range(seeds):
        log_probs, true, prior = simulated(400, seed, spread)
        new, answers, _ = simulated(8000, 1000 + seed, spread)
        tau, thresholds = fit_tau(log_probs, true, prior).tau, fit_thresholds(log_probs, true, prior).thresholds
        plain, with_tau, with_thresholds = (
            f1_score(answers, each, average="macro")
            for each in (decide(new, prior), decide(new, prior, tau), decide(new, prior, thresholds=thresholds))
        )
        found.append([with_thresholds - plain, with_thresholds - with_tau])
    return np.array(found).mean(axis=0)


def test_they_help_where_labels_are_wrong_by_different_amounts() -> None:
    assert (gains(1.0) > 0.04).all()


def test_they_do_no_harm_where_probabilities_are_right() -> None:
    assert (gains(0.0) > -0.005).all()


def test_few_groups_have_the_threshold_of_tau() -> None:
    log_probs, true, prior = simulated(2000, 0, 1.0)
    many = fit_thresholds(log_probs, true, prior)
    assert many.movable.all()
    assert (many.thresholds != prior**many.tau).sum() >= 2
    # The same rows, of nine patients: nothing is known about others.
    few = fit_thresholds(log_probs, true, prior, groups=np.arange(2000) % 9)
    assert not few.movable.any()
    np.testing.assert_allclose(few.thresholds, prior**few.tau)
    # One label with rows of nine patients.
    groups = np.where(true == 4, np.arange(2000) % 9, np.arange(2000))
    some = fit_thresholds(log_probs, true, prior, groups=groups)
    assert some.movable.tolist() == [True] * 4 + [False]
    assert some.thresholds[4] == pytest.approx(prior[4] ** some.tau)


def test_nothing_to_choose_by_and_labels_without_a_share() -> None:
    log_probs, true = made(100, 2)
    assert fit_thresholds(np.zeros((0, 3)), np.zeros(0, np.int64), PRIOR).thresholds.tolist() == [1, 1, 1]
    assert fit_thresholds(log_probs, true, PRIOR, weights=np.zeros(100)).thresholds.tolist() == [1, 1, 1]
    prior = np.array([0.9, 0.1, 0.0])
    without = log_posterior(likelihoods(100, 3, 1), [1 / 3] * 3, prior)
    found = fit_thresholds(without, np.random.default_rng(1).integers(0, 3, 100), prior)
    assert np.isfinite(found.thresholds).all()


def test_the_seed_decides() -> None:
    log_probs, true, prior = simulated(300, 3, 1.0)
    once, again = (fit_thresholds(log_probs, true, prior, seed=4).thresholds for _ in range(2))
    assert once.tolist() == again.tolist()
