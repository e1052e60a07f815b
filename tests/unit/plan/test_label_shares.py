import pytest
from tests.support.errors import raises

from equipoise import Census, Plan
from equipoise.errors import PlanError
from equipoise.weights import (
    CostMatrix,
    InverseFrequency,
    Natural,
    Power,
    Shares,
    Table,
)

NO_LABELS = Census.from_counts({"note": 90, "summary": 10})
MIXED = Census.from_counts({"mood": {"glad": 9, "sad": 1}, "summary": 10})
MOOD = {"glad": 1.0, "sad": 1.0}
COSTS = {"glad": {"sad": 1.0}, "sad": {"glad": 1.0}}


@pytest.mark.parametrize("name", ["weights", "target_weights"])
@pytest.mark.parametrize(
    "weights",
    [InverseFrequency(), "inverse", "log,max_ratio=5", Power(0.7), Power(0.5).clipped(max_ratio=2), {"*": "inverse"}],
)
def test_weights_of_labels_are_refused_where_no_task_has_any(weights: object, name: str) -> None:
    said = f"`{name}` has no labels to weigh", "all tasks are open-ended (note, summary)"
    with raises(PlanError, "open-ended-task", *said):
        Plan.build(NO_LABELS, **{name: weights})


@pytest.mark.parametrize("name", ["weights", "target_weights"])
@pytest.mark.parametrize(
    "weights",
    [
        {"summary": InverseFrequency(), "*": Natural()},
        {"summary": "sqrt", "*": "sqrt"},
        Table({"mood": MOOD, "summary": {"a": 1.0}}),
        Shares({"mood": {"glad": 0.5, "sad": 0.5}, "summary": {"a": 1.0}}),
        Table({"mood": MOOD, "summary": {"a": 1.0}}).clipped(max_ratio=2),
        {"*": Table({"mood": MOOD, "summary": {"a": 1.0}})},
        CostMatrix({"mood": COSTS, "summary": COSTS}),
    ],
)
def test_weights_that_name_an_open_ended_task_are_refused(weights: object, name: str) -> None:
    said = "task 'summary' is open-ended: it has no labels to weigh", f"in `{name}`"
    with raises(PlanError, "open-ended-task", *said):
        Plan.build(MIXED, **{name: weights})


def test_weights_that_leave_open_ended_tasks_alone_are_taken() -> None:
    for census in (NO_LABELS, MIXED):
        for weights in (Natural(), "natural", "sqrt", {"summary": "natural", "*": "sqrt"}):
            assert Plan.build(census, weights=weights).masses.all()
    plan = Plan.build(MIXED, "equal", InverseFrequency())
    assert plan.probabilities.tolist() == [0.25, 0.25, 0.5]
    assert Plan.build(MIXED, "equal", Table({"mood": MOOD})).probabilities.tolist() == [0.45, 0.05, 0.5]
