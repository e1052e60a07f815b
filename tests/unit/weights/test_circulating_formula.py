"""The formula f(n) = (1 + a)^2 n / (1 + a^2 n) is passed around as a class weight: it makes imbalance worse."""

import numpy as np
import pytest

from equipoise.census import Census
from equipoise.plan import Plan
from equipoise.weights import EffectiveNumber, Table

COUNTS = (10_000, 100)
A = (1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0, 10.0)
AS_WEIGHT = (9_999.0, 9_902.0, 5_050.0, 198.0, 104.0, 101.0, 100.01)
AS_RECIPROCAL = (1.000, 1.010, 1.98, 50.5, 96.2, 99.0, 99.99)


def formula(n, a):
    return (1 + a) ** 2 * n / (1 + a**2 * n)


def drawn_ratio(head, tail):
    """Draws of the label with 10 000 examples per draw of the one with 100, through a whole plan."""
    census = Census.from_counts({"mood": dict(zip(("head", "tail"), COUNTS, strict=True))})
    plan = Plan.build(census, rates="proportional", weights=Table({"mood": {"head": head, "tail": tail}}))
    return plan.probabilities[0] / plan.probabilities[1]


@pytest.mark.parametrize(("a", "expected"), list(zip(A, AS_WEIGHT, strict=True)))
def test_used_as_a_weight_it_makes_a_hundredfold_imbalance_worse(a, expected):
    ratio = drawn_ratio(*(formula(n, a) for n in COUNTS))
    assert ratio == pytest.approx(expected, rel=2e-3)
    assert ratio > 100


@pytest.mark.parametrize(("a", "expected"), list(zip(A, AS_RECIPROCAL, strict=True)))
def test_its_reciprocal_balances(a, expected):
    ratio = drawn_ratio(*(1 / formula(n, a) for n in COUNTS))
    assert ratio == pytest.approx(expected, rel=2e-3)
    assert ratio < 100


@pytest.mark.parametrize("a", A)
def test_the_reciprocal_draws_as_the_kish_form(a):
    reciprocal = np.array([1 / formula(n, a) for n in COUNTS])
    kish = EffectiveNumber(alpha=a)(COUNTS, ("head", "tail"), "mood")
    np.testing.assert_allclose(kish / kish[0], reciprocal / reciprocal[0], rtol=1e-12)
