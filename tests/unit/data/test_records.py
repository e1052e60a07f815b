import numpy as np
import pyarrow as pa
import pytest
from tests.support.errors import raises

from equipoise.data import Records
from equipoise.errors import DataError


@pytest.fixture
def records() -> Records:
    return Records.from_dict(
        {
            "task": ["b", "a", "b"],
            "input": ["x", "y", "z"],
            "target": ["1", "2", None],
            "split": ["train", "test", "train"],
        }
    )


def test_tasks_are_sorted(records: Records) -> None:
    assert records.tasks == ("a", "b")
    assert len(records) == 3
    assert repr(records) == "Records(3 rows, columns task, input, target, split)"


def test_every_text_type_becomes_large_string() -> None:
    table = pa.table(
        {
            "task": pa.array(["t", "t"]).dictionary_encode(),
            "input": pa.array(["x", "y"], pa.string()),
            "target": pa.array([None, None]),
        }
    )
    assert set(Records(table).table.schema.types) == {pa.large_string()}
    assert Records(table).column("task").to_pylist() == ["t", "t"]


def test_columns_come_in_a_fixed_order() -> None:
    table = pa.table({"id": ["1"], "target": ["y"], "input": ["x"], "task": ["t"]})
    assert Records(table).table.column_names == ["task", "input", "target", "id"]


@pytest.mark.parametrize(
    ("columns", "code", "message"),
    [
        ({"task": ["t"], "input": ["x"]}, "missing-column", "need a column `target`, found `task`, `input`"),
        ({"task": ["t"], "input": ["x"], "target": ["y"], "colour": ["z"]}, "unknown-column", "found also `colour`"),
        ({"task": ["t"], "input": ["x"], "target": [1]}, "not-strings", "Column `target` of the records must hold"),
        ({"task": ["t"], "input": ["x"], "target": [1]}, "not-strings", "found int64"),
        ({"task": [None], "input": ["x"], "target": ["y"]}, "nulls", "Column `task`"),
        ({"task": ["t"], "input": [None], "target": ["y"]}, "nulls", "Column `input`"),
        ({"task": ["t"], "input": ["x"], "target": ["y"], "split": [None]}, "nulls", "Column `split`"),
    ],
)
def test_a_table_that_is_not_of_records_is_refused(columns: dict[str, list[object]], code: str, message: str) -> None:
    with raises(DataError, code, message):
        Records(pa.table(columns))


def test_a_column_that_stands_twice_is_refused() -> None:
    one = pa.array(["x"])
    table = pa.Table.from_arrays([one, one, one, one], names=["task", "input", "target", "target"])
    with raises(DataError, "duplicate-column"):
        Records(table)


def test_take_keeps_the_order_asked_for(records: Records) -> None:
    assert records.take([2, 0]).column("input").to_pylist() == ["z", "x"]
    assert records.take(np.array([], dtype=np.int64)).table.num_rows == 0
    assert records.take(pa.array([1])).column("input").to_pylist() == ["y"]


def test_where_selects_split_and_task(records: Records) -> None:
    assert records.where(split="train").column("input").to_pylist() == ["x", "z"]
    assert records.where(task="a").column("input").to_pylist() == ["y"]
    assert len(records.where(split="train", task="a")) == 0
    assert len(records.where(split="validation")) == 0


def test_where_refuses_an_unknown_split(records: Records) -> None:
    with raises(DataError, "unknown-split", "`split`", "'dev'"):
        records.where(split="dev")


def test_where_needs_splits() -> None:
    records = Records.from_dict({"task": ["t"], "input": ["x"], "target": ["y"]})
    with raises(DataError, "no-splits", "`split`"):
        records.where(split="train")


def test_a_column_that_is_not_there_is_named(records: Records) -> None:
    assert records.has("split")
    assert not records.has("group")
    with raises(DataError, "missing-column", "no column `group`", "found `task`"):
        records.column("group")


def test_with_column_adds_and_replaces_and_leaves_the_original(records: Records) -> None:
    changed = records.with_column("group", ["1", "1", "2"]).with_column("target", pa.array(["p", "q", "r"]))
    assert changed.column("group").to_pylist() == ["1", "1", "2"]
    assert changed.column("target").to_pylist() == ["p", "q", "r"]
    assert records.column("target").to_pylist() == ["1", "2", None]
    assert not records.has("group")


def test_with_column_needs_one_value_per_row(records: Records) -> None:
    with raises(DataError, "unequal-lengths", "(3)", "found 2"):
        records.with_column("group", ["1", "1"])


def test_row_numbers_must_be_of_rows(records: Records) -> None:
    for rows in ([3], [-1]):
        with raises(DataError, "row-out-of-range", "from 0 to 2"):
            records.take(rows)


def test_where_selects_several_tasks(records: Records) -> None:
    assert records.where(task={"a", "b", "c"}) is records
    assert records.where(split="train", task=["b"]).column("input").to_pylist() == ["x", "z"]
    assert len(records.where(task=[])) == 0


def test_with_column_refuses_other_columns(records: Records) -> None:
    with raises(DataError, "unknown-column", "`colour`"):
        records.with_column("colour", ["1", "1", "2"])


def test_strata_are_numbered_by_task_and_label(records: Records) -> None:
    strata, count = records.strata()
    assert (strata.tolist(), count) == ([1, 0, 2], 3)  # no label comes last
    strata, count = records.strata(open_ended_tasks=["b"])
    assert (strata.tolist(), count) == ([1, 0, 1], 2)
