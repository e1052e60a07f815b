"""Menon et al. (2021), section 6.1: which losses reach the best balanced error, of 7.86 %."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest

from equipoise.losses.labels import BalancedSoftmax, CrossEntropy, Focal, LogitAdjusted, VectorScaling, Weighted
from equipoise.weights import Balanced, Natural

pytestmark = pytest.mark.statistical
problem = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "pictures" / "two_gaussians.py"))
BEST = 0.0786496035
TRIALS = range(100, 112)  # other samples than those of the picture


def errors(loss, weights):
    """The exact balanced error of each trial's model, and that on a test set of 10,000."""
    exact, tested = [], []
    for seed in TRIALS:
        line = problem["trained"](loss, weights, seed)
        points, labels = problem["sample"](seed + 1000)
        wrong = (points @ line[:2] + line[2] > 0) != labels
        exact.append(problem["balanced_error"](line))
        tested.append((wrong[labels == 0].mean() + wrong[labels == 1].mean()) / 2)
    return np.array(exact), np.array(tested)


def test_the_best_error():
    assert problem["BEST"] == pytest.approx(BEST, rel=1e-9)
    assert problem["balanced_error"](np.array([1.0, 1.0, 0.0])) == pytest.approx(BEST, rel=1e-9)
    assert problem["balanced_error"](np.array([1.0, 1.0, 0.3])) > BEST


@pytest.mark.parametrize(
    ("loss", "weights"),
    [
        (LogitAdjusted(), Natural()),
        (BalancedSoftmax(), Natural()),
        (VectorScaling(), Natural()),
        (Weighted(Balanced()), Natural()),
        (CrossEntropy(), Balanced()),
        (LogitAdjusted(), Balanced()),
        (Weighted(Balanced()), Balanced()),
    ],
    ids=str,
)
def test_one_correction_reaches_it(loss, weights):
    exact, tested = errors(loss, weights)
    assert (exact >= BEST).all()
    # What 10,000 examples leave to be learned about the line is a few hundredths of a percent.
    assert exact.mean() < BEST + 0.001
    # 500 positive and 9,500 negative test examples a trial.
    deviation = math.sqrt(BEST * (1 - BEST) * (1 / 500 + 1 / 9500)) / 2 / math.sqrt(len(TRIALS))
    assert abs(tested.mean() - BEST) < 4 * deviation


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(gamma=2)], ids=str)
def test_plain_losses_stay_far_above(loss):
    exact, _ = errors(loss, Natural())
    assert exact.min() > 2 * BEST
    # The best accuracy is at the log-odds log(5/95): its balanced error is known too.
    if loss == CrossEntropy():
        shifted = problem["balanced_error"](np.array([2.0, 2.0, math.log(0.05 / 0.95)]))
        assert exact.mean() == pytest.approx(shifted, abs=4 * exact.std() / math.sqrt(len(TRIALS)))


def test_correcting_twice_is_as_bad_as_not_at_all():
    exact, _ = errors(Weighted(Balanced(), on_top=True), Balanced())
    assert exact.min() > BEST + 0.05
