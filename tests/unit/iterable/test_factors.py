"""Repeat factors: exact numbers, exact copies."""

from fractions import Fraction

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.streams import COUNTS, plan

from equipoise import Census, Plan, rates, weights
from equipoise.errors import ConfigError, PlanError
from equipoise.iterable import RepeatFactors


def test_factors_of_a_plan_give_its_shares():
    of = plan()
    factors = RepeatFactors.from_plan(of)
    given = factors.values * of.counts
    assert given.sum() == pytest.approx(of.counts.sum(), rel=1e-12)
    assert given / given.sum() == pytest.approx(of.probabilities, rel=1e-12)


def test_factors_are_exact_fractions():
    of = Plan.build(Census.from_counts({"a": {"x": 1, "y": 2}}), rates="proportional", weights=weights.Balanced())
    factors = RepeatFactors.from_plan(of, per_pass=3)
    assert factors.factors == (Fraction(3, 2), Fraction(3, 4))


def test_per_pass_and_at_least_scale():
    of = plan()
    assert (RepeatFactors.from_plan(of, per_pass=900).values * of.counts).sum() == pytest.approx(900)
    assert RepeatFactors.from_plan(of, at_least=1).values.min() == 1.0
    assert RepeatFactors.from_plan(of, at_least=0.25).values.min() == 0.25


def test_factors_of_some_tasks_keep_their_proportions():
    of = plan()
    whole, part = RepeatFactors.from_plan(of), RepeatFactors.from_plan(of, tasks=["mood"])
    mood = [i for i, stratum in enumerate(of.strata) if stratum.task == "mood"]
    assert part.strata == tuple(of.strata[i] for i in mood)
    ratio = part.values / whole.values[mood]
    assert ratio == pytest.approx(np.full(3, ratio[0]))
    assert (part.values * of.counts[mood]).sum() == pytest.approx(sum(COUNTS["mood"].values()))


def test_strata_that_are_not_drawn_have_the_factor_0():
    of = Plan.build(Census.from_counts({"a": 3, "b": 5}), weights="natural", rates=rates.Fixed({"a": 1.0, "b": 0.0}))
    assert RepeatFactors.from_plan(of).values.tolist() == [8 / 3, 0.0]
    assert RepeatFactors.from_plan(of, at_least=1).values.tolist() == [1.0, 0.0]
    with raises(PlanError, "nothing-to-draw", "draws nothing"):
        RepeatFactors.from_plan(of, tasks=["b"])


def test_by_frequency_is_that_of_lvis_in_each_task():
    census = Census.from_counts({"a": {"rare": 1, "usual": 9999}, "b": {"x": 50, "y": 50}})
    factors = RepeatFactors.by_frequency(census, threshold=0.001)
    assert factors.values == pytest.approx([10**0.5, 1, 1, 1])


@pytest.mark.parametrize("factor", [0.0, 0.1, 1 / 3, 0.5, 1.0, 2.5, 4 / 3, 7.0, 123.456])
@pytest.mark.parametrize("word", [0, 1, 1 << 63, (1 << 64) - 1, 0x123456789ABCDEF0])
def test_copies_add_up_to_the_factor_in_every_pass(factor, word):
    factors = RepeatFactors.of({("a", "x"): factor, ("a", "y"): 1.0})
    exact = Fraction(factor)
    total = 0
    for number in range(60):
        copies = factors.copies(0, number, word)
        assert copies in {int(exact), -int(-exact // 1)}
        total += copies
        assert abs(total - (number + 1) * exact) < 1
        assert total == ((number + 1) * exact + Fraction(word, 1 << 64)) // 1


def test_copies_over_all_words_have_the_factor_as_mean():
    factors = RepeatFactors.of({("a", "x"): 2.3})
    words = [(2 * i + 1) << 53 for i in range(1024)]
    for number in (0, 1, 17, 10**9):
        assert np.mean([factors.copies(0, number, word) for word in words]) == pytest.approx(2.3, abs=1 / 1024)


def test_fingerprint_tells_factors_and_strata_apart():
    found = {
        RepeatFactors.of(factors).fingerprint
        for factors in (
            {("a", "x"): 1.0, ("a", "y"): 2.0},
            {("a", "x"): 2.0, ("a", "y"): 1.0},
            {("a", "x"): 1.0, ("b", "y"): 2.0},
            {("a", "x"): 1.0, ("a", None): 2.0},
            {("a", "x"): 1.0, ("a", "y"): 2.0 + 1e-12},
        )
    }
    assert len(found) == 5


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda: RepeatFactors.of({("a", "x"): -1.0}), "bad-factors", "finite, at least 0"),
        (lambda: RepeatFactors.of({("a", "x"): float("nan")}), "bad-factors", "finite, at least 0"),
        (lambda: RepeatFactors.of({("a", "x"): 0.0}), "bad-factors", "not all 0"),
        (lambda: RepeatFactors((("a", "x"), ("a", "x")), (1.0, 2.0)), "other-strata", "different strata"),
        (lambda: RepeatFactors.from_plan(plan(), tasks=["none"]), "unknown-task", "found ['none']"),
        (lambda: RepeatFactors.from_plan(plan(), per_pass=0), "not-positive", "`per_pass` must be at least 1"),
        (lambda: RepeatFactors.from_plan(plan(), at_least=0), "not-positive", "`at_least` must be above 0"),
        (lambda: RepeatFactors.from_plan(plan(), at_least=1, per_pass=5), "two-scales", "Pass one of them"),
        (
            lambda: RepeatFactors.by_frequency(Census.from_counts({"a": 1}), 0),
            "threshold-out-of-range",
            "`threshold` must be above 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, code, message):
    with raises(PlanError, code, message):
        make()


def test_a_word_has_64_bits():
    with raises(ConfigError, "not-64-bits", "64-bit"):
        RepeatFactors.of({("a", "x"): 1.0}).copies(0, 0, 1 << 64)
