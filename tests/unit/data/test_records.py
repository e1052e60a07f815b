import numpy as np
import pyarrow as pa
import pytest

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
    ("columns", "message"),
    [
        ({"task": ["t"], "input": ["x"]}, "need a column `target`, found `task`, `input`"),
        ({"task": ["t"], "input": ["x"], "target": ["y"], "colour": ["z"]}, "found also `colour`"),
        ({"task": ["t"], "input": ["x"], "target": [1]}, "Column `target` of the records must be text, found int64"),
        ({"task": [None], "input": ["x"], "target": ["y"]}, "Column `task` of the records holds a null"),
        ({"task": ["t"], "input": [None], "target": ["y"]}, "Column `input` of the records holds a null"),
        ({"task": ["t"], "input": ["x"], "target": ["y"], "split": [None]}, "Column `split` .* holds a null"),
    ],
)
def test_a_table_that_is_not_of_records_is_refused(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Records(pa.table(columns))


def test_a_column_that_stands_twice_is_refused() -> None:
    one = pa.array(["x"])
    table = pa.Table.from_arrays([one, one, one, one], names=["task", "input", "target", "target"])
    with pytest.raises(DataError, match="each column once"):
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
    with pytest.raises(DataError, match=r"`split` must be one of `train`, `validation`, `test`, found 'dev'"):
        records.where(split="dev")


def test_where_needs_splits() -> None:
    records = Records.from_dict({"task": ["t"], "input": ["x"], "target": ["y"]})
    with pytest.raises(DataError, match="no column `split`"):
        records.where(split="train")


def test_a_column_that_is_not_there_is_named(records: Records) -> None:
    assert records.has("split")
    assert not records.has("group")
    with pytest.raises(DataError, match="no column `group`, found `task`"):
        records.column("group")


def test_with_column_adds_and_replaces_and_leaves_the_original(records: Records) -> None:
    changed = records.with_column("group", ["1", "1", "2"]).with_column("target", pa.array(["p", "q", "r"]))
    assert changed.column("group").to_pylist() == ["1", "1", "2"]
    assert changed.column("target").to_pylist() == ["p", "q", "r"]
    assert records.column("target").to_pylist() == ["1", "2", None]
    assert not records.has("group")


def test_with_column_needs_one_value_per_row(records: Records) -> None:
    with pytest.raises(DataError, match=r"one value per row \(3\), found 2"):
        records.with_column("group", ["1", "1"])
