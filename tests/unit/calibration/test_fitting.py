"""Fits of whole tasks: what they recover, what they leave alone, and that left-out rows are left out."""

from dataclasses import replace

import numpy as np
import pytest
from tests.support.errors import raises
from tests.unit.calibration.made import posterior, two_bells

from equipoise.calibration import (
    Choice,
    LabelledRows,
    Priors,
    cross_fitted,
    estimate_prior,
    fit_task,
    fit_tau,
    group_folds,
    log_posterior,
    log_scores,
    measures,
    row_weights,
)
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions

NATURAL, TRAINED = np.array([0.9, 0.1]), np.array([0.5, 0.5])


def made(rows: int, seed: int, share: float = 0.1, sharper: float = 1.0) -> LabelledRows:
    """Rows with a `share` of "yes", scored by a model of an even training that is `sharper` than it should be."""
    given, true = two_bells(rows, share, seed)
    scores = log_scores(posterior(sharper * given, TRAINED))
    return LabelledRows(("no", "yes"), scores, true, np.arange(rows) // 2)


def test_it_recovers_temperature_and_prior_in_one_go() -> None:
    rows = made(20_000, 0, sharper=2.0)
    fit = fit_task(rows, Priors(TRAINED, NATURAL), Choice()).calibration
    assert fit.temperature == pytest.approx(2.0, rel=0.06)
    expected = posterior(two_bells(20_000, 0.1, 0)[0], NATURAL)
    np.testing.assert_allclose(np.exp(fit.log_probabilities(rows.scores)), expected, atol=0.02)
    assert fit.tau > 0


def test_the_temperature_is_fitted_under_natural_shares_whatever_is_wanted() -> None:
    rows = made(2000, 1, sharper=1.5)
    plain = fit_task(rows, Priors(TRAINED, NATURAL), Choice(None)).calibration
    other = fit_task(rows, Priors(TRAINED, NATURAL, wanted=np.array([0.3, 0.7])), Choice(None)).calibration
    assert other.temperature == plain.temperature
    assert other.prior.tolist() == [0.3, 0.7]


def test_tau_is_chosen_for_the_shares_that_are_wanted() -> None:
    rows, wanted = made(4000, 2), np.array([0.25, 0.75])
    weights = row_weights(rows, NATURAL, wanted)
    np.testing.assert_allclose(weights, np.where(rows.true == 1, 7.5, 0.25 / 0.9))
    fit = fit_task(rows, Priors(TRAINED, NATURAL, wanted=wanted), Choice()).calibration
    log_probs = fit.log_probabilities(rows.scores)
    options = {"metric": "macro_f1", "groups": rows.groups}
    assert fit.tau == fit_tau(log_probs, rows.true, wanted, weights=weights, **options).tau
    assert fit.tau != fit_tau(log_probs, rows.true, wanted, **options).tau


def test_the_estimated_prior_uses_calibrated_probabilities() -> None:
    rows, new = made(10_000, 3, sharper=2.0), made(10_000, 4, share=0.4, sharper=2.0)
    fit = fit_task(rows, Priors(TRAINED, NATURAL, unlabelled=new.scores), Choice(None))
    assert fit.estimate is not None
    assert fit.estimate.converged
    assert fit.calibration.prior[1] == pytest.approx(0.4, abs=0.02)
    assert fit.estimate.rows == 10_000
    natural = log_posterior(new.scores, TRAINED, NATURAL, fit.calibration.temperature)
    np.testing.assert_array_equal(fit.calibration.prior, estimate_prior(natural, NATURAL).prior)
    too_sure = estimate_prior(log_posterior(new.scores, TRAINED, NATURAL), NATURAL).prior
    assert abs(fit.calibration.prior[1] - 0.4) < abs(too_sure[1] - 0.4)


def test_costs_decide_and_the_expected_cost_is_what_tau_is_chosen_by() -> None:
    costs = np.array([[0.0, 1.0], [20.0, 0.0]])
    rows = made(3000, 5)
    fit = fit_task(rows, Priors(TRAINED, NATURAL), Choice("expected_cost", costs)).calibration
    assert abs(fit.tau) <= 0.2  # the probabilities are right, so the cost-optimal decision needs no tau
    log_probs = fit.log_probabilities(rows.scores)
    by_cost = measures(log_probs, fit.decide(log_probs), rows.true, costs=costs)["expected_cost"]
    likeliest = measures(log_probs, log_probs.argmax(axis=1), rows.true, costs=costs)["expected_cost"]
    assert by_cost < likeliest / 2


def test_left_out_rows_do_not_see_themselves() -> None:
    rows = made(300, 6)
    priors, choice = Priors(TRAINED, NATURAL), Choice()
    folds = group_folds(150, 5, seed=1)
    found = cross_fitted(rows, priors, choice, folds)
    assert found is not None
    of_row = np.array([folds[group] for group in rows.groups.tolist()])
    fold = np.flatnonzero(of_row == 2)
    # Other labels and scores in one fold change nothing there: its fit is on the others, patients kept whole.
    changed = LabelledRows(rows.labels, rows.scores, np.where(of_row == 2, 1 - rows.true, rows.true), rows.groups)
    again = cross_fitted(changed, priors, choice, folds)
    assert again is not None
    np.testing.assert_array_equal(found.log_probs[fold], again.log_probs[fold])
    np.testing.assert_array_equal(found.decided[fold], again.decided[fold])
    others = np.flatnonzero(of_row != 2)
    assert (found.log_probs[others] != again.log_probs[others]).any()
    alone = fit_task(rows.take(others), priors, choice).calibration
    np.testing.assert_array_equal(found.log_probs[fold], alone.log_probabilities(rows.scores[fold]))


def test_folds_hold_whole_groups_of_about_equal_number() -> None:
    folds = group_folds(103, 5, seed=4)
    assert sorted(folds) == list(range(103))
    assert sorted(np.bincount(list(folds.values())).tolist()) == [20, 20, 21, 21, 21]
    assert folds == group_folds(103, 5, seed=4)
    assert folds != group_folds(103, 5, seed=5)
    one = LabelledRows(("no", "yes"), made(4, 0).scores, made(4, 0).true, np.zeros(4, np.int64))
    assert cross_fitted(one, Priors(TRAINED, NATURAL), Choice(), group_folds(1)) is None


def test_a_task_of_one_label_needs_nothing() -> None:
    rows = LabelledRows(("only",), np.zeros((60, 1)), np.zeros(60, np.int64), np.arange(60))
    one = np.array([1.0])
    fit = fit_task(rows, Priors(one, one), Choice())
    assert (fit.calibration.temperature, fit.calibration.tau, fit.notes) == (1.0, 0.0, ())
    assert cross_fitted(rows, Priors(one, one), Choice(), group_folds(60)) is not None


def test_few_rows_absent_and_undrawn_labels_are_noted() -> None:
    rows = made(49, 7)
    fit = fit_task(rows, Priors(TRAINED, NATURAL), Choice())
    assert any("only 49 validation rows" in note for note in fit.notes)
    assert not fit_task(made(50, 7), Priors(TRAINED, NATURAL), Choice()).notes
    common = rows.take(np.flatnonzero(rows.true == 0))
    assert any(
        "no validation row of 'yes'" in note for note in fit_task(common, Priors(TRAINED, NATURAL), Choice()).notes
    )
    undrawn = fit_task(rows, Priors(np.array([1.0, 0.0]), NATURAL), Choice())
    assert any("'yes' never drawn in training" in note for note in undrawn.notes)
    assert np.isfinite(undrawn.calibration.temperature)


def test_a_temperature_at_the_end_of_the_search_is_noted() -> None:
    rows = made(400, 8)
    signs = np.where(rows.true == 1, 1.0, -1.0)
    noise = np.random.default_rng(0).choice([-1.0, 1.0], 400)
    nearly_right = signs * np.where(np.arange(400) == 0, -1.0, 1.0)

    def notes(logit: np.ndarray) -> str:
        scores = np.stack([-logit, logit], axis=1) / 2
        return " ".join(fit_task(replace(rows, scores=scores), Priors(TRAINED, NATURAL), Choice(None)).notes)

    assert "at the end of the search, 100, because the scores say nearly nothing" in notes(1000 * noise)
    assert "at the end of the search, 0.05, because too few rows are wrong" in notes(1e-4 * nearly_right)
    assert "temperature" not in notes(4 * nearly_right)


def test_without_rows_only_the_priors_correct() -> None:
    none = made(10, 0).take(np.array([], np.int64))
    fit = fit_task(none, Priors(TRAINED, NATURAL), Choice()).calibration
    assert (fit.temperature, fit.tau) == (1.0, 0.0)
    np.testing.assert_allclose(np.exp(fit.log_probabilities(np.log([[0.5, 0.5]]))), [NATURAL])


def test_rows_of_unknown_labels_are_left_out() -> None:
    part = TaskPredictions("t", ["no", "maybe", "yes"], ["no"] * 3, ("no", "yes"), np.full((3, 2), 0.5))
    rows = LabelledRows.of(part, np.array([4, 5, 6]))
    assert (rows.true.tolist(), rows.groups.tolist()) == ([0, 1], [4, 6])
    with raises(ConfigError, "no-probabilities"):
        LabelledRows.of(TaskPredictions("t", ["no"], ["no"], ("no", "yes")), np.array([0]))


def test_a_row_of_weight_k_is_fitted_as_k_rows() -> None:
    rows = made(60, 3)
    times = np.random.default_rng(0).integers(1, 4, 60)
    weighted = replace(rows, weights=times.astype(np.float64))

    def temperature(fitted: LabelledRows) -> float:
        return fit_task(fitted, Priors(TRAINED, NATURAL), Choice(None)).calibration.temperature

    assert temperature(weighted) == pytest.approx(temperature(rows.take(np.repeat(np.arange(60), times))), rel=1e-6)
    assert temperature(weighted) != pytest.approx(temperature(rows), rel=1e-3)
    np.testing.assert_allclose(row_weights(weighted, NATURAL, NATURAL), times)
    taken = weighted.take(np.array([3, 1])).weights
    assert taken is not None
    assert taken.tolist() == [times[3], times[1]]


def test_rows_of_a_sample_keep_their_weights() -> None:
    even = np.full((3, 2), 0.5)
    part = TaskPredictions("t", ["no", "maybe", "yes"], ["no"] * 3, ("no", "yes"), even, weights=np.array([3.0, 2, 1]))
    held = LabelledRows.of(part, np.arange(3)).weights
    assert held is not None
    assert held.tolist() == [3, 1]
