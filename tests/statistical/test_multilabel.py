"""Labels are drawn as often as the forecast says, with replacement and without."""

import numpy as np
import pytest
from scipy import stats
from tests.support.label_sets import sets_of_three_kinds

from equipoise import MultiLabelPlan, PlanSampler, WeightedSampler, rates
from equipoise import weights as w

pytestmark = pytest.mark.statistical
DRAWS = 40_000
SMALLEST_P = 1e-4


def plan_of(aggregate):
    schemes = {"findings": w.RepeatFactor(0.5, aggregate=aggregate), "triage": w.Power(0.5), "*": w.Natural()}
    return MultiLabelPlan.build(sets_of_three_kinds(), schemes, rates.Equal())


def drawn_with(plan, rows):
    """How many of the draws have each label."""
    times = np.bincount(rows, minlength=len(plan.sets))
    return np.bincount(plan.sets.codes, times[plan.sets.row_of_entry], len(plan.sets.strata))


def shares_of(plan):
    """Expected share of all draws that have each label."""
    forecast = plan.forecast(DRAWS)
    return np.array([row.expected_draws for row in forecast.rows if row.label]) / DRAWS


@pytest.mark.parametrize("aggregate", ["max", "mean"])
@pytest.mark.parametrize("seed", [0, 1])
def test_independent_draws_have_each_label_as_forecast(aggregate, seed):
    plan = plan_of(aggregate)
    found = drawn_with(plan, WeightedSampler(plan.row_weights, DRAWS, seed=seed).rows(0, DRAWS))
    for n, share in zip(found.astype(int).tolist(), shares_of(plan).tolist(), strict=True):
        assert stats.binomtest(n, DRAWS, share).pvalue > SMALLEST_P


@pytest.mark.parametrize("aggregate", ["max", "mean"])
def test_draws_of_the_plan_are_nearer_to_the_forecast_than_independent_ones(aggregate):
    """A stratum is within one draw of its share at a block's end, and inside it only the last pass is begun."""
    plan = plan_of(aggregate)
    share = shares_of(plan)
    deviation = np.sqrt(DRAWS * share * (1 - share))
    far = {"plan": [], "independent": []}
    for seed in range(20):
        block = plan.plan.block
        last = DRAWS // block * block
        rows = PlanSampler(plan.plan, plan.index, seed=seed).rows(0, last)
        far["plan"].append((drawn_with(plan, rows) - last * share) / deviation)
        rows = WeightedSampler(plan.row_weights, last, seed=seed).rows(0, last)
        far["independent"].append((drawn_with(plan, rows) - last * share) / deviation)
    spread = {name: np.sqrt(np.mean(np.square(values))) for name, values in far.items()}
    assert 0.8 < spread["independent"] < 1.2
    assert spread["plan"] < 0.1
    assert np.abs(np.mean(far["plan"], axis=0)).max() < 0.1


def test_no_example_falls_behind():
    """Every example comes as often as its weight says, to within one pass: independent draws leave some far behind."""
    plan = plan_of("max")
    expected = plan.row_weights * DRAWS
    times = np.bincount(PlanSampler(plan.plan, plan.index).rows(0, DRAWS), minlength=len(expected))
    of_strata = plan.index.spread(plan.plan.probabilities / plan.plan.counts) * plan.plan.block
    assert (np.abs(times - expected) <= 1 + of_strata).all()
    independent = np.bincount(WeightedSampler(plan.row_weights, DRAWS).rows(0, DRAWS), minlength=len(expected))
    assert np.abs(independent - expected).max() > 3 * np.abs(times - expected).max()
