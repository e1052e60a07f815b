import numpy as np
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan, PlanSampler, Stratum, StratumIndex, rates, weights
from equipoise.errors import PlanError

CENSUS = Census.from_counts({"essays": 1000, "notes": {"no": 900, "yes": 100}, "words": {"x": 50, "y": 50}})
TOKENS = np.array([400.0, 30.0, 90.0, 2.0, 4.0])


def token_shares(plan):
    tokens = plan.probabilities * TOKENS
    return np.bincount(plan.task_numbers, tokens) / tokens.sum()


@pytest.mark.parametrize(
    "scheme", [rates.Equal(), rates.Fixed({"essays": 0.5, "notes": 0.3, "words": 0.2}), rates.Temperature(2)]
)
@pytest.mark.parametrize("classes", [weights.Natural(), weights.InverseFrequency()])
def test_tasks_get_their_share_of_the_tokens(scheme, classes):
    plan = Plan.build(CENSUS, scheme, classes, tokens=TOKENS)
    totals = np.array([400_000, 36_000, 300])
    assert token_shares(plan) == pytest.approx(scheme(totals, CENSUS.tasks), rel=1e-9)


def test_class_weights_stay_those_of_examples():
    plan = Plan.build(CENSUS, rates.Equal(), weights.InverseFrequency(), tokens=TOKENS)
    assert plan.probabilities[1] == pytest.approx(plan.probabilities[2])


def test_proportional_rates_of_tokens_are_those_of_examples():
    """A task's share of all tokens is what drawing every example alike gives it."""
    plan = Plan.build(CENSUS, rates.Proportional(), weights="natural", tokens=TOKENS)
    assert plan.probabilities == pytest.approx(
        Plan.build(CENSUS, rates="proportional", weights="natural").probabilities, rel=1e-6
    )


def test_a_mapping_serves_as_well_as_an_array():
    mapping = dict(zip(CENSUS.strata, TOKENS, strict=True))
    assert Plan.build(CENSUS, rates.Equal(), weights="natural", tokens=mapping) == Plan.build(
        CENSUS, rates.Equal(), weights="natural", tokens=TOKENS
    )


def test_unimax_shares_a_budget_of_tokens():
    draws = 2000
    plan = Plan.build(CENSUS, rates.UniMax(max_passes=2), weights="natural", draws=draws, tokens=TOKENS)
    tokens = plan.probabilities * TOKENS * draws
    of_task = np.bincount(plan.task_numbers, tokens)
    assert of_task[2] == pytest.approx(2 * 300, rel=1e-3), "words are at their cap of two passes"
    assert of_task[1] == pytest.approx(of_task[0], rel=1e-3), "the others share the rest equally"
    assert of_task[1] < 2 * 36_000


def test_a_cap_and_rates_of_tokens_hold_together():
    draws = 2000
    halves = rates.Fixed({"essays": 0.5, "notes": 0.5, "words": 0.0})
    plan = Plan.build(CENSUS, halves, weights.InverseFrequency(), max_passes=5, draws=draws, tokens=TOKENS)
    assert token_shares(plan) == pytest.approx([0.5, 0.5, 0.0], rel=1e-9)
    assert (plan.probabilities * draws / CENSUS.counts).max() == pytest.approx(5), "the cap binds"
    uncapped = Plan.build(CENSUS, halves, weights.InverseFrequency(), draws=draws, tokens=TOKENS)
    assert (uncapped.probabilities * draws / CENSUS.counts).max() > 8


def test_the_target_is_in_tokens_too():
    plan = Plan.build(CENSUS, rates.Equal(), weights="natural", target_rates=rates.Proportional(), tokens=TOKENS)
    assert plan.target == pytest.approx(
        Plan.build(CENSUS, rates="proportional", weights="natural").probabilities, rel=1e-6
    )


def test_the_plan_says_what_its_rates_are_of():
    assert Plan.build(CENSUS, rates.Equal(), weights="natural", tokens=TOKENS).rates_text == "Equal() of tokens"


def test_drawn_tokens_follow_the_rates():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(5), CENSUS.counts)
    lengths = rng.poisson(TOKENS[codes]) + 1
    index = StratumIndex.from_codes(codes)
    plan = Plan.build(CENSUS, rates.Equal(), weights="natural", tokens=index.means(lengths))
    rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=200_000)))
    drawn = np.bincount(plan.task_numbers[codes[rows]], lengths[rows])
    assert drawn / drawn.sum() == pytest.approx([1 / 3] * 3, abs=0.003)


def test_means_of_strata():
    census = Census.from_labels(["b", "a", "b"], ["y", "x", "y"])
    index = StratumIndex.from_labels(census, ["b", "a", "b"], ["y", "x", "y"])
    assert index.means([4, 1, 8]).tolist() == [1.0, 6.0]
    assert StratumIndex.from_sizes([2, 0, 1]).means([1.0, 2.0, 5.0]).tolist() == [1.5, 0.0, 5.0]
    with raises(PlanError, "bad-values", "found shape (2,)"):
        index.means([1, 2])


@pytest.mark.parametrize(
    ("tokens", "code", "names"),
    [
        ([1.0, 2.0], "wrong-length", ["one number for each of the 5 strata"]),
        ([1.0, 2.0, 0.0, 1.0, 1.0], "out-of-range", ["found 0 for"]),
        ([1.0, 2.0, np.nan, 1.0, 1.0], "out-of-range", ["found nan for"]),
        ([1.0, 2.0, np.inf, 1.0, 1.0], "out-of-range", ["found inf"]),
        ({Stratum("essays", None): 3.0}, "out-of-range", ["found 0 for"]),
    ],
)
def test_tokens_must_be_known_for_every_stratum(tokens, code, names):
    with raises(PlanError, code, *names):
        Plan.build(CENSUS, rates="proportional", weights="natural", tokens=tokens)


def test_strata_without_examples_need_no_tokens():
    census = Census.from_counts({"a": {"x": 5, "y": 0}, "b": 7})
    plan = Plan.build(census, rates.Equal(), weights="natural", tokens=[10.0, 0.0, 30.0])
    assert plan.probabilities.tolist() == pytest.approx([0.75, 0.0, 0.25])
