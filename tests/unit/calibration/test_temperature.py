"""The temperature against a direct minimiser, and where there is none."""

import numpy as np
import pytest
from scipy.optimize import brentq
from tests.unit.calibration.made import likelihoods

from equipoise.calibration import fit_temperature, log_posterior

TRAINED, NATURAL = np.array([0.4, 0.35, 0.25]), np.array([0.7, 0.2, 0.1])


def rows(count: int, seed: int, sharper: float) -> tuple[np.ndarray, np.ndarray]:
    """Log-scores that are `sharper` than the truth by which labels are drawn, under the natural prior."""
    given = likelihoods(count, 3, seed)
    truth = np.exp(log_posterior(given + np.log(TRAINED), TRAINED, NATURAL))
    drawn = np.random.default_rng(seed + 1).random(count)[:, None]
    return sharper * (given + np.log(TRAINED)), (drawn > truth.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("sharper", [0.3, 1.0, 4.0])
def test_it_is_the_root_of_the_slope_of_the_likelihood(sharper: float) -> None:
    scores, true = rows(400, 0, sharper)

    def slope(inverse: float) -> float:
        weights = np.exp(inverse * scores) * NATURAL / TRAINED
        weights /= weights.sum(axis=1, keepdims=True)
        return ((weights * scores).sum(axis=1) - scores[np.arange(len(true)), true]).mean()

    expected = 1 / brentq(slope, 1e-3, 20, xtol=1e-12)
    assert fit_temperature(scores, true, TRAINED, NATURAL) == pytest.approx(expected, rel=1e-5)


@pytest.mark.statistical
def test_it_finds_how_much_sharper_the_scores_are() -> None:
    scores, true = rows(40_000, 3, sharper=2.5)
    assert fit_temperature(scores, true, TRAINED, NATURAL) == pytest.approx(2.5, rel=0.04)


def test_it_stays_in_its_range() -> None:
    scores = np.log([[0.9, 0.1]] * 10)
    even = np.array([0.5, 0.5])
    assert fit_temperature(scores, np.ones(10, np.int64), even, even) == pytest.approx(100, rel=1e-3)
    almost = np.log([[0.5001, 0.4999]] * 999 + [[0.4999, 0.5001]])
    assert fit_temperature(almost, np.zeros(1000, np.int64), even, even) == pytest.approx(0.05, rel=1e-3)


def test_without_a_mistake_there_is_no_temperature() -> None:
    even = np.array([0.5, 0.5])
    assert fit_temperature(np.log([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1]), even, even) is None
    # A larger score of a label that cannot come is no mistake.
    scores = np.log([[0.2, 0.1, 0.7], [0.1, 0.2, 0.7]])
    assert fit_temperature(scores, np.array([0, 1]), np.array([0.5, 0.5, 0]), NATURAL) is None
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, np.int64), even, even) is None


def test_rows_of_a_label_that_cannot_come_do_not_count() -> None:
    scores, true = rows(200, 5, 2.0)
    trained, natural = np.array([0.6, 0.4, 0.0]), np.array([0.7, 0.2, 0.1])
    known = true < 2
    found = fit_temperature(scores, true, trained, natural)
    assert found == pytest.approx(fit_temperature(scores[known], true[known], trained, natural))
    assert found is not None
