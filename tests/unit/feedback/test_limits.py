"""What a rule decides stays within the limits of passes of the whole training, and changes as little as that needs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.errors import raises

from equipoise import Census, Plan
from equipoise.errors import PlanError
from equipoise.feedback import within_limits
from equipoise.rates import Fixed

CENSUS = Census.from_counts({"a": {"x": 90, "y": 10}, "b": 300, "c": 600})
DRAWS = 4000


def plan_of(rates=(0.5, 0.3, 0.2), **options):
    return Plan.build(CENSUS, rates=Fixed(dict(zip("abc", rates, strict=True))), draws=DRAWS, **options)


NOTHING = np.zeros(4)


def test_a_plan_within_the_limits_is_returned_as_it_is():
    plan = plan_of()
    assert within_limits(plan, {"a": {"y": 60}, "b": 5}, NOTHING, DRAWS) is plan


def test_a_label_gives_to_its_task_and_a_task_to_the_others():
    plan = plan_of()  # x, y = 3/4, 1/4 of a
    drawn = np.array([600.0, 200.0, 500.0, 700.0])
    decided = within_limits(plan, {"a": {"y": 30}}, drawn, 2000)
    assert decided.probabilities == pytest.approx([0.45, 0.05, 0.3, 0.2], rel=1e-12)  # 100 of 300 are left of y
    decided = within_limits(plan, {"a": 8.5}, drawn, 2000)
    left = np.array([165.0, 0.0])  # 8.5 passes are 765 and 85, of which y had more before there was a limit
    assert decided.probabilities[:2] * 2000 == pytest.approx(left, abs=1e-4)
    rest = 1 - 165 / 2000
    assert decided.probabilities[2:] == pytest.approx([rest * 0.6, rest * 0.4], rel=1e-6)


def test_a_target_of_its_own_stays_and_can_be_reached_at_the_limit():
    plan = plan_of(target_rates="proportional", target_weights="natural")
    decided = within_limits(plan, {"a": {"y": 20}}, np.array([0.0, 200.0, 0.0, 0.0]), 2000)
    assert (decided.target_masses == plan.target_masses).all()
    assert 0 < decided.probabilities[1] < 1e-8
    own = within_limits(plan_of(), {"a": {"y": 20}}, NOTHING, DRAWS)
    assert (own.target_masses == own.masses).all()


def test_strata_that_cannot_take_what_is_left_are_refused():
    with raises(PlanError, "too-many-draws", "1,000 of the 2,000 draws"):
        within_limits(plan_of(), 1, NOTHING, 2000)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6),
    st.floats(4.001, 30),
)
def test_whatever_is_decided_the_whole_training_stays_within_the_limits(rates, limit):
    drawn = NOTHING
    size = DRAWS // len(rates)
    left = size * len(rates)
    for wanted in rates:
        plan = plan_of(tuple(np.array(wanted) / sum(wanted)))
        drawn = drawn + within_limits(plan, limit, drawn, left).probabilities * size
        left -= size
    assert (drawn <= limit * CENSUS.counts * (1 + 1e-6)).all()
    assert drawn.sum() == pytest.approx(size * len(rates))
