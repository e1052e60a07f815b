"""Counting codes gives what counting texts one by one gives."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.errors import raises

from equipoise.census import tally as counting
from equipoise.census.tally import Tally, count_table
from equipoise.errors import DataError

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "z", "ü"]), st.integers(0, 5)), max_size=30
)


@pytest.mark.parametrize("dense", [0, 5, 1 << 20])
@given(batches=st.lists(ROWS, max_size=6), open_ended_tasks=st.sets(st.sampled_from("abc")))
def test_batches_add_up(dense, batches, open_ended_tasks):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_DENSE", dense)
        tally = Tally(open_ended_tasks)
        for rows in batches:
            columns = [pa.array([row[n] for row in rows], pa.large_string()) for n in range(2)]
            tally.add(*(column.dictionary_encode() for column in columns))
            assert tally.cells() is not None  # asking does not disturb
    expected = Counter(
        (task, None if task in open_ended_tasks else label) for rows in batches for task, label, _ in rows
    )
    assert tally.cells() == expected


@pytest.mark.parametrize("at_once", [1, 4, 1 << 20])
@given(rows=ROWS, open_ended_tasks=st.sets(st.sampled_from("abc")))
def test_counts_of_a_table_add_up(at_once, rows, open_ended_tasks):
    tasks, labels, counts = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        {"t": pa.array(tasks, pa.string()), "l": pa.array(labels, pa.string()), "n": pa.array(counts, pa.int64())}
    )
    expected = Counter()
    for task, label, count in rows:
        expected[task, None if task in open_ended_tasks else label] += count
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_ROWS_AT_ONCE", at_once)
        counted = count_table(table, "t", "l", open_ended_tasks, "n")
    assert counted == dict(expected)  # strata whose counts are 0 too


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float64(), pa.decimal128(38, 0)])
def test_counts_of_any_numbers(kind):
    table = pa.table({"task": ["a", "a"], "label": [1, 2], "count": pa.array([3, 4]).cast(kind)})
    assert count_table(table, "task", "label", (), "count") == {("a", "1"): 3, ("a", "2"): 4}


@pytest.mark.parametrize(
    ("counts", "code", "names"),
    [
        ([1.5, 1.0], "not-an-integer", ["found other values"]),
        ([1, None], "not-an-integer", ["found nulls or negative values"]),
        ([1, -1], "not-an-integer", ["found nulls or negative values"]),
        ([True, True], "not-an-integer", ["found the type bool"]),
        (["1", "2"], "not-an-integer", ["found the type string"]),
        ([2**62, 2**62], "too-many-examples", ["at most 2**53"]),
        (np.array([2**64 - 1, 1], np.uint64), "not-an-integer", ["found other values"]),
    ],
)
def test_counts_that_are_none(counts, code, names):
    table = pa.table({"task": ["a", "a"], "label": ["x", "y"], "count": counts})
    with raises(DataError, code, *names):
        count_table(table, "task", "label", (), "count")


def test_labels_that_are_no_text_are_placed(monkeypatch):
    monkeypatch.setattr(counting, "_ROWS_AT_ONCE", 2)
    table = pa.table({"task": ["a"] * 4, "label": [1.0, 2.0, 3.0, float("nan")]})
    with raises(DataError, "nulls", "NaN", "found 0 and 1"):
        count_table(table, "task", "label")


def test_a_column_that_stands_twice():
    table = pa.table([["a"], ["x"], ["y"]], names=["task", "label", "label"])
    with raises(DataError, "duplicate-column", "the column 'label' more than once"):
        count_table(table, "task", "label")
