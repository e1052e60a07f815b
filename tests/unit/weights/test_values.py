"""Golden values: published numbers, scikit-learn, and high-precision arithmetic."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from equipoise.weights import (
    Balanced,
    CostMatrix,
    EffectiveNumber,
    InverseFrequency,
    Log,
    MedianFrequency,
    Natural,
    Power,
    Shares,
    Table,
)


def weigh(scheme, *counts):
    return scheme(counts, [f"label{i}" for i in range(len(counts))], "task")


@pytest.mark.parametrize("counts", [(4, 2), (1, 1, 1), (1000, 10, 1), (7, 3, 900, 12)])
def test_balanced_is_scikit_learns(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=y)
    np.testing.assert_allclose(weigh(Balanced(), *counts), expected, rtol=1e-15)


def test_balanced_counts_only_labels_with_examples():
    assert weigh(Balanced(), 4, 0, 2).tolist() == [0.75, 0.0, 1.5]


def test_power_between_natural_and_inverse():
    assert weigh(Power(0), 9, 4).tolist() == weigh(Natural(), 9, 4).tolist()
    np.testing.assert_allclose(weigh(Power(1), 9, 4), weigh(InverseFrequency(), 9, 4), rtol=1e-15)
    np.testing.assert_allclose(weigh(Power(), 9, 4), [1 / 3, 1 / 2], rtol=1e-15)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [  # weight of 100 examples over weight of 10 000
        (EffectiveNumber(beta=0.99), 1.58),
        (EffectiveNumber(beta=0.999), 10.50),
        (EffectiveNumber(beta=0.9999), 63.5),
        (EffectiveNumber(alpha=math.sqrt(0.01 / 0.99)), 1.97),
        (EffectiveNumber(alpha=math.sqrt(0.001 / 0.999)), 9.99),
        (EffectiveNumber(alpha=math.sqrt(0.0001 / 0.9999)), 50.5),
    ],
)
def test_effective_number_ratios(scheme, expected):
    head, tail = weigh(scheme, 10_000, 100)
    assert tail / head == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize("beta", [0.1, 0.9, 0.9999, 0.999_999_999, 1 - 2**-50])
@pytest.mark.parametrize("n", [1, 2, 1000, 10**6, 10**12])
def test_cui_keeps_its_digits(beta, n):
    with localcontext(prec=120):
        exact = (1 - Decimal(beta)) / (1 - Decimal(beta) ** n)
    assert weigh(EffectiveNumber(beta=beta), n)[0] == pytest.approx(float(exact), rel=4e-15)


@pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.01, 1.0, 30.0, 1e200])
@pytest.mark.parametrize("n", [1, 50, 10**12])
def test_kish_is_the_design_effect(alpha, n):
    squared = Decimal(alpha) ** 2
    rho = squared / (1 + squared)
    deff = 1 + (n - 1) * rho
    assert weigh(EffectiveNumber(alpha=alpha), n)[0] == pytest.approx(float(deff / n), rel=1e-14)


def test_effective_number_limits():
    assert weigh(EffectiveNumber(beta=0), 100, 3).tolist() == [1.0, 1.0]
    np.testing.assert_allclose(weigh(EffectiveNumber(alpha=0), 100, 4), [0.01, 0.25])
    np.testing.assert_allclose(weigh(EffectiveNumber(beta=0.9), 1, 10**9), [1.0, 0.1], rtol=1e-14)


def test_median_frequency():
    assert weigh(MedianFrequency(), 100, 20, 5, 0).tolist() == [0.2, 1.0, 4.0, 0.0]
    assert weigh(MedianFrequency(), 10, 20).tolist() == [1.5, 0.75]


def test_log_has_enets_range():
    assert weigh(Log(), 10**15, 1)[1] == pytest.approx(50.5, abs=0.01)
    assert weigh(Log(), 5)[0] == pytest.approx(1.42, abs=0.005)
    assert weigh(Log(kappa=1.5), 3, 1)[1] == pytest.approx(1 / math.log(1.75))


def test_by_hand():
    assert Table({"t": {"a": 2, "b": 0.5}})([3, 4], ("a", "b"), "t").tolist() == [2.0, 0.5]
    weights = Shares({"t": {"a": 0.9, "b": 0.1}})([50, 50], ("a", "b"), "t")
    np.testing.assert_allclose(weights, [1.8, 0.2])


def test_cost_matrix_sums_the_errors_of_a_label():
    costs = {"a": {"b": 1, "c": 2}, "b": {"a": 5, "b": 0, "c": 0.5}, "c": {"a": 0, "b": 0}}
    weights = CostMatrix({"t": costs})([9, 9, 9], ("a", "b", "c"), "t")
    assert weights.tolist() == [3.0, 5.5, 0.0]


def test_cost_matrix_with_a_label_that_can_only_be_predicted():
    costs = {"a": {"b": 1, "c": 2}, "b": {"a": 5, "c": 3}}
    assert CostMatrix({"t": costs})([9, 9, 0], ("a", "b", "c"), "t").tolist() == [3.0, 8.0, 0.0]


def test_clipping_bounds_the_ratio():
    assert weigh(InverseFrequency().clipped(max_ratio=10), 1000, 500, 1).tolist() == [0.001, 0.002, 0.01]
    assert weigh(InverseFrequency().clipped(max_ratio=1), 1000, 1).tolist() == [0.001, 0.001]
    twice = InverseFrequency().clipped(max_ratio=100).clipped(max_ratio=10)
    assert weigh(twice, 1000, 1).tolist() == [0.001, 0.01]


def test_clipping_ignores_labels_left_out():
    scheme = Table({"t": {"a": 0, "b": 1, "c": 9}}).clipped(max_ratio=2)
    assert scheme([1, 1, 1], ("a", "b", "c"), "t").tolist() == [0.0, 1.0, 2.0]
    nothing = Table({"t": {"a": 0}}).clipped(max_ratio=2)
    assert nothing([1], ("a",), "t").tolist() == [0.0]
