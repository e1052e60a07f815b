"""Rows to be predicted are read as the training data was, unless something else is said."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.errors import raises

from equipoise.config import make_config
from equipoise.data import Columns, Task
from equipoise.errors import DataError
from equipoise.runs.predict import read_unlabelled

TASKS = {name: Task(name, "classification", ("a", "b")) for name in ("heart", "lung")}
CONFIG = make_config({"data": {"source": "rows.csv", "columns": {"input": "text"}, "delimiter": ";"}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text("task;text\nheart;x\nlung;y\n")
    return path


def test_as_the_training_data(file: Path) -> None:
    records = read_unlabelled(file, CONFIG, TASKS)
    assert records.column("input").to_pylist() == ["x", "y"]
    assert records.column("target").to_pylist() == ["", ""]


def test_a_default_task_that_no_row_takes_is_refused(file: Path) -> None:
    data = replace(CONFIG.data, default_task="brain")
    with raises(DataError, "unused-default-task", "new.csv", "column `task`", "'brain'", "`default_task=...`"):
        read_unlabelled(file, CONFIG, TASKS, data)
    elsewhere = replace(data, columns=Columns(task="part", input="text"))
    assert read_unlabelled(file, CONFIG, TASKS, elsewhere).tasks == ("brain",)


def test_the_only_task_of_a_run_is_the_default(file: Path) -> None:
    file.write_text("text\nx\n")
    assert read_unlabelled(file, CONFIG, {"lung": TASKS["lung"]}).tasks == ("lung",)
    with raises(DataError, "missing-column", "column `task` is missing"):
        read_unlabelled(file, CONFIG, TASKS)


def test_a_file_without_the_columns_of_a_wide_run_is_asked_every_task(file: Path) -> None:
    config = make_config({"data": {"source": "rows.csv", "columns": {"input": "text", "tasks": ["heart", "lung"]}}})
    file.write_text("text\nx\n")
    assert read_unlabelled(file, config, TASKS).table.select(["task", "input"]).to_pylist() == [
        {"task": "heart", "input": "x"},
        {"task": "lung", "input": "x"},
    ]
