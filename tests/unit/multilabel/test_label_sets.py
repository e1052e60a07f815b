import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from tests.support.errors import raises

from equipoise import Census, LabelSets, Stratum
from equipoise.errors import DataError

ROWS = [["b", "a"], [], ["c", "a", "c"], ["b"]]


def test_labels_are_sorted_and_once_in_a_row():
    sets = LabelSets.from_lists(ROWS, "t")
    assert [sets.labels_of(row) for row in range(4)] == [("a", "b"), (), ("a", "c"), ("b",)]
    assert sets.strata == (Stratum("t", "a"), Stratum("t", "b"), Stratum("t", "c"))
    assert sets.offsets.tolist() == [0, 2, 2, 4, 5]
    assert sets.codes.tolist() == [0, 1, 0, 2, 1]
    assert sets.instances.tolist() == [1, 1, 1, 2, 1]
    assert sets.lengths.tolist() == [2, 0, 2, 1]
    assert (len(sets), sets.tasks) == (4, ("t",))


def test_tasks_have_labels_of_their_own():
    sets = LabelSets.from_lists([["x"], ["x", "a"], ["b"]], ["u", "t", "t"])
    assert sets.strata == (Stratum("t", "a"), Stratum("t", "b"), Stratum("t", "x"), Stratum("u", "x"))
    assert sets.codes.tolist() == [3, 0, 2, 1]
    assert sets.task_of_row.tolist() == [1, 0, 0]


LISTS = pa.array(ROWS)
COLUMNS = {
    "list": LISTS,
    "large list": LISTS.cast(pa.large_list(pa.large_string())),
    "dictionary": pa.array(ROWS, pa.list_(pa.dictionary(pa.int8(), pa.string()))),
    "slice": pa.array([["z"], *ROWS, ["z"]]).slice(1, 4),
    "chunks": pa.chunked_array([LISTS.slice(0, 1), LISTS.slice(1, 0), LISTS.slice(1, 3)]),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
def test_arrow_columns_are_as_lists(column):
    assert LabelSets.from_arrow(column, "t") == LabelSets.from_lists(ROWS, "t")
    tasks = ["t", "u", "u", "t"]
    assert LabelSets.from_arrow(column, pa.chunked_array([tasks])) == LabelSets.from_lists(ROWS, tasks)


def test_fixed_size_lists():
    column = pa.array([["a", "b"], ["c", "c"]], pa.list_(pa.string(), 2))
    assert LabelSets.from_arrow(column, "t") == LabelSets.from_lists([["a", "b"], ["c", "c"]], "t")


def test_no_rows_and_no_labels():
    assert len(LabelSets.from_lists([], "t")) == 0
    assert LabelSets.from_lists([[], []], "t").strata == ()
    assert LabelSets.from_arrow(pa.array([[], []]), "t").lengths.tolist() == [0, 0]


@pytest.mark.parametrize("text", ["b; a", " b ;a; ", "a;;b", ";a;b"])
def test_text_is_split_and_trimmed(text):
    assert LabelSets.from_text([text], "t").labels_of(0) == ("a", "b")


def test_text_of_several_kinds_of_tasks():
    sets = LabelSets.from_text(
        ["a|b|a", " ", "x|y", "free | text"],
        ["multi", "multi", "single", "open"],
        "|",
        single_tasks=["single"],
        open_ended_tasks=["open"],
    )
    assert [sets.labels_of(row) for row in range(4)] == [("a", "b"), (), ("x|y",), ()]
    assert sets.instances.tolist() == [2, 1, 1]
    assert sets.tasks == ("multi", "open", "single")


def test_equal_hashable_and_pickled():
    sets = LabelSets.from_lists(ROWS, "t")
    again = pickle.loads(pickle.dumps(sets))
    assert again == sets
    assert not again.codes.flags.writeable
    assert hash(LabelSets.from_lists([row[::-1] for row in ROWS], "t")) == hash(sets)
    assert sets != LabelSets.from_lists(ROWS, "u")
    assert sets != LabelSets.from_lists([["a", "b", "b"], *ROWS[1:]], "t")
    with pytest.raises(ValueError, match="read-only"):
        sets.codes[0] = 1


@pytest.mark.parametrize("rows", [[2, 0, 2], np.array([], dtype=float), [True, False, True, True]])
def test_take(rows):
    sets = LabelSets.from_lists(ROWS, "t")
    taken = sets.take(rows)
    chosen = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, dtype=int)
    assert [taken.labels_of(i) for i in range(len(taken))] == [sets.labels_of(row) for row in chosen.tolist()]
    assert taken.strata == sets.strata
    assert taken.take(np.arange(len(taken))) == taken


@pytest.mark.parametrize("rows", [[4], [-1], [0.5], [True, False], [[0, 1]]])
def test_take_refuses(rows):
    with raises(DataError, "bad-rows", "`rows` must be"):
        LabelSets.from_lists(ROWS, "t").take(rows)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([[3, 11], [], [3]], ("11", "3")),
        ([np.array([3, 11]), np.array([], int), np.array([3])], ("11", "3")),
        ([torch.tensor([3, 11]), torch.tensor([]), torch.tensor([3])], ("11", "3")),
        ([[np.int64(3), np.int64(11)], [], [np.int64(3)]], ("11", "3")),
        ([[True, False], [], [True]], ("false", "true")),
        ([[0.5, 1.0], [], [0.5]], ("0.5", "1.0")),
        (pd.Series([[3, 11], [], [3]]), ("11", "3")),
        (pa.array([[3, 11], [], [3]]).to_pylist(), ("11", "3")),
    ],
)
def test_labels_of_every_sort_are_label_sets_as_they_are_strata(labels, names):
    sets = LabelSets.from_lists(labels, [7, 7, 8])
    assert [sets.labels_of(row) for row in range(3)] == [names, (), sets.labels_of(2)]
    assert sets.tasks == ("7", "8")
    flat = [label for row in labels for label in row]
    assert set(Census.from_labels(["7"] * 3, flat).labels("7")) == set(names)


def test_columns_of_numbers_are_label_sets():
    for kind in (pa.list_(pa.int32()), pa.large_list(pa.int64())):
        sets = LabelSets.from_arrow(pa.array([[3, 11], [], [3]], kind), "t")
        assert [sets.labels_of(row) for row in range(3)] == [("11", "3"), (), ("3",)]
    sets = LabelSets.from_arrow(pa.array([[True], [False, True]]), "t")
    assert sets.labels_of(1) == ("false", "true")


def test_class_numbers_of_a_hugging_face_column_are_names():
    datasets = pytest.importorskip("datasets", reason="the column of a Hugging Face dataset")
    features = datasets.Features({"y": datasets.Sequence(datasets.ClassLabel(names=["cough", "fever"]))})
    column = datasets.Dataset.from_dict({"y": [[0, 1], [], [1]]}, features=features)["y"]
    sets = LabelSets.from_lists(column, "findings")
    assert [sets.labels_of(row) for row in range(3)] == [("cough", "fever"), (), ("fever",)]
    missing = datasets.Dataset.from_dict({"y": [[0], [-1]]}, features=features)["y"]
    with raises(DataError, "blank-label", "at row 1"):
        LabelSets.from_lists(missing, "findings")


@pytest.mark.parametrize(
    ("labels", "code", "names"),
    [
        ([["a"], "bc"], "not-a-list", ["found 'bc' at row 1"]),
        ([["a"], None], "not-a-list", ["found None at row 1"]),
        ([["a"], [], ["b", 3]], "bad-value", ["`labels`", "Convert them to strings"]),
        ([[], ["a", " "]], "blank-label", ["at row 1"]),
        ([["a", None]], "blank-label", ["at row 0"]),
        ([[1.0], [float("nan"), 2.0]], "blank-label", ["at row 1"]),
        (np.array([[0, 1], [1, 1]]), "not-a-list", ["an array of 2 dimensions", "names[row == 1]"]),
        (torch.tensor([[0, 1]]), "not-a-list", ["an array of 2 dimensions"]),
        (torch.tensor([0, 1]), "not-a-list", ["at row 0"]),
        (np.array([0, 1]), "not-a-list", ["at row 0"]),
    ],
)
def test_lists_that_cannot_be(labels, code, names):
    with raises(DataError, code, *names):
        LabelSets.from_lists(labels, "t")


@pytest.mark.parametrize(
    ("labels", "code", "names"),
    [
        (pa.array(["a; b"]), "wrong-type", ["found string"]),
        (pa.array([[{"a": 1}]]), "bad-value", ["has the type struct"]),
        (pa.array([["a"], None, None]), "nulls", ["found 2, the first at row 1"]),
        (pa.array([["a"], ["b", None]]), "blank-label", ["at row 1"]),
        (pa.array([[], [], ["a", ""]]), "blank-label", ["at row 2"]),
    ],
)
def test_columns_that_cannot_be(labels, code, names):
    with raises(DataError, code, *names):
        LabelSets.from_arrow(labels, "t")


@pytest.mark.parametrize(
    ("tasks", "code"),
    [
        (["t"], "wrong-length"),
        (["t", None], "missing-task"),
        (["t", ""], "missing-task"),
        (["t", 1], "bad-value"),
        (pa.array(["t"] * 3), "wrong-length"),
    ],
)
def test_tasks_that_cannot_be(tasks, code):
    with raises(DataError, code, "`tasks` must "):
        LabelSets.from_lists([["a"], ["b"]], tasks)


@pytest.mark.parametrize(
    ("options", "code", "names"),
    [
        ({"separator": " "}, "blank-separator", ["`separator`"]),
        ({"single_tasks": ["u"]}, "unknown-task", ["`single_tasks`", "found ['u']"]),
        ({"open_ended_tasks": ["u"]}, "unknown-task", ["`open_ended_tasks`", "found ['u']"]),
        ({"open_ended_tasks": ["t"], "single_tasks": ["t"]}, "conflicting-tasks", ["must not be both"]),
    ],
)
def test_texts_that_cannot_be(options, code, names):
    with raises(DataError, code, *names):
        LabelSets.from_text(["a;b"], "t", **options)
    with raises(DataError, "not-a-string", "`targets`", "found 1 nulls"):
        LabelSets.from_text(["a", None], "t")
