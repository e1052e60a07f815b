"""Decisions by tau and by costs against loops and closed forms."""

import numpy as np
import pytest
from tests.support.errors import raises
from tests.unit.calibration.made import likelihoods, posterior, two_bells

from equipoise.calibration import cost_matrix, decide, log_posterior
from equipoise.errors import ConfigError

PRIOR = np.array([0.7, 0.2, 0.1])


def test_costs_against_a_loop() -> None:
    probabilities = posterior(likelihoods(300, 3, 0), PRIOR)
    costs = np.random.default_rng(1).uniform(0.5, 2, size=(3, 3)) * (1 - np.eye(3))
    expected = []
    for row in probabilities:
        totals = [sum(row[y] * costs[y, k] for y in range(3)) for k in range(3)]
        expected.append(totals.index(min(totals)))
    assert decide(np.log(probabilities), PRIOR, costs=costs).tolist() == expected
    assert len(set(expected)) == 3


def test_equal_costs_are_the_most_probable_label() -> None:
    log_probs = np.log(posterior(likelihoods(300, 3, 2), PRIOR))
    np.testing.assert_array_equal(decide(log_probs, PRIOR, costs=1 - np.eye(3)), log_probs.argmax(axis=1))


def test_two_labels_have_the_threshold_of_elkan() -> None:
    log_probs = np.log([[1 - p, p] for p in np.linspace(0.005, 0.995, 100)])
    # Answer 1 where p(1) is above c(0, 1) / (c(0, 1) + c(1, 0)) = 1 / 10.
    decided = decide(log_probs, np.array([0.5, 0.5]), costs=np.array([[0.0, 1.0], [9.0, 0.0]]))
    np.testing.assert_array_equal(decided, np.exp(log_probs[:, 1]) > 0.1)


def test_tau_of_one_is_the_likeliest_label_whatever_the_prior() -> None:
    given = likelihoods(500, 3, 3)
    for prior in (PRIOR, np.array([0.01, 0.01, 0.98])):
        log_probs = log_posterior(given, np.full(3, 1 / 3), prior)
        np.testing.assert_array_equal(decide(log_probs, prior, tau=1.0), given.argmax(axis=1))


@pytest.mark.statistical
def test_tau_of_one_reaches_the_best_balanced_error_of_two_bells() -> None:
    given, true = two_bells(200_000, 0.05, 4, distance=2 * np.sqrt(2))
    log_probs = log_posterior(given, [0.5, 0.5], [0.95, 0.05])
    wrong = decide(log_probs, np.array([0.95, 0.05]), tau=1.0) != true
    balanced = (wrong[true == 0].mean() + wrong[true == 1].mean()) / 2
    assert balanced == pytest.approx(0.0786, abs=0.004)  # Phi(-sqrt 2), and four standard errors
    plain = decide(log_probs, np.array([0.95, 0.05])) != true
    assert (plain[true == 0].mean() + plain[true == 1].mean()) / 2 > 0.13


def test_impossible_labels_are_never_answered() -> None:
    log_probs = np.array([[-np.inf, 0.0], [-np.inf, 0.0]])
    for tau in (-1.0, 0.0, 1.0, 100.0):
        assert decide(log_probs, np.array([0.0, 1.0]), tau).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("costs", "code", "named"),
    [
        ({"a": {"b": 1}}, "missing-cost", "must have the cost of 'a' where 'b' is true"),
        ({"a": {"b": 1}, "b": {"z": 1}}, "unknown-label", "name the unknown label 'z'"),
        ({"a": {"b": "high"}, "b": {"a": 1}}, "not-a-number", "must be finite numbers, found 'high'"),
        ({"a": {"b": float("inf")}, "b": {"a": 1}}, "not-a-number", "must be finite numbers, found inf"),
        ({"a": {"b": True}, "b": {"a": 1}}, "not-a-number", "must be finite numbers, found True"),
    ],
)
def test_costs_that_cannot_be_used_are_named(costs: dict[str, dict[str, float]], code: str, named: str) -> None:
    with raises(ConfigError, code) as caught:
        cost_matrix(costs, ("a", "b"))
    assert named in str(caught.value)
