"""What the plans of every feedback rule satisfy, whatever the counts, rates, scores and history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.censuses import censuses, has_labels, some_rates, some_weights

from equipoise.base.masses import WHOLE
from equipoise.feedback import ART, ODM, Decision, Scores, StopTask
from equipoise.plan import Plan

f1 = st.floats(0, 1)
number = st.floats(-1e6, 1e6)


@st.composite
def runs(draw):
    """A first plan, and the scores of some decisions: any labels and tasks without any."""
    census = draw(censuses.filter(has_labels))
    target = draw(st.none() | some_weights)
    plan = Plan.build(census, draw(some_rates), draw(some_weights), target_weights=target)

    def some(values, of):
        return {name: draw(values) for name in of if draw(st.booleans())}

    known = [
        Scores(
            {task: some(f1, census.labels(task)) for task in census.tasks if draw(st.booleans())},
            some(number, census.tasks),
            some(st.floats(0, 1e6), census.tasks),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]
    return plan, known


def rates(plan):
    return np.array([plan.probabilities[plan.span(task)].sum() for task in plan.tasks])


@pytest.mark.parametrize("rule", [ART(), ART(0.01), StopTask(1), StopTask(2, 0.5), ODM()], ids=str)
@given(run=runs())
@settings(max_examples=30)
def test_plans_of_rules(rule, run):
    first, known = run
    history = [Decision(0, first)]
    for number, scores in enumerate(known, 1):
        found = rule.next_plan(history, scores)
        assert found == rule.next_plan(history, scores)
        assert sum(found.masses.tolist()) == WHOLE
        assert np.array_equal(found.masses > 0, first.masses > 0)
        assert not found.masses[found.counts == 0].any()
        if np.array_equal(first.masses, first.target_masses):
            assert np.array_equal(found.target_masses, found.masses)
        else:
            assert np.array_equal(found.target_masses, first.target_masses)
        history.append(Decision(64 * number, found, scores))
        assert Decision.from_dict(history[-1].to_dict()) == history[-1]
        if isinstance(rule, ART):
            np.testing.assert_allclose(rates(found), rates(first), rtol=1e-9, atol=1e-15)
        if isinstance(rule, StopTask):
            assert (rates(found) - rule.maintenance * rates(first) > -1e-15).all()
            assert rule.stopped(history) or found == first
        if isinstance(rule, ODM):
            drawn = int((rates(first) > 0).sum())
            least = min(1 / drawn, (np.log(drawn) / (drawn * number)) ** 0.5)
            assert rates(found)[rates(first) > 0].min() >= least * (1 - 1e-9)
