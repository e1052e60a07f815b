"""What every plan must satisfy: exact sums, rates kept, caps kept, a faithful JSON form."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.censuses import censuses, has_labels, some_rates, some_weights
from tests.support.errors import raises

from equipoise.base.masses import WHOLE, masses_of
from equipoise.errors import PlanError
from equipoise.plan import Plan, difference
from equipoise.weights import Power


@given(census=censuses, rates=some_rates, weights=some_weights)
def test_masses_sum_exactly_and_nothing_with_examples_is_lost(census, rates, weights):
    assume(has_labels(census))
    plan = Plan.build(census, rates, weights)
    assert sum(plan.masses.tolist()) == WHOLE
    assert ((plan.masses > 0) == (census.counts > 0)).all()
    of_tasks = [plan.probabilities[census.span(task)].sum() for task in census.tasks]
    np.testing.assert_allclose(of_tasks, rates(census.task_counts, census.tasks), atol=1e-12)


@given(census=censuses, rates=some_rates, weights=some_weights, target=some_weights, draws=st.integers(1, 10**15))
def test_json_round_trip(census, rates, weights, target, draws):
    assume(has_labels(census))
    plan = Plan.build(census, rates, weights, target_weights=target, draws=draws)
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.strata == plan.strata
    assert again.masses.tolist() == plan.masses.tolist()
    assert difference(again, plan) == []


@given(census=censuses, rates=some_rates, weights=some_weights, target=some_weights)
def test_importance_weights_make_the_mean_of_draws_the_mean_of_the_target(census, rates, weights, target):
    assume(has_labels(census))
    plan = Plan.build(census, rates, weights, target_weights=target)
    np.testing.assert_allclose(plan.probabilities * plan.importance_weights, plan.target, rtol=1e-12)
    assert (plan.probabilities * plan.importance_weights).sum() == pytest.approx(1)


@given(census=censuses, weights=some_weights, passes=st.floats(0.5, 20), fraction=st.floats(0.01, 1))
def test_max_passes_is_kept_and_changes_no_rate(census, weights, passes, fraction):
    draws = int(fraction * passes * census.total)
    assume(draws >= 1 and has_labels(census))
    plan = Plan.build(census, rates="proportional", weights=weights, max_passes=passes, draws=draws)
    forecast = plan.forecast(allow_passes=math.inf)
    assert max(row.passes for row in forecast.rows) <= passes * (1 + 1e-9) + draws / WHOLE
    of_tasks = [plan.probabilities[census.span(task)].sum() for task in census.tasks]
    np.testing.assert_allclose(of_tasks, census.task_counts / census.total, atol=1e-12)


@given(census=censuses, weights=some_weights, fraction=st.floats(0.01, 1), data=st.data())
def test_limits_of_tasks_and_labels_are_kept_and_change_no_rate(census, weights, fraction, data):
    limit = st.one_of(st.floats(0.5, 20), st.just(math.inf))
    passes = {"*": data.draw(limit)}
    for task in data.draw(st.sets(st.sampled_from(census.tasks))) - {"*"}:
        labels = [label for label in census.labels(task) if label is not None]
        passes[task] = data.draw(
            st.dictionaries(st.sampled_from([*labels, "*"]), limit, min_size=1) if labels else limit
        )
    limits = [limit_by_hand(passes, *stratum) for stratum in census.strata]
    room = np.array([n * most if n else 0.0 for n, most in zip(census.counts.tolist(), limits, strict=True)])
    draws = int(fraction * min(census.total, 10**12))
    assume(draws >= 1 and has_labels(census))
    free = Plan.build(census, "proportional", weights, draws=draws)
    spans = [census.span(task) for task in census.tasks]
    try:
        plan = Plan.build(census, "proportional", weights, max_passes=passes, draws=draws)
    except PlanError as error:
        assert error.code == "too-many-draws"  # noqa: PT017
        assert any(room[span].sum() < draws * free.probabilities[span].sum() for span in spans)
        return
    expected = draws * plan.probabilities
    assert (expected <= room * (1 + 1e-9) + draws / WHOLE).all()
    for span in spans:
        had, has = free.probabilities[span], plan.probabilities[span]
        assert has.sum() == pytest.approx(had.sum(), abs=1e-12)
        below = (expected[span] < room[span] * (1 - 1e-6)) & (had > 1e-9)
        if below.any():  # they keep their proportions
            np.testing.assert_allclose(has[below] / had[below], (has[below] / had[below])[0], rtol=1e-6)


def limit_by_hand(passes, task, label):
    of_task = passes.get(task, passes["*"])
    return of_task.get(label, of_task.get("*", math.inf)) if isinstance(of_task, dict) else of_task


@given(census=censuses, draws=st.integers(1, 10**9))
def test_forecasts_add_up(census, draws):
    forecast = Plan.build(census, rates="proportional", weights=Power()).forecast(draws)
    rows, tasks, overall = forecast.rows, forecast.tasks, forecast.overall
    for group in (rows, tasks):
        assert sum(part.count for part in group) == overall.count == census.total
        assert math.fsum(part.data_share for part in group) == pytest.approx(1)
        assert math.fsum(part.expected_draws for part in group) == pytest.approx(draws)
    assert all(0 <= row.unseen_fraction <= 1 for row in rows)
    assert overall.effective_sample_size <= census.total * (1 + 1e-9)


@given(first=censuses, second=censuses)
def test_censuses_add_up_stratum_by_stratum(first, second):
    kinds = {task: bool(first.labels(task)) for task in first.tasks}
    assume(all(kinds.get(task, bool(second.labels(task))) == bool(second.labels(task)) for task in second.tasks))
    both = first + second
    assert both == second + first
    counted = dict(zip(both.strata, both.counts.tolist(), strict=True))
    for census in (first, second):
        for stratum, n in zip(census.strata, census.counts.tolist(), strict=True):
            counted[stratum] -= n
    assert not any(counted.values())


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=50).filter(any))
def test_masses_are_the_exact_shares_to_one_unit(probabilities):
    masses = masses_of(probabilities).tolist()
    assert sum(masses) == WHOLE
    total = sum(map(Fraction, probabilities))
    exact = [Fraction(p) / total * WHOLE for p in probabilities]
    largest = max(exact)
    for share, mass in zip(exact, masses, strict=True):
        assert (mass > 0) == (share > 0)
        # Who is given a least unit takes it from the largest.
        assert abs(mass - share) <= (1 + len(masses) if share == largest else 1)


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=30), st.data())
def test_masses_follow_their_stratum(numbers, data):
    order = data.draw(st.permutations(range(len(numbers))))
    masses = masses_of([float(n) for n in numbers])
    permuted = masses_of([float(numbers[i]) for i in order])
    assert np.abs(permuted - masses[order]).max() <= 1  # a tie goes to the earlier one


@given(census=censuses, passes=st.floats(0.1, 3))
def test_more_draws_than_passes_allow_are_refused(census, passes):
    draws = int(passes * census.total * 1.01) + 2
    with raises(PlanError, "too-many-draws", "Use `max_passes` (`--max-passes`) of at least"):
        Plan.build(census, rates="proportional", weights="natural", max_passes=passes, draws=draws)
