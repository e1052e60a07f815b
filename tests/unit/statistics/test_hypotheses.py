"""Intervals, tests and ranks against published numbers, and against their definitions."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.support.errors import raises

from equipoise.errors import ConfigError, DataError
from equipoise.metrics import Estimate
from equipoise.statistics import cliques, holm, mean_interval, mean_ranks, signed_rank

# Student (1908): additional hours of sleep by two drugs, second minus first, of ten patients.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
# Hollander & Wolfe (1973), p. 29: a depression score before and after therapy.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
# Demsar (2006), table 6: AUC of C4.5, with m, with cf, with both. In the last line but one the paper prints 0.975 for
# both, and the ranks 2 and 3 of what it rounded.
AUC = """0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.9751 0.975
0.957 0.978 0.946 0.970"""
TABLE = np.array([[float(value) for value in line.split()] for line in AUC.splitlines()])
NAMES = ("C4.5", "m", "cf", "both")

floats = st.floats(-10, 10).map(lambda value: round(value, 3))


def test_interval_of_the_sleep_data():
    found = mean_interval(SLEEP)
    # t.test(extra ~ group, data = sleep, paired = TRUE) of R
    assert (found.value, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-7)


def test_interval_of_two_seeds_has_the_quantile_of_cauchy():
    found = mean_interval([0.0, 2.0], 0.5)
    assert (found.low, found.high) == pytest.approx((0.0, 2.0), abs=1e-9)  # tan(pi / 4) = 1


def test_what_was_not_measured_is_left_out_of_the_mean_over_seeds():
    assert mean_interval([None, *SLEEP, float("nan")]) == mean_interval(SLEEP)
    assert mean_interval([None, 0.25]) == Estimate(0.25)
    assert mean_interval([]) == mean_interval([None, float("nan")]) == Estimate(None)


@given(floats.map(lambda value: value / 7), st.integers(2, 9))
def test_equal_seeds_have_an_interval_without_width(value, count):
    assert mean_interval([value] * count) == Estimate(value, value, value)


@given(st.lists(floats, min_size=2, max_size=8), st.floats(0.5, 0.9))
def test_more_confidence_is_a_wider_interval_around_the_mean(values, confidence):
    assume(len(set(values)) > 1)
    narrow, wide = mean_interval(values, confidence), mean_interval(values, 0.95)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert narrow.value == pytest.approx(np.mean(values))
    assert narrow.high - narrow.value == pytest.approx(narrow.value - narrow.low)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, float("nan")])
def test_a_level_that_is_none_is_refused(confidence):
    with raises(ConfigError, "wrong-confidence") as caught:
        mean_interval(SLEEP, confidence)
    assert f"`confidence` must be above 0 and below 1, found {confidence}" in str(caught.value)


def test_signed_rank_of_the_depression_scores():
    found = signed_rank([before - after for before, after in zip(BEFORE, AFTER, strict=True)])
    # wilcox.test of R gives V = 40 of 45 and, one-sided, p = 0.01953.
    assert (found.pairs, found.effect) == (9, pytest.approx((40 - 5) / 45))
    assert found.p_value == pytest.approx(2 * 0.01953, abs=1e-5)


@given(st.lists(st.integers(-30, 30).filter(bool), min_size=1, max_size=10, unique_by=abs))
def test_signed_rank_is_exact_where_all_signs_can_be_counted(values):
    ranks = np.argsort(np.argsort(np.abs(values))) + 1
    total = ranks.sum()

    def apart(signs):
        return abs((np.array(signs) * ranks).sum())

    as_far = [apart(signs) >= apart(np.sign(values)) for signs in itertools.product((-1, 1), repeat=len(values))]
    found = signed_rank(values)
    assert found.p_value == pytest.approx(np.mean(as_far))
    assert abs(found.effect) == pytest.approx(apart(np.sign(values)) / total)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5, 0.75]), min_size=1, max_size=8))
def test_signed_rank_does_not_care_who_is_first(values):
    found, turned = signed_rank(values), signed_rank([-value for value in values])
    if not any(values):
        assert found is turned is None
        return
    assert found.pairs == turned.pairs == np.count_nonzero(values)
    assert found.effect == -turned.effect
    assert -1 <= found.effect <= 1
    assert found.p_value == pytest.approx(turned.p_value)
    assert 0 < found.p_value <= 1


def test_ties_and_what_was_not_measured_are_no_pairs():
    assert signed_rank([0.0, None, *SLEEP, float("nan")]) == signed_rank(SLEEP)
    assert signed_rank(SLEEP).pairs == 9
    assert signed_rank([]) is None
    assert signed_rank([0.0, None]) is None


def test_holm_of_published_examples():
    # The example of p.adjust's documentation pages, and that of Wikipedia's article on the method.
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_by_its_definition(values):
    """p.adjust: pmin(1, cummax((n - i + 1) p_(i))), taken back to the order that was given."""
    order = np.argsort(values, kind="stable")
    steps = [(len(values) - i) * values[place] for i, place in enumerate(order)]
    expected = np.minimum(1, np.maximum.accumulate(steps)) if steps else np.array([])
    found = holm(values)
    np.testing.assert_allclose([found[place] for place in order], expected)
    assert all(p <= adjusted <= 1 for p, adjusted in zip(values, found, strict=True))


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_probability(value):
    with raises(ConfigError, "wrong-p-value") as caught:
        holm([0.5, value])
    assert f"`p_values` must be between 0 and 1, found {value}" in str(caught.value)


def test_ranks_of_demsar():
    found = mean_ranks(TABLE)
    assert found.mean_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert mean_ranks(TABLE, confidence=0.9).critical_difference == pytest.approx(1.12, abs=0.005)
    assert found.blocks == 14
    # His chi-squared is 9.28, before the correction for ties: by 1 - sum of t^3 - t over N (k^3 - k).
    corrected = 9.28 / (1 - (60 + 3 * 6) / (14 * 60))
    assert found.p_value == pytest.approx(stats.chi2.sf(corrected, 3), rel=5e-3)


def test_cliques_of_demsar():
    # "Pure C4.5 is significantly worse than C4.5+m and C4.5+m+cf. We cannot tell which group C4.5+cf belongs to."
    found = mean_ranks(TABLE, confidence=0.9)
    ranks = dict(zip(NAMES, found.mean_ranks, strict=True))
    assert cliques(ranks, found.critical_difference) == [("both", "m", "cf"), ("cf", "C4.5")]
    assert cliques(ranks, 2.0) == [("both", "m", "cf", "C4.5")]
    assert cliques(ranks, 0.01) == cliques({}, 1.0) == []


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers(4, 28).map(lambda rank: rank / 4)), st.integers(1, 16))
def test_cliques_are_all_largest_sets_without_a_difference(ranks, quarters):
    alike = [
        set(names)
        for size in range(2, len(ranks) + 1)
        for names in itertools.combinations(ranks, size)
        if max(ranks[name] for name in names) - min(ranks[name] for name in names) < quarters / 4
    ]
    found = cliques(ranks, quarters / 4)
    assert sorted(map(sorted, found)) == sorted(sorted(names) for names in alike if not any(names < o for o in alike))
    assert all([ranks[name] for name in names] == sorted(ranks[name] for name in names) for names in found)
    assert [ranks[names[0]] for names in found] == sorted(ranks[names[0]] for names in found)


def test_blocks_that_not_all_were_measured_in_are_dropped():
    holed = np.vstack([TABLE[:7], [[0.5, np.nan, 0.5, 0.5]], TABLE[7:]])
    found, whole = mean_ranks(holed), mean_ranks(TABLE)
    assert found.mean_ranks.tolist() == whole.mean_ranks.tolist()
    assert (found.p_value, found.blocks) == (whole.p_value, 14)


def test_candidates_that_are_all_equal():
    found = mean_ranks(np.ones((5, 4)))
    assert (found.mean_ranks.tolist(), found.p_value) == ([2.5] * 4, 1.0)


@given(st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=6))
def test_ranks_turn_with_the_sign_of_the_scores(rows):
    most, least = mean_ranks(rows), mean_ranks(rows, larger_is_better=False)
    assert most.mean_ranks + least.mean_ranks == pytest.approx(np.full(4, 5.0))
    assert most.mean_ranks.sum() == pytest.approx(4 * 5 / 2)
    assert most.p_value == pytest.approx(least.p_value)
    turned = mean_ranks(-np.array(rows), larger_is_better=False)
    assert turned.mean_ranks.tolist() == most.mean_ranks.tolist()


def test_ranks_need_three_candidates_and_a_block():
    with raises(DataError, "wrong-shape") as caught:
        mean_ranks(TABLE[:, :2])
    assert "found (14, 2)" in str(caught.value)
    with raises(DataError, "no-block"):
        mean_ranks([[0.5, np.nan, 0.5]])


@pytest.mark.parametrize(
    ("confidence", "quantiles"),
    [
        (0.95, [2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.90, [2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_critical_differences_have_the_quantiles_of_demsars_table_5(confidence, quantiles):
    for candidates, quantile in zip(range(3, 11), quantiles, strict=True):
        found = mean_ranks(np.arange(7.0 * candidates).reshape(7, candidates), confidence=confidence)
        unit = math.sqrt(candidates * (candidates + 1) / (6 * 7))
        assert found.critical_difference / unit == pytest.approx(quantile, abs=1.1e-3)
