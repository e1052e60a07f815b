"""The measures of a calibration are those of an evaluation, and of scikit-learn where rows have weights."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics
from tests.unit.calibration.made import likelihoods, posterior

from equipoise.calibration import log_scores, measures, reliability_table
from equipoise.metrics import TaskPredictions, evaluate

LABELS = ("a", "b", "c", "d")
PRIOR = np.array([0.7, 0.2, 0.07, 0.03])


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    probabilities = posterior(likelihoods(400, 4, seed), PRIOR)
    return probabilities, np.random.default_rng(seed).choice(3, size=400, p=[0.7, 0.2, 0.1])  # none of "d"


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_an_evaluation(seed: int) -> None:
    probabilities, true = made(seed)
    decided = (probabilities / PRIOR).argmax(axis=1)
    part = TaskPredictions("t", [LABELS[k] for k in true], [LABELS[k] for k in decided], LABELS, probabilities)
    scores = evaluate({"t": part}, bootstrap=0).tasks["t"].metrics
    found = measures(np.log(probabilities), decided, true)
    assert found == {name: pytest.approx(scores[name].value, rel=1e-12) for name in found}


def test_weighted_rows_against_scikit_learn() -> None:
    probabilities, true = made(5)
    true[:20] = 3
    weights = np.random.default_rng(0).uniform(0, 3, 400)
    decided = probabilities.argmax(axis=1)
    costs = np.arange(16.0).reshape(4, 4)
    found = measures(np.log(probabilities), decided, true, weights, costs)
    assert found["log_loss"] == pytest.approx(sklearn_metrics.log_loss(true, probabilities, sample_weight=weights))
    brier = ((probabilities - np.eye(4)[true]) ** 2).sum(axis=1)
    assert found["brier"] == pytest.approx(np.average(brier, weights=weights))
    f1 = sklearn_metrics.f1_score(true, decided, average="macro", sample_weight=weights)
    assert found["macro_f1"] == pytest.approx(f1)
    recall = sklearn_metrics.balanced_accuracy_score(true, decided, sample_weight=weights)
    assert found["balanced_accuracy"] == pytest.approx(recall)
    assert found["expected_cost"] == pytest.approx(np.average(costs[true, decided], weights=weights))


def test_whole_weights_are_repeated_rows() -> None:
    probabilities, true = made(6)
    times = np.random.default_rng(1).integers(0, 4, 400)
    decided = probabilities.argmax(axis=1)
    rows = np.repeat(np.arange(400), times)
    weighted = measures(np.log(probabilities), decided, true, times.astype(float))
    repeated = measures(np.log(probabilities)[rows], decided[rows], true[rows])
    assert weighted == {name: pytest.approx(value) for name, value in repeated.items()}


def test_without_rows_or_weights_nothing_is_measured() -> None:
    empty = measures(np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0, np.int64), costs=np.zeros((2, 2)))
    assert all(np.isnan(value) for value in empty.values())
    probabilities, true = made(7)
    found = measures(np.log(probabilities), true, true, np.zeros(400))
    assert all(np.isnan(value) for value in found.values())


def test_an_impossible_label_that_comes_is_a_large_loss_and_not_an_infinite_one() -> None:
    found = measures(np.array([[0.0, -np.inf]]), np.array([0]), np.array([1]))
    assert found["log_loss"] == pytest.approx(708.4, abs=0.1)
    assert found["brier"] == 2


def test_reliability_by_hand() -> None:
    sure = np.array([[0.55, 0.45], [0.6, 0.4], [0.3, 0.7], [1.0, 0.0], [0.5, 0.5]])
    table = reliability_table(log_scores(sure), np.array([0, 1, 1, 0, 1]), bins=5)
    # Bins end at .2, .4, .6, .8, 1; the ends belong to the lower bin.
    assert table.rows == (0, 0, 3, 1, 1)
    assert table.accuracy == (None, None, pytest.approx(1 / 3), 1.0, 1.0)
    assert table.confidence == (None, None, pytest.approx(0.55), pytest.approx(0.7), pytest.approx(1.0))
    assert table.ece == pytest.approx((3 * abs(1 / 3 - 0.55) + 0.3 + 0) / 5)
