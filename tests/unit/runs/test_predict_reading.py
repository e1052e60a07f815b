"""Rows to be predicted are read as the training data was, unless something else is said."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.errors import raises

from equipoise.config import make_config
from equipoise.data import Columns, Task
from equipoise.errors import DataError
from equipoise.runs.unlabelled import UnlabelledRows

TASKS = {name: Task(name, "classification", ("a", "b")) for name in ("heart", "lung")}
CONFIG = make_config({"data": {"source": "rows.csv", "columns": {"input": "text"}, "delimiter": ";"}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text("task;text\nheart;x\nlung;y\n")
    return path


def test_as_the_training_data(file: Path) -> None:
    records = UnlabelledRows(file, CONFIG, TASKS).records()
    assert records.column("input").to_pylist() == ["x", "y"]
    assert records.column("target").to_pylist() == ["", ""]


def test_a_default_task_that_no_row_takes_is_refused(file: Path) -> None:
    data = replace(CONFIG.data, default_task="brain")
    with raises(DataError, "unused-default-task", "new.csv", "column `task`", "'brain'", "`default_task=...`"):
        UnlabelledRows(file, CONFIG, TASKS, data).records()
    elsewhere = replace(data, columns=Columns(task="part", input="text"))
    assert UnlabelledRows(file, CONFIG, TASKS, elsewhere).records().tasks == ("brain",)


def test_the_only_task_of_a_run_is_the_default(file: Path) -> None:
    file.write_text("text\nx\n")
    assert UnlabelledRows(file, CONFIG, {"lung": TASKS["lung"]}).records().tasks == ("lung",)
    with raises(DataError, "missing-column", "column `task` is missing"):
        UnlabelledRows(file, CONFIG, TASKS).records()


def test_a_file_without_the_columns_of_a_wide_run_is_asked_every_task(file: Path) -> None:
    config = make_config({"data": {"source": "rows.csv", "columns": {"input": "text", "tasks": ["heart", "lung"]}}})
    file.write_text("text\nx\n")
    assert UnlabelledRows(file, config, TASKS).records().table.select(["task", "input"]).to_pylist() == [
        {"task": "heart", "input": "x"},
        {"task": "lung", "input": "x"},
    ]


def test_rows_that_are_predicted_need_no_group_and_no_split(file: Path) -> None:
    columns = {"input": "text", "group": "patient", "split": "fold"}
    rows = UnlabelledRows(file, make_config({"data": {"source": "r", "columns": columns, "delimiter": ";"}}), TASKS)
    assert rows.counts == {"heart": 1, "lung": 1}
    assert rows.records().column("input").to_pylist() == ["x", "y"]


def test_rows_are_counted_then_read_again_a_few_at_once(file: Path) -> None:
    file.write_text("task;text;id\n" + "".join(f"{'heart' if n % 3 else 'lung'};x{n};i{n}\n" for n in range(25)))
    rows = UnlabelledRows(file, CONFIG, TASKS)
    assert rows.counts == {"lung": 9, "heart": 16}
    assert rows.have_ids
    parts = list(rows.batches(10))
    assert [len(part) for part in parts] == [10, 10, 5]
    assert [text for part in parts for text in part.column("input").to_pylist()] == [f"x{n}" for n in range(25)]
    assert [text for part in parts for text in part.column("id").to_pylist()] == [f"i{n}" for n in range(25)]


def test_a_bad_row_is_found_before_any_is_predicted_and_a_changed_file_at_its_end(file: Path) -> None:
    file.write_text("task;text\nheart;x\nheart;\n")
    with raises(DataError, "empty-input", "new.csv:3"):
        _ = UnlabelledRows(file, CONFIG, TASKS).counts
    file.write_text("task;text\nheart;x\nbrain;y\n")
    with raises(DataError, "unknown-task", "'brain'", "heart, lung"):
        _ = UnlabelledRows(file, CONFIG, TASKS).counts
    file.write_text("task;text\nheart;x\n")
    rows = UnlabelledRows(file, CONFIG, TASKS)
    assert rows.counts == {"heart": 1}
    for changed in ("heart;x\nheart;y\n", "brain;x\n"):
        file.write_text(f"task;text\n{changed}")
        with raises(DataError, "changed-file", "new.csv"):
            list(rows.batches(10))
