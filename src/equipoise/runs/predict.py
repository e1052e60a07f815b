"""Predict the rows of a file with the model of a run."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from equipoise.base.files import write_atomically
from equipoise.data import Columns
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions
from equipoise.models import load_model
from equipoise.runs.directory import RunDirectory
from equipoise.runs.predicting import predict_records, read_unlabelled

SUFFIXES = (".parquet", ".jsonl", ".csv")


def predict(
    run: Path,
    file: Path,
    out: Path,
    *,
    columns: Columns | None = None,
    default_task: str | None = None,
    calibrated: bool = True,
) -> tuple[int, tuple[str, ...]]:
    """Predict every row of a file and write the answers in the order of the rows.

    If the run has a calibration, it is applied to all tasks with the method "score".

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    file : pathlib.Path
        The rows, in any format that training reads; they need no targets.
    out : pathlib.Path
        The file to write: ``.parquet``, ``.jsonl`` or ``.csv``. It is written atomically.
    columns : Columns, optional
        The names of the file's columns; by default those of the training data.
    default_task : str, optional
        The task of all rows, for a file without a column of tasks.
    calibrated : bool
        Whether to apply the run's calibration, if it has one.

    Returns
    -------
    int
        The number of rows.
    tuple of str
        The tasks whose predictions the calibration corrected.

    Raises
    ------
    EquipoiseError
        If the run is not finished, the file cannot be read, a row's task was not trained, or the calibration
        belongs to another run.
    """
    if out.suffix not in SUFFIXES:
        raise ConfigError("unknown-format", f"`--out` must end in {', '.join(SUFFIXES)}, found {out.name!r}.")
    if out.exists() and file.exists() and out.samefile(file):
        raise ConfigError("same-file", f"`--out` is the input itself, `{file}`. Choose another name.")
    directory = RunDirectory.open(run)
    config = directory.read_config()
    model_path = directory.trained_model()
    tasks = directory.read_tasks()
    calibration = directory.read_calibration(directory.read_plan()) if calibrated else None
    records = read_unlabelled(file, config, tasks, columns=columns, default_task=default_task)
    model, tokenizer = load_model(model_path)
    predictions = predict_records(model, tokenizer, tasks, records, config)
    corrected = ()
    if calibration is not None:
        predictions, corrected = calibration.apply(predictions)
    write_table(answers_table(predictions.values(), len(records)), out)
    return len(records), corrected


def answers_table(predictions: Iterable[TaskPredictions], rows: int) -> pa.Table:
    """Return one row for each input row, in their order.

    Parameters
    ----------
    predictions : iterable of TaskPredictions
        The predictions of all tasks; together they hold every row once.
    rows : int
        The number of rows.

    Returns
    -------
    pyarrow.Table
        Columns `row`, `id` (if the input has any), `task`, `predicted`, `probability` (of the predicted
        label) and `probabilities` (label to probability); nulls where the method gives no probability.
    """
    table: list[dict[str, Any]] = [{}] * rows
    for part in predictions:
        places = np.arange(len(part.predicted)) if part.rows is None else part.rows
        for place, row in enumerate(places.tolist()):
            answer: dict[str, Any] = {"row": row, "task": part.task, "predicted": part.predicted[place]}
            if part.ids is not None:
                answer["id"] = part.ids[place]
            if part.probabilities is not None:
                by_label = dict(zip(part.labels, part.probabilities[place].tolist(), strict=True))
                answer["probability"] = by_label.get(part.predicted[place])
                answer["probabilities"] = list(by_label.items())
            table[row] = answer
    texts = dict.fromkeys(("id", "task", "predicted"), pa.string())
    numbers = {"probability": pa.float64(), "probabilities": pa.map_(pa.string(), pa.float64())}
    answers = pa.Table.from_pylist(table, schema=pa.schema({"row": pa.int64(), **texts, **numbers}))
    return answers.drop_columns(["id"]) if answers.column("id").null_count == rows else answers


def write_table(table: pa.Table, out: Path) -> None:
    """Write the answers in the format of the suffix."""
    with write_atomically(out) as temporary:
        if out.suffix == ".parquet":
            pq.write_table(table, temporary)
            return
        rows = table.to_pylist(maps_as_pydicts="strict")
        if out.suffix == ".jsonl":
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            temporary.write_text("".join(lines), encoding="utf-8")
            return
        # A CSV cell holds one value: the probabilities become JSON.
        cells = (row["probabilities"] for row in rows)
        as_json = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in cells]
        flat = table.set_column(table.num_columns - 1, "probabilities", pa.array(as_json, pa.string()))
        pa_csv.write_csv(flat, temporary)
