"""Files with a column of targets for each task become rows of one task each."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.data import Columns, count_files, read_records
from equipoise.errors import ConfigError, DataError

WIDE = Columns(input="text", tasks=("sepsis", "icd"))
LONG = [("sepsis", "a", "yes"), ("icd", "b", "3"), ("sepsis", "c", "no"), ("icd", "c", "4")]


def write_csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    path.write_text("text,sepsis,icd,group\na,yes,,1\nb, ,3,1\nc,no,4,2\n")
    return path


def write_jsonl(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    path.write_text(
        '{"text": "a", "sepsis": "yes", "icd": null, "group": 1}\n{"text": "b", "icd": 3, "group": 1}\n'
        '{"text": "c", "sepsis": "no", "icd": 4, "group": 2}\n'
    )
    return path


def write_parquet(folder: Path) -> Path:
    path = folder / "rows.parquet"
    columns = {"text": ["a", "b", "c"], "sepsis": ["yes", None, "no"], "icd": [None, 3, 4], "group": [1, 1, 2]}
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("write", [write_csv, write_jsonl, write_parquet])
def test_a_cell_is_a_row_and_an_empty_one_is_none(tmp_path: Path, write) -> None:
    path = write(tmp_path)
    rows = [(row["task"], row["input"], row["target"]) for row in read_records(path, WIDE).table.to_pylist()]
    assert rows == LONG
    assert read_records(path, WIDE).column("group").to_pylist() == ["1", "1", "2", "2"]
    assert count_files(path, WIDE).to_dict() == {"icd": {"3": 1, "4": 1}, "sepsis": {"no": 1, "yes": 1}}


def test_rows_to_be_predicted_are_asked_every_task(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("text\na\nb\n")
    records = read_records(path, WIDE, require_target=False)
    assert records.column("task").to_pylist() == ["sepsis", "icd"] * 2
    assert records.column("input").to_pylist() == ["a", "a", "b", "b"]
    assert records.column("target").to_pylist() == [None] * 4


def test_errors_name_the_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,sepsis,icd\na,yes,1\nb,no,\n,no,4\n")
    with raises(DataError, "empty-input", "rows.csv:4: column `text` is empty"):
        read_records(path, WIDE)
    path.write_text("text,sepsis,icd,id\na,,1,7\nb,no,2,7\n")
    with raises(DataError, "duplicate-id", "rows.csv:2", "rows.csv:3", "`id`"):
        read_records(path, WIDE)
    with raises(DataError, "missing-column", "`apache` is missing", "Columns(tasks=...)"):
        read_records(path, Columns(input="text", tasks=("sepsis", "apache")))


def test_ids_get_the_name_of_the_task(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,sepsis,icd,id\na,yes,1,7\nb,no,2,\n")
    assert read_records(path, WIDE).column("id").to_pylist() == ["7:sepsis", "7:icd", None, None]


def test_a_wide_file_is_told_how_to_be_read(tmp_path: Path) -> None:
    with raises(DataError, "missing-column", "each task has a column", "`Columns(tasks=...)`"):
        read_records(write_csv(tmp_path), Columns(input="text"))


@pytest.mark.parametrize(
    ("tasks", "code"),
    [("sepsis", "not-a-column-name"), (("a", ""), "not-a-column-name"), ((3,), "not-a-column-name"),
     (3, "not-a-column-name"),
     (("a", "a"), "same-column"), (("input",), "same-column"), (("person",), "same-column")],
)  # fmt: skip
def test_columns_of_tasks_that_cannot_be(tasks: object, code: str) -> None:
    with raises(ConfigError, code, "`columns.tasks`"):
        Columns(tasks=tasks, group="person")  # type: ignore[arg-type]
