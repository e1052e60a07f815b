import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.errors import raises, warns

from equipoise import Census, LabelSets, MultiLabelPlan, Plan
from equipoise.config import make_config
from equipoise.data import Records
from equipoise.errors import PlanError, PlanWarning
from equipoise.pages.planner import own_settings
from equipoise.runs.prepare import prepare
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
    plan = Plan.build(MIXED, "equal", {"*": InverseFrequency(), "summary": "natural"})
    assert plan.probabilities.tolist() == [0.25, 0.25, 0.5]
    of_tasks = Plan.build(MIXED, "equal", {"mood": "inverse", "summary": "natural"})
    assert of_tasks.fingerprint == plan.fingerprint
    assert Plan.build(MIXED, "equal", Table({"mood": MOOD})).probabilities.tolist() == [0.45, 0.05, 0.5]


@pytest.mark.parametrize("name", ["weights", "target_weights"])
@pytest.mark.parametrize("weights", ["inverse", InverseFrequency(), {"*": "inverse"}, {"mood": "sqrt", "*": "inverse"}])
def test_weights_for_all_tasks_warn_once_of_the_open_ended_ones(weights: object, name: str) -> None:
    census = MIXED + Census.from_counts({"letter": 5})
    with warns(PlanWarning, "open-ended-task") as caught:
        plan = Plan.build(census, **{name: weights})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    said = str(caught[0].message)
    assert f"`{name}` of " in said
    assert "open-ended tasks letter, summary (2 of 3 tasks)" in said
    assert f"{name}={{'*': ..., 'letter': 'natural', ...}}" in said
    assert plan.masses.all()


def test_a_task_whose_name_is_a_star_is_warned_of_too() -> None:
    census = Census.from_counts({"*": 10, "mood": {"glad": 9, "sad": 1}})
    with warns(PlanWarning, "open-ended-task"):
        Plan.build(census, weights="inverse")


def test_label_sets_warn_of_their_open_ended_tasks() -> None:
    sets = LabelSets.from_lists([["a"], ["a"], ["b"], [], []], tasks=["mood"] * 3 + ["note"] * 2)
    with warns(PlanWarning, "open-ended-task") as caught:
        MultiLabelPlan.build(sets, "inverse")
    assert len(caught) == 1


@contextmanager
def silence() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert [one for one in caught if issubclass(one.category, PlanWarning)] == []


def test_runs_do_not_warn_of_what_their_summary_of_the_tasks_says() -> None:
    rows = {"task": ["mood"] * 20 + ["note"] * 20, "input": [f"i{n}" for n in range(40)]}
    targets = ["glad"] * 15 + ["sad"] * 5 + [f"note {n}" for n in range(20)]
    records = Records.from_dict({**rows, "target": targets, "split": ["train"] * 40})
    tasks = {"mood": {"kind": "classification"}, "note": {"kind": "open_ended"}}
    chosen = {"weights": "inverse", "target_weights": "balanced"}
    config = make_config({"data": {"source": "rows.csv"}, "tasks": tasks, "plan": chosen})
    with silence():
        prepared = prepare(config, records)
    assert prepared.describe_tasks() == ["mood: classification, 2 labels", "note: open_ended, no labels"]


def test_pages_do_not_repeat_the_warning() -> None:
    with warns(PlanWarning, "open-ended-task"):
        plan = Plan.build(MIXED, "temperature:2", Power(0.3), draws=500)
    with silence():
        assert own_settings(plan) is not None
