"""The least difference that can be shown, and what a smaller one needs: Miller's formula, and what it must keep."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.support.errors import raises

from equipoise.errors import ConfigError
from equipoise.statistics import DifferencePosterior, least_difference, needed

HELD = DifferencePosterior(0.0, training=0.0001, rows=0.0003, seeds=3, groups=200)


def test_groups_are_those_of_miller():
    """Section 5 of the paper: 969 questions show 3 points, with a variance of 1/9 of the differences, alpha 0.05."""
    many = DifferencePosterior(0.0, training=0.0, rows=1 / 9 / 969, seeds=2, groups=969)
    assert least_difference(many, confidence=0.975) == pytest.approx(0.03, rel=2e-3)
    assert needed(many, 0.03, confidence=0.975).groups == pytest.approx(969, abs=3)  # t in place of z


def test_least_difference_is_the_formula():
    quantiles = stats.t.ppf([0.95, 0.8], HELD.degrees_of_freedom).sum()
    assert least_difference(HELD, 0.01) == pytest.approx(0.01 + quantiles * 0.02)
    assert least_difference(HELD, 0.01, power=0.5) == pytest.approx(
        0.01 + stats.t.ppf(0.95, HELD.degrees_of_freedom) * 0.02
    )
    assert least_difference(DifferencePosterior(0.5, 0.0, 0.0, 2, 9), 0.01) == 0.01


def test_more_seeds_do_not_help_where_the_rows_are_too_few_and_the_reverse():
    assert needed(HELD, 0.04, 0.01).seeds is None
    assert needed(HELD, 0.04, 0.01).groups is None
    fewer = needed(HELD, 0.055, 0.01)
    assert (fewer.groups, fewer.seeds, fewer.times) == (301, 12, 2)


@settings(max_examples=50, deadline=None)
@given(
    training=st.floats(1e-6, 1e-2), rows=st.floats(1e-6, 1e-2), seeds=st.integers(2, 6), share=st.floats(0.1, 0.95),
    groups=st.integers(10, 500),
)  # fmt: skip
def test_what_is_needed_is_enough_and_one_less_is_not(training, rows, seeds, share, groups):
    held = DifferencePosterior(0.0, training, rows, seeds, groups)
    target = 0.01 + share * (least_difference(held, 0.01) - 0.01)
    found = needed(held, target, 0.01)

    def least(of_groups, of_seeds):
        more = DifferencePosterior(0.0, training * seeds / of_seeds, rows * groups / of_groups, of_seeds, of_groups)
        return least_difference(more, 0.01)

    if found.groups is not None:
        assert least(found.groups, seeds) <= target < least(found.groups - 1, seeds)
    if found.seeds is not None:
        assert least(groups, found.seeds) <= target < least(groups, found.seeds - 1)
    assert found.times > 1
    assert least(groups * found.times, seeds * found.times) <= target
    assert least(groups * (found.times - 1), seeds * (found.times - 1)) > target


def test_what_was_shown_needs_no_more():
    assert needed(HELD, 1.0, 0.01).times == 1


def test_what_cannot_be_planned_is_refused():
    with raises(ConfigError, "wrong-difference", "found 0.01"):
        needed(HELD, 0.01, 0.01)
    with raises(ConfigError, "wrong-confidence", "`power` must be at least 0.5 and below 1, found 1"):
        least_difference(HELD, power=1)
    with raises(ConfigError, "wrong-confidence", "`confidence` must be at least 0.5"):
        least_difference(HELD, confidence=0.05)
