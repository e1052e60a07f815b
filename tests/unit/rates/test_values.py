"""Golden values: T5's mixtures, UniMax's algorithm as published, and small cases by hand."""

import numpy as np
import pytest

from equipoise.rates import Equal, Fixed, Proportional, Temperature, UniMax

# Training examples of the GLUE tasks, as T5's mixtures weigh them.
GLUE = {
    "cola": 8_551,
    "mnli": 392_702,
    "mrpc": 3_668,
    "qnli": 104_743,
    "qqp": 363_849,
    "rte": 2_490,
    "sst2": 67_349,
    "stsb": 5_749,
}
N = np.array(list(GLUE.values()))


def rates(scheme, counts, draws=None):
    return scheme(counts, [f"task{i}" for i in range(len(counts))], draws)


def test_proportional():
    np.testing.assert_allclose(rates(Proportional(), N), N / 949_101, rtol=1e-15)


def test_proportional_with_t5s_limit():
    limited = rates(Proportional(maximum=2**16), N)
    expected = [8_551, 65_536, 3_668, 65_536, 65_536, 2_490, 65_536, 5_749]
    np.testing.assert_allclose(limited, np.array(expected) / 282_602, rtol=1e-15)


def seqio_rate(n, scale, maximum, temperature):
    """`mixing_rate_num_examples`: scale, limit, temperature."""
    rate = n * scale
    if maximum is not None:
        rate = min(rate, maximum)
    return rate ** (1 / temperature)


@pytest.mark.parametrize("temperature", [0.5, 1, 2, 3.33, 4, 8, 100])
@pytest.mark.parametrize("maximum", [None, 3000, 2**16, 2**21])
@pytest.mark.parametrize("scale", [1.0, 0.1, 7.0])
def test_temperature_has_t5s_order(temperature, maximum, scale):
    expected = np.array([seqio_rate(n, scale, maximum, temperature) for n in N.tolist()])
    actual = rates(Temperature(temperature, maximum=maximum, scale=scale), N)
    np.testing.assert_allclose(actual, expected / expected.sum(), rtol=1e-12)


def test_temperature_two_is_the_square_root():
    np.testing.assert_allclose(rates(Temperature(2), [100, 25, 1]), np.array([10, 5, 1]) / 16)


def test_temperature_is_not_the_exponent():
    assert rates(Temperature(100), [10**6, 1])[0] < 0.6
    assert rates(Temperature(0.01), [10**12, 10**12 - 10**10])[0] == pytest.approx(1 / (1 + 0.99**100))


def test_tasks_without_examples_get_nothing():
    assert rates(Equal(), [5, 0, 7]).tolist() == [0.5, 0.0, 0.5]
    assert rates(Temperature(1e9), [5, 0])[1] == 0.0
    assert rates(UniMax(), [5, 0, 5], 4).tolist() == [0.5, 0.0, 0.5]


def unimax_algorithm(counts, budget, passes):
    """Algorithm 1 of Chung et al. (2023), line by line."""
    order = np.argsort(counts)
    units = np.zeros(len(counts))
    for i, task in enumerate(order):
        per_task = budget / (len(counts) - i)
        units[task] = min(per_task, counts[task] * passes)
        budget -= units[task]
    return units / units.sum()


@pytest.mark.parametrize("passes", [1, 5, 10])
@pytest.mark.parametrize("budget", [10, 20_000, 100_000, 500_000, 949_101])
def test_unimax_is_the_published_algorithm(passes, budget):
    expected = unimax_algorithm(N, budget, passes)
    np.testing.assert_allclose(rates(UniMax(passes), N, budget), expected, rtol=1e-12)


def test_unimax_by_hand():
    # 30 draws: b = 10, a small task gives 2 and 4 back, 24 are left for the third.
    np.testing.assert_allclose(rates(UniMax(1), [2, 4, 1000], 30), np.array([2, 4, 24]) / 30)


def test_unimax_spends_its_whole_budget_exactly():
    np.testing.assert_allclose(rates(UniMax(0.1), [3, 7, 11], 2), np.array([0.3, 0.7, 1.0]) / 2, rtol=1e-12)
    np.testing.assert_allclose(rates(UniMax(3), [3, 7], 30), [0.3, 0.7], rtol=1e-15)


def test_fixed():
    assert Fixed({"a": 0.25, "b": 0.75})([1, 10**9], ("a", "b")).tolist() == [0.25, 0.75]
    assert Fixed({"a": 0, "b": 1})([1, 1], ("a", "b")).tolist() == [0.0, 1.0]
    assert Fixed({"a": 1})([1, 0], ("a", "b")).tolist() == [1.0, 0.0]
