import numpy as np
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan
from equipoise.errors import PlanError
from equipoise.weights import ClassWeights, InstanceAware, Power, RepeatFactor

SCHEMES = [RepeatFactor, InstanceAware]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_with_one_label_an_example_both_are_the_published_formula(scheme):
    n = np.array([700, 250, 40, 10])
    expected = np.maximum(1, np.sqrt(0.1 / (n / 1000)))
    np.testing.assert_allclose(scheme(0.1)(n, list("abcd"), "t"), expected, rtol=1e-12)
    plan = Plan.build(
        Census.from_counts({"t": dict(zip("abcd", n.tolist(), strict=True))}), rates="proportional", weights=scheme(0.1)
    )
    np.testing.assert_allclose(plan.probabilities, n * expected / (n * expected).sum(), rtol=1e-12)


def test_instances_count_by_the_geometric_mean():
    factors = InstanceAware(0.5).factors(np.array([0.5, 0.4, 0.02]), np.array([0.9, 0.099, 0.001]))
    np.testing.assert_allclose(factors, [1, np.sqrt(0.5 / np.sqrt(0.4 * 0.099)), np.sqrt(0.5 / np.sqrt(0.02 * 0.001))])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_thresholds_at_the_ends(scheme):
    f = np.array([1.0, 0.25, 0.01])
    assert scheme(0.0).factors(f, f).tolist() == [1, 1, 1]
    np.testing.assert_allclose(scheme(1.0).factors(f, f), [1, 2, 10], rtol=1e-12)
    np.testing.assert_allclose(scheme(1.0, power=1.0).factors(f, f), [1, 4, 100], rtol=1e-12)
    assert scheme(0.5, power=0.0).factors(f, f).tolist() == [1, 1, 1]


def test_without_a_floor_shares_are_those_of_power():
    n, labels = [700, 250, 50], list("abc")
    factors, weights = RepeatFactor(1, power=0.3)(n, labels, "t"), Power(0.3)(n, labels, "t")
    np.testing.assert_allclose(factors / factors[0], weights / weights[0], rtol=1e-12)


def test_labels_without_examples_have_no_factor():
    assert RepeatFactor(0.5)([8, 0, 2], list("abc"), "t").tolist() == pytest.approx([1, 0, np.sqrt(2.5)])


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("options", "code", "names"),
    [
        ({"threshold": 1.5}, "out-of-range", ["`threshold`", "found 1.5"]),
        ({"threshold": -0.1}, "out-of-range", ["`threshold`", "found -0.1"]),
        ({"threshold": 0.1, "power": -1}, "out-of-range", ["`power` must be a finite number of at least 0"]),
        ({"threshold": 0.1, "aggregate": "sum"}, "unknown-choice", ["`aggregate`", "found 'sum'"]),
        ({"threshold": 0.1, "empty": float("nan")}, "not-a-number", ["`empty` must be a finite number"]),
    ],
)
def test_options_that_cannot_be(scheme, options, code, names):
    with raises(PlanError, code, *names):
        scheme(**options)


def test_factors_beyond_all_numbers_are_refused():
    with raises(PlanError, "out-of-range", "`power`", "found 40"):
        RepeatFactor(1, power=40).factors(np.array([1e-10]), np.array([1e-10]))


@pytest.mark.parametrize("scheme", [RepeatFactor(0.001, aggregate="mean"), InstanceAware(0.1, power=1, empty=0)])
def test_json(scheme):
    assert ClassWeights.of(scheme.to_dict()) == scheme
