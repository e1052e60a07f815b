"""Tables and lists of dicts are read as files of the same rows are."""

import datetime
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest
from tests.support.errors import raises

from equipoise import Census
from equipoise.data import Columns, count_files, read_records
from equipoise.errors import DataError

pd = pytest.importorskip("pandas")

COLUMNS = {"task": ["t", "t", "u"], "input": ["a", "b", "c"], "target": ["x", "y", "x"]}
ROWS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]


def polars(columns: dict[str, list[object]]) -> object:
    pl = pytest.importorskip("polars")
    return pl.DataFrame(columns).with_columns(pl.col("target").cast(pl.Categorical))


def only_interchange(columns: dict[str, list[object]]) -> object:
    table = pa.table(columns)
    return SimpleNamespace(__dataframe__=table.__dataframe__)


KINDS = {
    "pandas": pd.DataFrame,
    "categorical": lambda columns: pd.DataFrame(columns).astype("category"),
    "indexed": lambda columns: pd.DataFrame(columns, index=[7, 7, 9]),
    "polars": polars,
    "arrow": pa.table,
    "reader": lambda columns: pa.table(columns).to_reader(),
    "interchange": only_interchange,
    "rows": lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    "stream of rows": lambda columns: iter(KINDS["rows"](columns)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_holds_the_same_rows(kind: str) -> None:
    assert read_records(KINDS[kind](COLUMNS)).table.to_pylist() == ROWS
    assert count_files(KINDS[kind](COLUMNS)).to_dict() == {"t": {"x": 1, "y": 1}, "u": {"x": 1}}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "interchange"])
@pytest.mark.parametrize("field", ["task", "input", "target"])
def test_missing_values_are_refused_alike(kind: str, field: str) -> None:
    missing = {**COLUMNS, field: ["t", None, "t"]}
    with raises(DataError, f"empty-{field}", f"row 2: column `{field}` is empty"):
        read_records(KINDS[kind](missing))


def test_numbers_and_booleans_are_strings_as_written() -> None:
    targets = [3, 2.5, True]
    rows = [{**row, "target": target} for row, target in zip(ROWS, targets, strict=True)]
    assert read_records(rows).column("target").to_pylist() == ["3", "2.5", "true"]
    scalars = [np.int64(3), np.float32(0.1), np.bool_(False)]
    rows = [{**row, "target": target} for row, target in zip(ROWS, scalars, strict=True)]
    assert read_records(rows).column("target").to_pylist() == ["3", "0.10000000149011612", "false"]
    assert read_records(pd.DataFrame({**COLUMNS, "target": [3, 4, 5]})).column("target").to_pylist() == ["3", "4", "5"]


@pytest.mark.parametrize("value", [float("nan"), ["x"], {"a": 1}, b"x", datetime.date(2020, 1, 1)])
def test_other_values_of_rows_are_placed(value: object) -> None:
    with raises(DataError, "bad-value", "list of dicts: row 2: column `target` is "):
        read_records([ROWS[0], {**ROWS[1], "target": value}])


def test_keys_that_some_rows_lack_are_empty() -> None:
    rows = [ROWS[0], {**ROWS[1], "group": "g"}]
    assert read_records(rows).column("group").to_pylist() == [None, "g"]
    with raises(DataError, "missing-column", "list of dicts: column `label` is missing, found `task`"):
        read_records(rows, Columns(target="label"))


def test_several_tables_are_one_source_and_need_no_processes() -> None:
    both = [pd.DataFrame(COLUMNS), pa.table(COLUMNS)]
    assert len(read_records(both)) == 6
    assert count_files(both, processes=2).total == 6


def test_the_names_of_columns_are_not_taken_for_paths(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in COLUMNS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("task,input,target\nother,file,z\n")
    assert read_records(pd.DataFrame(COLUMNS)).table.to_pylist() == ROWS
    frame = pd.DataFrame(COLUMNS)
    for part, code in ((frame.columns, "not-a-source"), (frame.columns.to_numpy(), "not-a-source")):
        with raises(DataError, code, "found "):
            read_records(part)
    with raises(DataError, "not-a-table", "Series"):
        read_records(frame["task"])


def test_a_table_without_rows_yet_is_refused_with_what_computes_it() -> None:
    lazy = pytest.importorskip("polars").LazyFrame(COLUMNS)
    for source in (lazy, [lazy]):
        with raises(DataError, "not-a-source", "found LazyFrame. It has no rows yet", "its `.collect()` returns"):
            read_records(source)
    assert read_records(lazy.collect()).table.to_pylist() == ROWS
    with raises(DataError, "not-a-source", "its `.to_table()` returns"):
        read_records(pyarrow.dataset.dataset(pa.table(COLUMNS)))
    with raises(DataError, "not-a-table", "`table`", "found LazyFrame", "its `.collect()` returns"):
        Census.from_arrow(lazy)


def test_a_table_of_mixed_types_is_refused() -> None:
    with raises(DataError, "not-a-table", "DataFrame", "column target"):
        read_records(pd.DataFrame({**COLUMNS, "target": ["x", 1, 2.5]}))


def test_a_duplicate_column_of_a_table_is_refused() -> None:
    arrays = [pa.array(["t"])] * 4
    with raises(DataError, "duplicate-column", "Table: duplicate column `target`"):
        read_records(pa.Table.from_arrays(arrays, names=["task", "input", "target", "target"]))
