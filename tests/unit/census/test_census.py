import copy
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.census import Census, Stratum
from equipoise.data import Columns, count_files
from equipoise.errors import DataError, PlanError


def test_counts_from_labels():
    census = Census.from_labels(["b", "a", "b", "b", "c"], ["x", "y", "x", "w", None])
    assert census.strata == (Stratum("a", "y"), Stratum("b", "w"), Stratum("b", "x"), Stratum("c", None))
    assert census.counts.tolist() == [1, 1, 2, 1]
    assert census.counts.dtype == np.int64
    assert census.tasks == ("a", "b", "c")
    assert census.task_counts.tolist() == [1, 3, 1]
    assert census.labels("b") == ("w", "x")
    assert census.labels("c") == ()
    assert census.total == 5


@pytest.mark.parametrize("kind", [list, np.array])
def test_every_way_to_count_agrees(kind):
    tasks, labels = ["b", "a", "b"], ["x", "y", "x"]
    by_hand = Census.from_counts({"a": {"y": 1}, "b": {"x": 2}})
    assert Census.from_labels(kind(tasks), kind(labels)) == by_hand
    table = pa.table({"task": tasks, "target": labels})
    assert Census.from_arrow(table) == by_hand
    renamed = pa.table({"t": pa.array(tasks).dictionary_encode(), "l": pa.array(labels).dictionary_encode()})
    assert Census.from_arrow(renamed, task="t", label="l") == by_hand
    assert Census.from_dict(by_hand.to_dict()) == by_hand


def test_an_open_task_is_one_stratum():
    table = pa.table({"task": ["a", "b", "b"], "target": ["x", "any text", None]})
    assert Census.from_arrow(table, open_ended_tasks=["b"]) == Census.from_counts({"a": {"x": 1}, "b": 2})


def test_from_files_counts_every_file(tmp_path):
    first = pa.table({"task": ["a", "b"], "input": ["", ""], "answer": ["x", "free"]})
    second = pa.table({"task": ["a", "a"], "input": ["", ""], "answer": ["x", "y"]})
    pq.write_table(first, tmp_path / "1.parquet")
    pq.write_table(second, tmp_path / "2.parquet")
    census = count_files(tmp_path, Columns(target="answer"), open_ended_tasks=["b"])
    assert census.to_dict() == {"a": {"x": 2, "y": 1}, "b": 1}
    with raises(DataError, "unknown-task", "'c'"):
        count_files(tmp_path, Columns(target="answer"), open_ended_tasks=["c"])


def test_censuses_add_up():
    total = Census.from_counts({"a": {"x": 1, "y": 2}}) + Census.from_counts({"a": {"y": 3}, "b": 4})
    assert total.to_dict() == {"a": {"x": 1, "y": 5}, "b": 4}
    assert sum([total, total], start=Census.from_counts({})) == total + total


def test_adding_keeps_strata_without_examples():
    census = Census.from_counts({"a": {"x": 0, "y": 2}})
    assert (census + census).to_dict() == {"a": {"x": 0, "y": 4}}


def test_a_census_is_a_value():
    census = Census.from_counts({"a": {"x": 1}})
    assert census == Census.from_counts({"a": {"x": 1}})
    assert census != Census.from_counts({"a": {"x": 2}})
    assert census != Census.from_counts({"a": {"y": 1}})
    assert census != "census"
    assert len({census, Census.from_counts({"a": {"x": 1}})}) == 1


@pytest.mark.parametrize("copied", [lambda c: pickle.loads(pickle.dumps(c)), copy.deepcopy, lambda c: c])
def test_counts_are_read_only(copied):
    source = np.array([1])
    census = copied(Census((Stratum("a", "x"),), source))
    with pytest.raises(ValueError, match="read-only"):
        census.counts[0] = 2
    with pytest.raises(ValueError, match="read-only"):
        census.task_counts[0] = 2
    source[0] = 7
    assert census.counts.tolist() == [1]


def test_numpy_texts_become_plain_texts():
    (stratum,) = Census.from_labels(np.array(["a"]), np.array(["x"])).strata
    assert type(stratum.task) is str
    assert type(stratum.label) is str


@pytest.mark.parametrize(
    ("make", "code", "names"),
    [
        (lambda: Census.from_labels(["a"], ["x", "y"]), "wrong-length", ["found 1 and 2"]),
        (lambda: Census.from_counts({"a": {b"x": 1}}), "not-a-string", ["found 'a', b'x'"]),
        (lambda: Census.from_labels([None], ["x"]), "missing-task", ["the first in row 0"]),
        (
            lambda: Census.from_labels(["a", "a"], ["x", None]),
            "mixed-task",
            ["task 'a' must either"],
        ),
        (lambda: Census.from_counts({"a": {"x": -1}}), "not-an-integer", ["found -1"]),
        (lambda: Census.from_counts({"a": {"x": 1.5}}), "not-an-integer", ["found 1.5"]),
        (lambda: Census.from_counts({"a": True}), "not-an-integer", ["found True"]),
        (lambda: Census.from_counts({"a": {}}), "no-labels", ["task 'a' must have labels"]),
        (lambda: Census.from_counts({"a": {"x": 2**53, "y": 1}}), "too-many-examples", ["at most 2**53"]),
        (
            lambda: Census.from_counts({"a": 2}) + Census.from_counts({"a": {"x": 1}}),
            "mixed-task",
            ["must either have labels"],
        ),
        (
            lambda: Census((Stratum("b", "x"), Stratum("a", "x")), np.array([1, 1])),
            "unsorted-strata",
            ["must be sorted"],
        ),
        (
            lambda: Census((Stratum("a", "x"), Stratum("a", "x")), np.array([1, 1])),
            "unsorted-strata",
            ["duplicates"],
        ),
        (lambda: Census((Stratum("a", "x"),), np.array([1, 1])), "wrong-length", ["found 2 for 1"]),
        (lambda: Census.from_counts({"a": 1}).labels("b"), "unknown-task", ["found 'b'"]),
    ],
)
def test_what_no_census_can_be(make, code, names):
    with raises(PlanError, code, *names):
        make()


@pytest.mark.parametrize(
    ("columns", "options", "code", "names"),
    [
        ({"task": ["a"], "label": ["x"]}, {}, "missing-column", ["must have the column 'target', found"]),
        ({"task": ["a"], "target": [None]}, {}, "nulls", ["found 0 and 1"]),
        ({"task": [None], "target": ["x"]}, {}, "nulls", ["found 1 and 0"]),
        ({"task": ["a"], "target": ["x"]}, {"open_ended_tasks": ["b"]}, "unknown-task", ["found ['b']"]),
    ],
)
def test_tables_that_cannot_be_counted(columns, options, code, names):
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    with raises(DataError, code, *names):
        Census.from_arrow(table, **options)


def test_an_empty_table_has_an_empty_census():
    table = pa.table({"task": pa.array([], pa.string()), "target": pa.array([], pa.string())})
    assert Census.from_arrow(table) == Census.from_counts({})


def test_files_with_splits_can_be_counted_by_split(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("task,input,target,split\na,one,x,train\na,two,y,train\na,three,x,test\n")
    assert count_files(file).to_dict() == {"a": {"x": 2, "y": 1}}
    assert count_files(file, split="train").to_dict() == {"a": {"x": 1, "y": 1}}


def test_a_table_of_partial_counts():
    parts = pa.table({"task": ["a", "b", "a"], "label": ["x", None, "x"], "count": [1, 2, 3]})
    by_hand = Census.from_counts({"a": {"x": 4}, "b": 2})
    assert Census.from_table(parts, open_ended_tasks=["b"]) == by_hand
    renamed = pa.table(parts.columns, names=["t", "l", "n"])
    assert Census.from_table(renamed, task="t", label="l", count="n", open_ended_tasks=["b"]) == by_hand
    batches = pa.RecordBatchReader.from_batches(parts.schema, parts.to_batches())
    assert Census.from_table(batches, open_ended_tasks=["b"]) == by_hand
    assert Census.from_table(parts.to_pandas(), open_ended_tasks=["b"]) == by_hand
    with raises(DataError, "nulls", "found 0 and 1"):
        Census.from_table(parts)
    with raises(DataError, "unknown-task", "'c'"):
        Census.from_table(parts, open_ended_tasks=["b", "c"])


@pytest.mark.parametrize("table", [None, 3, "rows.csv", {"task": ["a"], "label": []}])
def test_what_is_no_table_of_counts(table):
    with raises(DataError, "not-a-table", "`table`"):
        Census.from_table(table)


def test_numbers_are_labels_as_the_readers_have_them():
    table = pa.table({"task": [1, 1, 1], "target": [1.0, 0.1, 1.0]})
    assert Census.from_arrow(table).to_dict() == {"1": {"0.1": 1, "1.0": 2}}
