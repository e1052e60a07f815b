import json
import pickle

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.label_sets import sets_of_three_kinds

from equipoise import LabelSets, MultiLabelCensus, Stratum
from equipoise.errors import PlanError
from equipoise.multilabel import scumble

ROWS = [["a"], ["a", "b", "b"], [], ["a", "c"], ["a"]]


def test_counts():
    census = LabelSets.from_lists(ROWS, "t").census()
    assert census.examples.tolist() == [4, 1, 1]
    assert census.instances.tolist() == [4, 2, 1]
    assert (census.task_examples.tolist(), census.task_empty.tolist()) == ([5], [1])


def test_measures():
    census = LabelSets.from_lists(ROWS, "t").census()
    assert census.cardinality("t") == pytest.approx(6 / 5)
    assert census.density("t") == pytest.approx(6 / 15)
    assert census.imbalance_ratios.tolist() == [1, 4, 4]
    assert census.mean_imbalance("t") == 3


def test_measures_are_of_the_task():
    census = LabelSets.from_lists([*ROWS, ["x"], ["x", "y"], []], ["t"] * 5 + ["u"] * 2 + ["v"]).census()
    assert census.imbalance_ratios.tolist() == [1, 4, 4, 1, 2]
    assert (census.cardinality("u"), census.density("u"), census.mean_imbalance("u")) == (1.5, 0.75, 1.5)
    assert (census.cardinality("v"), census.density("v"), census.mean_imbalance("v")) == (0, 0, 1)
    with raises(PlanError, "unknown-task", "`task`", "found 'w'"):
        census.cardinality("w")


def test_labels_without_examples_count_for_nothing_but_density():
    census = LabelSets.from_lists(ROWS, "t").take([0, 3]).census()
    assert census.imbalance_ratios.tolist() == [1, 0, 2]
    assert census.mean_imbalance("t") == 1.5
    assert census.density("t") == pytest.approx(3 / 2 / 3)


def test_json():
    census = sets_of_three_kinds().census()
    assert MultiLabelCensus.from_dict(json.loads(json.dumps(census.to_dict()))) == census
    assert census.to_dict()["summary"] == {"examples": 50, "empty": 50, "labels": {}}


def test_parts_add_up():
    sets = sets_of_three_kinds()
    parts = [sets.take(np.arange(first, min(first + 97, len(sets)))) for first in range(0, len(sets), 97)]
    merged = parts[0].census()
    for part in parts[1:]:
        merged += part.census()
    assert merged == sets.census()
    assert hash(merged) == hash(sets.census())
    again = pickle.loads(pickle.dumps(merged))
    assert again == merged
    assert not again.examples.flags.writeable


def test_parts_with_other_labels_and_tasks_add_up():
    one, other = LabelSets.from_lists([["b"]], "t"), LabelSets.from_lists([["a"], ["b"], []], ["t", "u", "s"])
    merged = one.census() + other.census()
    assert merged == LabelSets.from_lists([["b"], ["a"], ["b"], []], ["t", "t", "u", "s"]).census()


FIELDS = {
    "strata": (Stratum("t", "a"), Stratum("t", "b")),
    "examples": [3, 1],
    "instances": [3, 2],
    "tasks": ("t",),
    "task_examples": [5],
    "task_empty": [2],
}


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        ({"examples": [3]}, "bad-counts", ["`examples`"]),
        ({"examples": [3, -1]}, "bad-counts", ["`examples`"]),
        ({"examples": [3, 0.5]}, "bad-counts", ["`examples`"]),
        ({"task_empty": [1, 2]}, "bad-counts", ["`task_empty`"]),
        ({"examples": [4, 1]}, "bad-counts", ["at most as many examples as its task"]),
        ({"task_empty": [6]}, "bad-counts", ["at most as many examples as its task"]),
        ({"instances": [2, 2]}, "bad-counts", ["at least as many instances as examples"]),
        ({"examples": [3, 0]}, "bad-counts", ["none without examples"]),
        ({"strata": (Stratum("t", "b"), Stratum("t", "a"))}, "unsorted-strata", ["sorted without duplicates"]),
        ({"tasks": ("u",)}, "unknown-task", ["`strata`", "found ['t']"]),
    ],
)
def test_fields_that_do_not_fit(change, code, names):
    MultiLabelCensus(**FIELDS)
    with raises(PlanError, code, *names):
        MultiLabelCensus(**(FIELDS | change))


def test_scumble_is_one_minus_geometric_over_arithmetic_mean():
    sets = LabelSets.from_lists([["a"]] * 7 + [["a", "b"], ["a", "b", "c"], []], "t")
    ratios = {"a": 1.0, "b": 9 / 2, "c": 9.0}
    found = scumble(sets)
    assert found[:7].tolist() == [0] * 7
    assert found[9] == 0
    for row, labels in ((7, "ab"), (8, "abc")):
        of_row = np.array([ratios[label] for label in labels])
        assert found[row] == pytest.approx(1 - of_row.prod() ** (1 / len(of_row)) / of_row.mean())


def test_scumble_of_equally_frequent_labels_is_zero():
    found = scumble(LabelSets.from_lists([["a", "b", "c"]] * 3 + [["x"]] * 7, ["t"] * 3 + ["u"] * 7))
    assert found.tolist() == [0] * 10


def test_the_representation_is_one_short_line():
    sets = LabelSets.from_lists([[str(label)] for label in range(2_000)] + [[]], tasks="t")
    assert repr(sets.census()) == "MultiLabelCensus(2,001 examples, 1 tasks, 2000 labels)"
