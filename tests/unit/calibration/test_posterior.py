"""The prior correction undoes resampling exactly, and nothing overflows."""

import numpy as np
import pytest
from tests.support.errors import raises
from tests.unit.calibration.made import likelihoods, posterior

from equipoise.calibration import (
    TaskCalibration,
    log_posterior,
    log_prior_ratio,
    log_scores,
    shares_within,
)
from equipoise.census import Census
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions
from equipoise.plan import Plan
from equipoise.rates import Equal
from equipoise.weights import InverseFrequency, Natural

LABELS = ("a", "b", "c")


@pytest.mark.parametrize("seed", range(5))
def test_the_correction_is_the_exact_inverse_of_resampling(seed: int) -> None:
    random = np.random.default_rng(seed)
    natural, drawn = random.dirichlet([0.3] * 4), random.dirichlet([1.0] * 4)
    given = likelihoods(1000, 4, seed)
    corrected = np.exp(log_posterior(np.log(posterior(given, drawn)), drawn, natural))
    np.testing.assert_allclose(corrected, posterior(given, natural), rtol=1e-12, atol=1e-15)
    back = np.exp(log_posterior(np.log(corrected), natural, drawn))
    np.testing.assert_allclose(back, posterior(given, drawn), rtol=1e-12, atol=1e-15)


def test_the_correction_uses_what_the_loss_saw_inside_the_task() -> None:
    census = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "other": {"x": 50, "y": 5000}})
    natural = Plan.build(census, rates="proportional", weights="natural")
    # Drawn evenly, but with weights in the loss that take it back: nothing is left to correct.
    taken_back = Plan.build(census, Equal(), InverseFrequency(), target_weights=Natural())
    even = Plan.build(census, Equal(), InverseFrequency())
    said = np.array([[0.9, 0.1], [0.8, 0.2], [1.0, 0.0]])
    part = TaskPredictions("mood", ["sad"] * 3, ["glad"] * 3, ("glad", "sad"), said)

    def corrected_to(plan: Plan) -> TaskPredictions:
        learned, wanted = (shares_within(each, each.target, "mood", ("glad", "sad")) for each in (natural, plan))
        return TaskCalibration(("glad", "sad"), learned, wanted).apply(part)

    corrected = corrected_to(even)
    assert corrected.probabilities is not None
    # By hand: 0.8 / 0.9 against 0.2 / 0.1 is 8 to 18.
    np.testing.assert_allclose(corrected.probabilities, [[0.5, 0.5], [8 / 26, 18 / 26], [1.0, 0.0]], atol=1e-15)
    assert corrected.predicted[1:] == ["sad", "glad"]
    for plan in (natural, taken_back):
        unchanged = corrected_to(plan)
        np.testing.assert_allclose(unchanged.probabilities, said, atol=1e-15)
    assert shares_within(even, even.counts, "other", ("y", "x")).tolist() == [5000 / 5050, 50 / 5050]


def test_labels_without_a_share_get_the_probability_zero() -> None:
    scores = log_scores(np.array([[0.2, 0.3, 0.5]]))
    never_trained = np.exp(log_posterior(scores, [0.5, 0.5, 0.0], [0.4, 0.4, 0.2]))
    np.testing.assert_allclose(never_trained, [[0.4, 0.6, 0.0]])
    not_wanted = np.exp(log_posterior(scores, [0.4, 0.4, 0.2], [1.0, 0.0, 0.0]))
    assert not_wanted.tolist() == [[1.0, 0.0, 0.0]]
    assert log_prior_ratio([0.0, 1.0], [0.0, 1.0]).tolist() == [-np.inf, 0.0]


def test_nothing_overflows_or_becomes_nan() -> None:
    extreme = np.array([[1e300, -1e300, 0.0], [0.0, -np.inf, -1e5]])
    found = np.exp(log_posterior(extreme, [1 / 3] * 3, [1 / 3] * 3))
    assert found.tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    scores = log_scores(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    assert np.isfinite(scores).all()
    corrected = log_posterior(scores, [1e-300, 1.0], [1.0, 1e-300], temperature=0.05)
    assert np.isfinite(corrected).all()
    # A row that was sure of the label that is all but impossible here keeps what its log-score says.
    assert corrected.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"temperature": 0.0}, "not-a-number", "`temperature` must be a finite number above 0"),
        ({"temperature": float("nan")}, "not-a-number", "`temperature`"),
        ({"tau": float("inf")}, "not-a-number", "`tau`"),
        ({"prior": np.array([0.5, 0.6, 0.0])}, "not-shares", "`prior` must be 3 shares"),
        ({"trained_prior": np.array([1.5, -0.5, 0.0])}, "not-shares", "`trained_prior` must be 3 shares"),
        ({"prior": np.array([0.5, 0.5])}, "not-shares", "`prior` must be 3 shares"),
        ({"prior": np.array([0.0, 0.0, 1.0])}, "no-label-left", "no label has a share above 0 both"),
        ({"costs": np.zeros((2, 2))}, "wrong-shape", "`costs` must be 3 x 3"),
        ({"thresholds": np.ones(2)}, "not-thresholds", "`thresholds` must be 3 finite numbers above 0"),
        ({"thresholds": np.array([1.0, 0.0, 1.0])}, "not-thresholds", "`thresholds` must be 3 finite numbers"),
        ({"thresholds": np.ones(3), "tau": 0.5}, "tau-and-thresholds", "`tau` must be 0 with `thresholds`"),
    ],
)
def test_values_that_cannot_be_used_are_named(change: dict[str, object], code: str, named: str) -> None:
    given = {"trained_prior": np.array([0.5, 0.5, 0.0]), "prior": np.array([0.5, 0.25, 0.25]), **change}
    with raises(ConfigError, code) as caught:
        TaskCalibration(LABELS, **given)  # pyright: ignore[reportArgumentType]
    assert named in str(caught.value)


def test_predictions_of_other_labels_are_refused() -> None:
    one = TaskCalibration(("a", "b"), np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    with raises(ConfigError, "other-labels") as caught:
        one.apply(TaskPredictions("t", ["a"], ["a"], ("b", "a"), np.array([[0.5, 0.5]])))
    assert "for the labels ['a', 'b'], found ['b', 'a']" in str(caught.value)
    with raises(ConfigError, "no-probabilities"):
        one.apply(TaskPredictions("t", ["a"], ["a"], ("a", "b")))


def test_tau_and_costs_change_answers_and_never_probabilities() -> None:
    said = posterior(likelihoods(200, 3, 1), np.array([0.8, 0.15, 0.05]))
    part = TaskPredictions("t", ["a"] * 200, ["a"] * 200, LABELS, said)
    prior = np.array([0.8, 0.15, 0.05])
    plain = TaskCalibration(LABELS, prior, prior).apply(part)
    costs = np.array([[0.0, 1.0, 1.0], [5.0, 0.0, 1.0], [50.0, 10.0, 0.0]])
    for tau, held in ((1.0, None), (0.0, costs)):
        other = TaskCalibration(LABELS, prior, prior, tau=tau, costs=held).apply(part)
        np.testing.assert_array_equal(other.probabilities, plain.probabilities)
        assert other.predicted != plain.predicted
    np.testing.assert_allclose(plain.probabilities, said, rtol=1e-12)


def test_the_steps_are_done_in_their_order() -> None:
    trained, prior = np.array([0.5, 0.3, 0.2]), np.array([0.7, 0.2, 0.1])
    costs = np.random.default_rng(0).random((3, 3))
    said = posterior(likelihoods(50, 3, 2), trained)
    one = TaskCalibration(LABELS, trained, prior, temperature=1.7, tau=0.6, costs=costs)
    powered = said ** (1 / 1.7) * prior / trained
    expected = powered / powered.sum(axis=1, keepdims=True)
    corrected = one.apply(TaskPredictions("t", ["a"] * 50, ["a"] * 50, LABELS, said))
    np.testing.assert_allclose(corrected.probabilities, expected, rtol=1e-12)
    adjusted = expected / prior**0.6
    adjusted /= adjusted.sum(axis=1, keepdims=True)
    assert corrected.predicted == [LABELS[k] for k in (adjusted @ costs).argmin(axis=1)]
