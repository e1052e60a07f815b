"""Labels as people hold them are counted and indexed alike, and what is missing is never a class."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from tests.support.errors import raises

from equipoise import Census, StratumIndex
from equipoise.census.labels import coded_labels, plain_label
from equipoise.errors import DataError, PlanError

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


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None, "b"],
        [0, None, 1],
        [0.0, float("nan"), 1.0],
        np.array([0, np.nan, 1]),
        np.array(["a", np.nan, "b"], object),
        pd.Series(["a", None, "b"]),
        pd.Series([0, None, 1]),
        pd.Series([0, pd.NA, 1], dtype="Int64"),
        pd.Series(["a", None, "b"], dtype="category"),
        pa.array(["a", None, "b"]),
    ],
)
def test_a_missing_label_is_refused_and_no_class(labels):
    with raises(PlanError, "mixed-task", "leave out those without"):
        Census.from_labels(TASKS, labels)
    census = Census.from_labels(TASKS, [str(value) if i != 1 else "a" for i, value in enumerate(labels)])
    with raises(PlanError, "missing-label", "Row 1 of task 't' must have a label"):
        StratumIndex.from_labels(census, TASKS, labels)


def test_minus_one_of_a_class_label_is_missing_and_of_an_integer_is_a_class():
    with raises(PlanError, "mixed-task", "beside None"):
        Census.from_labels(TASKS, hugging_face([0, -1, 1]))
    with raises(PlanError, "mixed-task", "beside None"):
        Census.from_labels(TASKS, hugging_face([0, None, 1]))
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
