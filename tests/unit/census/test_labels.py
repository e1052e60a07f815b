"""Labels as people hold them are counted and indexed alike, and what is missing is never a class."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from tests.support.errors import raises, warns

from equipoise import Census, StratumIndex
from equipoise.census.labels import coded_labels, plain_label
from equipoise.errors import ConfigError, DataError, DataWarning, PlanError

TASKS = ["t"] * 3
NUMBERS, BOOLEANS, WORDS = [0, 1, 1], [False, True, True], ["a", "b", "b"]
KINDS = {
    "list": (NUMBERS, "0", "1"),
    "tuple": ((0, 1, 1), "0", "1"),
    "ndarray": (np.array(NUMBERS), "0", "1"),
    "small ndarray": (np.array(NUMBERS, np.uint8), "0", "1"),
    "objects": (np.array(WORDS, object), "a", "b"),
    "numpy strings": (np.array(WORDS), "a", "b"),
    "numpy scalars": ([np.int64(number) for number in NUMBERS], "0", "1"),
    "booleans": (BOOLEANS, "false", "true"),
    "numpy booleans": (np.array(BOOLEANS), "false", "true"),
    "floats": ([0.0, 1.0, 1.0], "0.0", "1.0"),
    "tensor": (torch.tensor(NUMBERS), "0", "1"),
    "boolean tensor": (torch.tensor(BOOLEANS), "false", "true"),
    "tensors": ([torch.tensor(number) for number in NUMBERS], "0", "1"),
    "Series": (pd.Series(NUMBERS, index=[5, 3, 4]), "0", "1"),
    "categories": (pd.Series(WORDS, dtype="category"), "a", "b"),
    "nullable Series": (pd.Series(NUMBERS, dtype="Int64"), "0", "1"),
    "Index": (pd.Index(NUMBERS), "0", "1"),
    "Arrow": (pa.array(NUMBERS), "0", "1"),
    "chunks": (pa.chunked_array([[0], [1, 1]]), "0", "1"),
    "dictionary": (pa.array(WORDS).dictionary_encode(), "a", "b"),
}


def hugging_face(labels, kind=None):
    datasets = pytest.importorskip("datasets", reason="the column of a Hugging Face dataset")
    kind = datasets.ClassLabel(names=["no", "yes"]) if kind is None else datasets.Value(kind)
    return datasets.Dataset.from_dict({"y": labels}, features=datasets.Features({"y": kind}))["y"]


def check(labels, first, second):
    census = Census.from_labels(TASKS, labels)
    assert census.to_dict() == {"t": {first: 1, second: 2}}
    index = StratumIndex.from_labels(census, TASKS, labels)
    assert index.order.tolist() == [0, 1, 2]
    assert index.census() == census


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_every_sort_are_strata(kind):
    check(*KINDS[kind])


def test_labels_of_polars_are_strata():
    pl = pytest.importorskip("polars", reason="a Series of polars")
    check(pl.Series(NUMBERS), "0", "1")
    check(pl.Series(BOOLEANS), "false", "true")
    check(pl.Series(WORDS, dtype=pl.Categorical), "a", "b")
    check(pl.Series(WORDS, dtype=pl.Enum(["a", "b"])), "a", "b")


def test_class_labels_are_strata_by_name():
    check(hugging_face([0, 1, 1]), "no", "yes")
    check(hugging_face([0, 1, 1], "int64"), "0", "1")


def test_tasks_may_be_of_every_sort_too():
    assert Census.from_labels(pd.Series([7, 7, 8]), WORDS).to_dict() == {"7": {"a": 1, "b": 1}, "8": {"b": 1}}


MISSING = [
    ["a", None, "b"],
    [0, None, 1],
    [0.0, float("nan"), 1.0],
    ["a", pd.NA, "b"],
    ["a", "", "b"],
    ["a", " \u3000", "b"],
    np.array(["a", "", "b"]),
    np.array([0, np.nan, 1]),
    np.array(["a", np.nan, "b"], object),
    np.array(["a", pd.NA, "b"], object),
    np.ma.masked_array([0, 5, 1], mask=[False, True, False]),
    list(np.ma.masked_array([0, 5, 1], mask=[False, True, False])),
    [np.int64(0), np.ma.masked, np.int64(1)],
    pd.Series(["a", None, "b"]),
    pd.Series([0, None, 1]),
    pd.Series([0, pd.NA, 1], dtype="Int64"),
    pd.Series(["a", None, "b"], dtype="category"),
    pa.array(["a", None, "b"]),
    pa.array([0.0, float("nan"), 1.0]),
    pa.chunked_array([[0.0], [float("nan"), 1.0]]),
    pa.array([0.0, float("nan"), 1.0]).dictionary_encode(),
    pa.array(["a", "", "b"]).dictionary_encode(),
    torch.tensor([0.0, float("nan"), 1.0]),
]


@pytest.mark.parametrize("labels", MISSING)
def test_a_missing_label_is_refused_and_no_class(labels):
    with raises(PlanError, "mixed-task", "leave out those without", '`missing_labels="skip"`'):
        Census.from_labels(TASKS, labels)
    first, _, last = coded_labels(labels, "labels").to_pylist()
    census = Census.from_labels(TASKS, [first, first, last])
    with raises(PlanError, "missing-label", "Row 1 of task 't' must have a label", '`missing_labels="skip"`'):
        StratumIndex.from_labels(census, TASKS, labels)


def skipped(count, rows):
    return f"{count} of {rows} rows have no label and are skipped"


@pytest.mark.parametrize("labels", MISSING)
def test_a_missing_label_is_skipped_if_so_chosen(labels):
    with warns(DataWarning, "missing-labels") as caught:
        census = Census.from_labels(TASKS, labels, missing_labels="skip")
    assert [str(one.message) for one in caught] == [skipped(1, 3) + ": 't' 1."]
    assert caught[0].filename == __file__
    assert census.counts.tolist() == [1, 1]
    with warns(DataWarning, "missing-labels") as caught:
        index = StratumIndex.from_labels(census, TASKS, labels, missing_labels="skip")
    assert [str(one.message) for one in caught] == [skipped(1, 3) + ": 't' 1."]
    assert caught[0].filename == __file__
    assert (index.order.tolist(), index.skipped, index.dataset_rows, len(index)) == ([0, 2], 1, 3, 2)


def test_what_is_skipped_is_told_by_task_and_open_ended_tasks_stay():
    tasks = ["a", "a", "b", "b", "b", "c", "c"]
    labels = ["x", None, "", "y", float("nan"), None, None]
    with warns(DataWarning, "missing-labels") as caught:
        census = Census.from_labels(tasks, labels, missing_labels="skip")
    assert str(caught[0].message) == skipped(3, 7) + ": 'a' 1, 'b' 2."
    assert census.to_dict() == {"a": {"x": 1}, "b": {"y": 1}, "c": 2}
    assert Census.from_labels(["a", "c"], ["x", None], missing_labels="skip").to_dict() == {"a": {"x": 1}, "c": 1}
    many = [f"t{number}" for number in range(7)]
    with warns(DataWarning, "missing-labels") as caught:
        Census.from_labels(many * 2, ["x"] * 7 + [None] * 7, missing_labels="skip")
    assert str(caught[0].message).endswith("'t4' 1 and 2 more tasks.")


def test_tables_skip_rows_without_a_label_too():
    rows = {"task": ["a", "a", "b", "c"], "target": [1.0, float("nan"), None, None]}
    with raises(DataError, "nulls", '`missing_labels="skip"`', "`open_ended_tasks`"):
        Census.from_arrow(pa.table(rows), open_ended_tasks=["c"])
    with warns(DataWarning, "missing-labels") as caught:
        census = Census.from_arrow(pa.table(rows), open_ended_tasks=["c"], missing_labels="skip")
    assert str(caught[0].message) == skipped(2, 4) + ": 'a' 1, 'b' 1."
    assert caught[0].filename == __file__
    assert census.to_dict() == {"a": {"1.0": 1}, "c": 1}
    counts = {"task": ["a", "a", "c"], "label": ["x", "", None], "count": [5, 2, 3]}
    with warns(DataWarning, "missing-labels") as caught:
        census = Census.from_table(counts, open_ended_tasks=["c"], missing_labels="skip")
    assert str(caught[0].message) == skipped(2, 10) + ": 'a' 2."
    assert census.to_dict() == {"a": {"x": 5}, "c": 3}


def test_the_choice_is_one_of_two():
    said = '`missing_labels` must be "error" or "skip", found \'drop\''
    with raises(ConfigError, "unknown-option", said):
        Census.from_labels(TASKS, WORDS, missing_labels="drop")
    with raises(ConfigError, "unknown-option", said):
        Census.from_table({"task": ["a"], "label": ["x"], "count": [1]}, missing_labels="drop")
    census = Census.from_labels(TASKS, WORDS)
    with raises(ConfigError, "unknown-option", said):
        StratumIndex.from_labels(census, TASKS, WORDS, missing_labels="drop")
    with raises(ConfigError, "unknown-option", said):
        StratumIndex.from_codes([0], missing_labels="drop")
    with raises(ConfigError, "unknown-option", said):
        StratumIndex.from_chunks([[0]], [1], missing_labels="drop")
    with raises(ConfigError, "unknown-option", said):
        StratumIndex.from_datasets({"t": [{"label": "a"}]}, missing_labels="drop")


def test_a_blank_label_is_no_class_of_counts_either():
    for blank in ("", " "):
        with raises(PlanError, "blank-label", f"found {blank!r} of task 't'"):
            Census.from_counts({"t": {blank: 3, "a": 1}})
    with raises(PlanError, "not-a-string", "found ''"):
        Census.from_counts({"": {"a": 1}})


def test_a_class_number_without_a_name_is_refused():
    class Column(list):
        features = ClassLabel = type("ClassLabel", (), {"names": ["no", "yes"]})

    for odd in (2, -2):
        with raises(DataError, "bad-value", f"`labels`: row 1 is class {odd}", "name 2"):
            Census.from_labels(TASKS, Column([0, odd, 1]))


def test_minus_one_of_a_class_label_is_missing_and_of_an_integer_is_a_class():
    with raises(PlanError, "mixed-task", "beside None"):
        Census.from_labels(TASKS, hugging_face([0, -1, 1]))
    with raises(PlanError, "mixed-task", "beside None"):
        Census.from_labels(TASKS, hugging_face([0, None, 1]))
    with warns(DataWarning, "missing-labels"):
        census = Census.from_labels(TASKS, hugging_face([0, -1, 1]), missing_labels="skip")
    assert census.to_dict() == {"t": {"no": 1, "yes": 1}}
    assert Census.from_labels(TASKS, [0, -1, 1]).labels("t") == ("-1", "0", "1")


@pytest.mark.parametrize(
    "labels", [[None] * 3, np.full(3, np.nan), pd.Series([None] * 3, dtype=object), pa.nulls(3, pa.string())]
)
def test_a_task_without_any_label_is_open_ended(labels):
    assert Census.from_labels(TASKS, labels).to_dict() == {"t": 3}


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        (np.zeros((3, 2)), "1-dimensional"),
        ([0, "a", 1], "Could not convert"),
        ([True, 2, 3], "Could not convert"),
        ("abc", "the string 'abc'"),
        (["a", "\ud800", "b"], "surrogates"),
        ([["a"], ["b"], []], "has the type list"),
        ([{}, {}, {}], "has the type struct"),
        (pd.Series(pd.to_datetime(["2020-01-01"] * 3)), "has the type timestamp"),
        ([object()] * 3, "did not recognize"),
    ],
)
def test_what_is_no_label_is_refused(labels, part):
    with raises(DataError, "bad-value", "`labels`", part):
        Census.from_labels(TASKS, labels)


@pytest.mark.parametrize(
    "value", [3, -1, True, 2.5, 1e30, "a", np.int8(3), np.True_, np.float32(0.1), np.float64(0.1), np.str_("a")]
)
def test_one_label_is_written_as_a_column_of_them(value):
    assert plain_label(value) == coded_labels(np.array([value]), "labels").dictionary.to_pylist()[0]


def test_equal_labels_of_counts_are_one():
    counted = Census.from_counts({"t": {np.int64(1): 4, "1": 2, 0: 1}})
    assert counted.to_dict() == {"t": {"0": 1, "1": 6}}
