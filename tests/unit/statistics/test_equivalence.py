"""Probabilities of better, practically the same and worse, against baycomp and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.support.errors import raises

from equipoise.errors import ConfigError, DataError
from equipoise.statistics import DifferencePosterior, signed_rank_probabilities

ORACLE = "baycomp, the oracle, is installed with the group dev alone"
SCORES = np.random.default_rng(3).normal(0.6, 0.02, (2, 10)) + np.array([[0.0], [0.015]])


@pytest.mark.parametrize("rope", [0.0, 0.01, 0.03])
def test_posterior_is_that_of_the_correlated_t_test(rope):
    """Ten folds of one cross-validation: their variance over 10 is like that of seeds, and 1/9 of it like that of rows.

    Satterthwaite's degrees of freedom are those of the folds where each part has its share of them.
    """
    baycomp = pytest.importorskip("baycomp", reason=ORACLE)
    differences = SCORES[1] - SCORES[0]
    total = differences.var(ddof=1) * (1 / 10 + 1 / 9)
    posterior = DifferencePosterior(differences.mean(), training=total, rows=0.0, seeds=10, groups=10)
    expected = baycomp.CorrelatedTTest.probs(SCORES[0], SCORES[1], rope=rope)
    assert posterior.degrees_of_freedom == pytest.approx(9)
    found = posterior.probabilities(rope)
    if rope == 0:
        found = (found.worse, found.better)
    assert found == pytest.approx(expected)


def test_one_data_set_with_both_variances_is_scored_by_baycomp_alike():
    baycomp = pytest.importorskip("baycomp", reason=ORACLE)
    posterior = DifferencePosterior(0.03, training=2e-4, rows=3e-4, seeds=4, groups=80)
    expected = baycomp.single.Posterior(0.03, 5e-4, posterior.degrees_of_freedom, rope=0.01).probs()
    assert posterior.probabilities(0.01) == pytest.approx(expected)


def test_degrees_of_freedom_are_satterthwaites():
    posterior = DifferencePosterior(0.0, training=3.0, rows=1.0, seeds=4, groups=11)
    assert posterior.degrees_of_freedom == pytest.approx(4.0**2 / (3.0**2 / 3 + 1.0**2 / 10))
    assert DifferencePosterior(0.0, training=0.0, rows=1.0, seeds=2, groups=11).degrees_of_freedom == pytest.approx(10)
    assert DifferencePosterior(0.0, training=1.0, rows=0.0, seeds=5, groups=11).degrees_of_freedom == pytest.approx(4)


def test_variance_of_seeds_alone_is_students_t():
    by_seed = [0.01, 0.04, 0.07]
    posterior = DifferencePosterior.of(by_seed, rows=0.0, groups=100)
    assert posterior.probabilities(0.0).worse == pytest.approx(stats.ttest_1samp(by_seed, 0, alternative="greater")[1])


@given(
    value=st.floats(-1, 1),
    training=st.floats(0, 0.1),
    rows=st.floats(0, 0.1),
    rope=st.floats(0, 0.2),
    seeds=st.integers(2, 9),
)
def test_probabilities_sum_to_one_and_turn_with_the_sign(value, training, rows, rope, seeds):
    found = DifferencePosterior(value, training, rows, seeds, 50).probabilities(rope)
    turned = DifferencePosterior(-value, training, rows, seeds, 50).probabilities(rope)
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0
    assert found == pytest.approx(turned[::-1])


def test_equal_trainings_are_the_same_for_sure():
    posterior = DifferencePosterior.of([0.0, 0.0], rows=0.0, groups=7)
    assert posterior.probabilities(0.01) == (0, 1, 0)
    assert DifferencePosterior.of([0.5, 0.5], rows=0.0, groups=7).probabilities(0.01) == (0, 0, 1)


@pytest.mark.parametrize("tasks", [3, 8])
@pytest.mark.parametrize("rope", [0.0, 0.01])
def test_signed_rank_is_that_of_baycomp(tasks, rope):
    baycomp = pytest.importorskip("baycomp", reason=ORACLE)
    random = np.random.default_rng(tasks)
    before = random.normal(0.6, 0.1, tasks)
    after = before + random.normal(0.01, 0.02, tasks)
    worse, *same, better = baycomp.SignedRankTest.probs(before, after, rope, nsamples=20_000, random_state=1)
    found = signed_rank_probabilities((after - before).tolist(), rope, seed=2, samples=20_000)
    # Four standard errors of a difference of two estimates.
    assert found == pytest.approx((worse, same[0] if same else 0.0, better), abs=4 * 0.5 * (2 / 20_000) ** 0.5)


def test_signed_rank_of_ties_is_the_same_or_half_and_half():
    assert signed_rank_probabilities([0.0, 0.0, 0.0], 0.01, seed=0, samples=500) == (0, 1, 0)
    assert signed_rank_probabilities([0.2] * 8, 0.01, seed=0, samples=500).better == 1
    found = signed_rank_probabilities([0.1, -0.1], 0.0, seed=0, samples=20_000)
    assert found.same == 0
    assert found.better == pytest.approx(0.5, abs=0.015)


def test_signed_rank_is_a_function_of_its_seed():
    first, again, other = (signed_rank_probabilities([0.02, 0.0, 0.03], 0.01, seed=s, samples=999) for s in (4, 4, 5))
    assert first == again != other


def test_what_cannot_be_compared_is_refused():
    with raises(DataError, "too-few-values", "found 1 and 9"):
        DifferencePosterior(0.1, 0.1, 0.1, seeds=1, groups=9)
    with raises(DataError, "too-few-values", "found 1"):
        DifferencePosterior.of([0.1], rows=0.1, groups=9)
    with raises(DataError, "not-a-number", "found nan and 0.1"):
        DifferencePosterior(0.1, float("nan"), 0.1, seeds=2, groups=9)
    with raises(ConfigError, "wrong-rope", "found -0.1"):
        DifferencePosterior(0.1, 0.1, 0.1, seeds=2, groups=9).probabilities(-0.1)
    with raises(ConfigError, "wrong-rope", "found -0.1"):
        signed_rank_probabilities([0.1], -0.1, seed=0)
    with raises(ConfigError, "wrong-samples", "found 0"):
        signed_rank_probabilities([0.1], 0.1, seed=0, samples=0)
    for bad in ([], [0.1, float("nan")]):
        with raises(DataError, "not-a-number", "Leave out tasks"):
            signed_rank_probabilities(bad, 0.1, seed=0)
