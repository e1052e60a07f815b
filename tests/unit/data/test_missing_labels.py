"""Rows without a label are refused, or skipped if so chosen, and never a class, whatever they are read from."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises, warns
from typer.testing import CliRunner

from equipoise import count_files
from equipoise.cli import app
from equipoise.config import make_config
from equipoise.data import Columns, iter_labels, read_records
from equipoise.errors import ConfigError, DataError, DataWarning
from equipoise.runs.rows import load_records

NAN = float("nan")
SKIPPED = "1 of 3 rows have no label and are skipped: 'm' 1."


def csv(folder: Path, cell: str) -> Path:
    (folder / "rows.csv").write_text(f"task,input,target\nm,one,x\nm,two,{cell}\nm,three,y\n")
    return folder / "rows.csv"


def jsonl(folder: Path, value: str) -> Path:
    rows = [
        f'{{"task": "m", "input": "{name}"{value_}}}' for name, value_ in zip("abc", ("X", value, "Y"), strict=True)
    ]
    text = "\n".join(rows).replace("X", ', "target": "x"').replace("Y", ', "target": "y"')
    (folder / "rows.jsonl").write_text(text + "\n")
    return folder / "rows.jsonl"


def table(targets: Any) -> pa.Table:
    return pa.table({"task": ["m"] * 3, "input": ["one", "two", "three"], "target": targets})


def parquet(folder: Path, targets: Any) -> Path:
    pq.write_table(table(targets), folder / "rows.parquet")
    return folder / "rows.parquet"


def dicts(value: Any) -> list[dict[str, Any]]:
    return [{"task": "m", "input": name, "target": each} for name, each in zip("abc", ("x", value, "y"), strict=True)]


def hugging_face(value: int | None) -> Any:
    datasets = pytest.importorskip("datasets", reason="class labels of Hugging Face features")
    kinds = {"task": datasets.Value("string"), "input": datasets.Value("string")}
    features = datasets.Features({**kinds, "target": datasets.ClassLabel(names=["x", "y"])})
    return datasets.Dataset.from_dict({**table([0, 0, 0]).to_pydict(), "target": [0, value, 1]}, features=features)


SOURCES = {
    "CSV, empty": lambda folder: csv(folder, ""),
    "CSV, blank": lambda folder: csv(folder, "  "),
    "CSV, NaN": lambda folder: csv(folder, "NaN"),
    "CSV, nan": lambda folder: csv(folder, "nan"),
    "JSONL, null": lambda folder: jsonl(folder, ', "target": null'),
    "JSONL, NaN": lambda folder: jsonl(folder, ', "target": NaN'),
    "JSONL, absent": lambda folder: jsonl(folder, ""),
    "JSONL, empty": lambda folder: jsonl(folder, ', "target": ""'),
    "Parquet, null": lambda folder: parquet(folder, ["x", None, "y"]),
    "Parquet, NaN": lambda folder: parquet(folder, [1.0, NAN, 2.0]),
    "Arrow, dictionary of NaN": lambda _: table(pa.array([1.0, NAN, 2.0]).dictionary_encode()),
    "pandas, None": lambda _: table(["x", None, "y"]).to_pandas(),
    "pandas, NaN": lambda _: pd.DataFrame({**table([0] * 3).to_pydict(), "target": [1.0, NAN, 2.0]}),
    "pandas, NA": lambda _: pd.DataFrame({**table([0] * 3).to_pydict(), "target": pd.array([1, None, 2], "Int64")}),
    "pandas, category": lambda _: pd.DataFrame(
        {**table([0] * 3).to_pydict(), "target": pd.Categorical(["x", None, "y"])}
    ),
    "dicts, None": lambda _: dicts(None),
    "dicts, NaN": lambda _: dicts(NAN),
    "dicts, NaN of numpy": lambda _: dicts(np.float32("nan")),
    "dicts, NA": lambda _: dicts(pd.NA),
    "dicts, masked": lambda _: dicts(np.ma.masked),
    "class label -1": lambda _: hugging_face(-1),
    "class label None": lambda _: hugging_face(None),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_row_without_a_label_is_an_error_or_skipped(kind: str, tmp_path: Path) -> None:
    source = SOURCES[kind](tmp_path)
    for read in (read_records, count_files, lambda source: list(iter_labels(source))):
        with pytest.raises(DataError) as caught:
            read(source)
        assert caught.value.code in {"empty-target", "bad-value"}, caught.value
    with warns(DataWarning, "missing-labels") as warned:
        records = read_records(source, missing_labels="skip")
    assert [str(one.message) for one in warned] == [SKIPPED]
    assert warned[0].filename == __file__
    targets = records.column("target").to_pylist()
    assert len(targets) == 2
    with warns(DataWarning, "missing-labels") as warned:
        census = count_files(source, missing_labels="skip")
    assert [str(one.message) for one in warned] == [SKIPPED]
    assert warned[0].filename == __file__
    assert census.to_dict() == {"m": dict.fromkeys(targets, 1)}
    labels = [label for batch in iter_labels(source, missing_labels="skip") for label in batch["label"].to_pylist()]
    assert labels == [targets[0], None, targets[1]]


def test_other_columns_may_not_lack_a_value(tmp_path: Path) -> None:
    for row, code in (
        ("m,,x", "empty-input"),
        (",i,x", "empty-task"),
        ("m,nan,x", "bad-value"),
        ("nan,i,x", "bad-value"),
    ):
        (tmp_path / "rows.csv").write_text(f"task,input,target\n{row}\n")
        with pytest.raises(DataError) as caught:
            read_records(tmp_path / "rows.csv", missing_labels="skip")
        assert caught.value.code == code
    with raises(DataError, "missing-column", "`target`"):
        read_records(table([1, 2, 3]).drop_columns(["target"]), missing_labels="skip")


def test_a_cell_of_a_wide_file_that_is_not_a_number_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("input,s,t\none,x,\ntwo,nan,z\n")
    for source in (tmp_path / "wide.csv", pa.table({"input": ["one", "two"], "s": [1.0, NAN], "t": [None, "z"]})):
        columns = Columns(tasks=["s", "t"])
        with raises(DataError, "bad-value", "column `s` is NaN"):
            read_records(source, columns)
        records = read_records(source, columns, missing_labels="skip")
        assert [(row["task"], row["input"]) for row in records.table.to_pylist()] == [("s", "one"), ("t", "two")]


def test_errors_name_the_place_in_the_source_after_rows_that_are_skipped(tmp_path: Path) -> None:
    rows = [
        f'{{"task": "m", "input": "i", "target": {target}, "id": "{id_}"}}'
        for target, id_ in [("null", "a"), ("1", "a"), ("null", "b"), ("2", "b"), ("3", "b")]
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n")
    with raises(DataError, "duplicate-id", "rows.jsonl:4", "rows.jsonl:5"):
        read_records(tmp_path / "rows.jsonl", Columns(id="id"), missing_labels="skip")


def test_rows_to_be_predicted_are_not_skipped(tmp_path: Path) -> None:
    records = read_records(csv(tmp_path, ""), require_target=False, missing_labels="skip")
    assert records.column("target").to_pylist() == ["x", None, "y"]


def test_open_ended_tasks_count_rows_without_a_target_if_so_chosen(tmp_path: Path) -> None:
    assert count_files(csv(tmp_path, ""), missing_labels="skip", open_ended_tasks=["m"]).to_dict() == {"m": 3}
    with raises(DataError, "empty-target"):
        count_files(csv(tmp_path, ""), open_ended_tasks=["m"])


def test_data_without_any_label_is_an_error() -> None:
    with warns(DataWarning, "missing-labels"), raises(DataError, "no-rows", "no row has a target"):
        read_records(table([None] * 3), missing_labels="skip")


def test_the_choice_is_one_of_two(tmp_path: Path) -> None:
    for read in (read_records, count_files, lambda *args, **more: list(iter_labels(*args, **more))):
        with raises(ConfigError, "unknown-option", '`missing_labels` must be "error" or "skip", found \'drop\''):
            read(csv(tmp_path, ""), missing_labels="drop")


def test_a_configuration_and_the_command_take_the_choice(tmp_path: Path) -> None:
    path = csv(tmp_path, "")
    data = {"source": str(path), "missing_labels": "skip", "split": {"fractions": [1.0, 0.0, 0.0]}}
    with warns(DataWarning, "missing-labels"):
        records = load_records(make_config({"data": data}))
    assert len(records) == 2
    with pytest.raises(ConfigError, match=r"data\.missing_labels"):
        make_config({"data": {**data, "missing_labels": "drop"}})
    refused = CliRunner().invoke(app, ["inspect", str(path)])
    assert refused.exit_code == 1
    assert '`--set data.missing_labels="skip"` skips such rows' in " ".join(refused.output.split())
    options = ["--set", "data.missing_labels=skip", "--set", "data.split.fractions=[1.0, 0.0, 0.0]"]
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # the command prints it
        done = CliRunner().invoke(app, ["inspect", str(path), *options, "--json"])
    assert done.exit_code == 0, done.output
    assert SKIPPED in done.stderr
    assert json.loads(done.stdout)["rows"] == {"train": 2, "validation": 0, "test": 0}
