"""Expectation-maximisation finds the shares of rows without labels."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from tests.unit.calibration.made import likelihoods, posterior, two_bells

from equipoise.calibration import estimate_prior, log_posterior


def test_it_is_the_maximum_of_the_likelihood() -> None:
    given, _ = two_bells(2000, 0.3, 0)
    prior = np.array([0.9, 0.1])
    found = estimate_prior(log_posterior(given, [0.5, 0.5], prior), prior, tolerance=1e-12)
    dense = np.exp(given)
    expected = minimize_scalar(
        lambda share: -np.log(dense @ [1 - share, share]).mean(),
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-10},
    ).x
    assert found.prior[1] == pytest.approx(expected, abs=1e-6)
    assert found.converged
    assert (np.diff(found.log_likelihoods) >= -1e-12).all()
    gain = np.log(dense @ found.prior).mean() - np.log(dense @ prior).mean()
    assert found.log_likelihoods[-1] - found.log_likelihoods[0] == pytest.approx(gain, abs=1e-9)


@pytest.mark.statistical
@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_it_recovers_a_known_prior_within_the_sampling_error(share: float) -> None:
    rows, prior = 20_000, np.array([0.95, 0.05])
    given, true = two_bells(rows, share, 1)
    found = estimate_prior(log_posterior(given, [0.5, 0.5], prior), prior).prior
    # The observed information of the share, in one line.
    score = np.exp(given) @ [-1, 1] / (np.exp(given) @ [1 - share, share])
    error = 1 / np.sqrt((score**2).sum())
    assert abs(found[1] - share) < 4 * error
    assert error < 0.01
    assert abs(true.mean() - share) < 4 * error


def test_it_does_not_matter_from_where_it_starts() -> None:
    given = likelihoods(3000, 4, 2)
    ends = [
        estimate_prior(log_posterior(given, [0.25] * 4, prior), prior, tolerance=1e-12).prior
        for prior in (np.array([0.25] * 4), np.array([0.9, 0.05, 0.03, 0.02]))
    ]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)


def test_each_iteration_is_the_mean_of_the_posteriors() -> None:
    prior = np.array([0.6, 0.3, 0.1])
    given = likelihoods(50, 3, 5)
    one, two = (
        estimate_prior(log_posterior(given, [1 / 3] * 3, prior), prior, most_iterations=number).prior
        for number in (1, 2)
    )
    np.testing.assert_allclose(one, posterior(given, prior).mean(axis=0))
    np.testing.assert_allclose(two, posterior(given, one).mean(axis=0))


def test_edges() -> None:
    prior = np.array([0.7, 0.3, 0.0])
    none = estimate_prior(np.zeros((0, 3)), prior)
    assert none.prior.tolist() == [0.7, 0.3, 0.0]
    assert (none.iterations, none.converged, none.rows) == (0, True, 0)
    given = log_posterior(likelihoods(100, 3, 3), [1 / 3] * 3, prior)
    assert estimate_prior(given, prior).prior[2] == 0
    short = estimate_prior(given, prior, most_iterations=2, tolerance=0)
    assert (short.iterations, short.converged) == (2, False)
    sure = estimate_prior(np.array([[0.0, -1e6, -np.inf]] * 5), prior)
    assert sure.prior.tolist() == [1.0, 0.0, 0.0]
