"""The label shares that a loss leads to, which are what a calibration corrects from."""

import numpy as np
import pytest

from equipoise.census import Census
from equipoise.config import parse_loss
from equipoise.plan import Plan
from equipoise.rates import Equal, Fixed
from equipoise.runs.losses import trained_prior
from equipoise.weights import InverseFrequency, Natural, Power

CENSUS = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "other": {"x": 50, "y": 5000}})
ROOTS = np.array([0.75, 0.25])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("cross_entropy", ROOTS),
        ({"name": "cross_entropy", "level": "label"}, ROOTS),
        ("balanced_softmax", [0.5, 0.5]),
        ({"name": "logit_adjusted", "tau": 0.5}, ROOTS**0.5 / (ROOTS**0.5).sum()),
        ({"name": "weighted", "weights": "inverse"}, [0.5, 0.5]),
    ],
)
def test_of_each_loss(loss: object, expected: object) -> None:
    plan = Plan.build(CENSUS, Equal(), Power(0.5))
    found, note = trained_prior(parse_loss(loss), plan, "mood", ("glad", "sad"))
    np.testing.assert_allclose(found, expected)
    assert note is None
    swapped, _ = trained_prior(parse_loss(loss), plan, "mood", ("sad", "glad"))
    np.testing.assert_allclose(swapped, found[::-1])


def test_importance_weights_lead_to_the_target() -> None:
    plan = Plan.build(CENSUS, Equal(), InverseFrequency(), target_weights=Natural())
    found, _ = trained_prior(parse_loss("cross_entropy"), plan, "mood", ("glad", "sad"))
    np.testing.assert_allclose(found, [0.9, 0.1])


@pytest.mark.parametrize("loss", ["focal", {"name": "focal", "level": "label"}, "ldam"])
def test_losses_that_estimate_no_probabilities_say_so(loss: object) -> None:
    plan = Plan.build(CENSUS, Equal(), Power(0.5))
    found, note = trained_prior(parse_loss(loss), plan, "mood", ("glad", "sad"))
    np.testing.assert_allclose(found, ROOTS)
    assert note is not None
    assert "does not estimate probabilities" in note


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "balanced_softmax"])
def test_tasks_that_were_never_drawn_have_no_shares(loss: str) -> None:
    plan = Plan.build(CENSUS, Fixed({"mood": 0, "other": 1}), weights="natural")
    assert trained_prior(parse_loss(loss), plan, "mood", ("glad", "sad"))[0].tolist() == [0, 0]
