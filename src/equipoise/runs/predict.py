"""Predict with the model of a run, task by task, each task by its own method: records, or the rows of a file."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import torch

from equipoise.base.files import refuse_unwritable, refusing_unwritable, write_atomically
from equipoise.base.progress import progress
from equipoise.base.registry import suggest
from equipoise.collate import EncodedExamples
from equipoise.config import METHODS, DataConfig, RunConfig, one_of
from equipoise.data import Records, Task, read_records
from equipoise.errors import ConfigError, DataError
from equipoise.metrics import TaskPredictions
from equipoise.models import LabelScorer, load_model
from equipoise.runs.answers import TaskAnswers
from equipoise.runs.directory import RunDirectory
from equipoise.runs.prepare import encode

SUFFIXES = (".parquet", ".jsonl", ".csv")


def predict(
    run: Path,
    file: Path,
    out: Path,
    *,
    data: DataConfig | None = None,
    method: str | Mapping[str, str] | None = None,
    calibrated: bool = True,
) -> tuple[int, tuple[str, ...]]:
    """Predict every row of a file and write the answers in the order of the rows.

    If the run has a calibration, it is applied to all tasks with the method "score" or "auto".

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    file : pathlib.Path
        The rows, in any format that training reads; they need no targets.
    out : pathlib.Path
        The file to write: ``.parquet``, ``.jsonl`` or ``.csv``. It is written atomically.
    data : DataConfig, optional
        How the file is read, apart from its source; by default as the training data.
    method : str or mapping of str to str, optional
        The method of prediction, instead of that of the run's configuration.
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
    methods = checked_methods(method)
    if out.suffix not in SUFFIXES:
        raise ConfigError("unknown-format", f"`--out` must end in {', '.join(SUFFIXES)}, found {out.name!r}.")
    with refusing_unwritable(out):
        same = out.exists() and file.exists() and out.samefile(file)
    if same:
        raise ConfigError("same-file", f"`--out` is the input itself, `{file}`. Choose another name.")
    refuse_unwritable(out)
    directory = RunDirectory.open(run)
    config = directory.read_config()
    model_path = directory.trained_model()
    tasks = directory.read_tasks()
    config = with_methods(config, tasks, methods)
    calibration = directory.read_calibration(directory.read_plan()) if calibrated else None
    records = read_unlabelled(file, config, tasks, data)
    unknown = [name for name in records.tasks if name not in tasks]
    if unknown:
        message = (
            f"`{file}` has rows of {', '.join(map(repr, unknown))}, and the run was trained on {', '.join(tasks)}."
            f"{suggest(unknown[0], tasks)} Leave these rows out, or rename their task."
        )
        raise DataError("unknown-task", message)
    model, tokenizer = load_model(model_path)
    needed = () if calibration is None else calibration.tasks
    predictions = predict_records(model, tokenizer, tasks, records, config, calibrated=needed)
    corrected = ()
    if calibration is not None:
        predictions, corrected = calibration.apply(predictions)
    write_table(answers_table(predictions.values()), out)
    return len(records), corrected


def checked_methods(method: str | Mapping[str, str] | None) -> dict[str, str]:
    """Return the methods by task ("*": the rest), or refuse one that there is not."""
    methods = {"*": method} if isinstance(method, str) else dict(method or {})
    for name in methods.values():
        one_of("method", name, METHODS)
    return methods


def with_methods(config: RunConfig, tasks: Mapping[str, Task], methods: Mapping[str, str]) -> RunConfig:
    """Return a configuration that evaluates by other methods, or refuse those of tasks that the run does not know."""
    for task in methods:
        one_of("method", task, [*tasks, "*"])
    method = methods["*"] if set(methods) == {"*"} else methods
    return replace(config, evaluation=replace(config.evaluation, method=method)) if methods else config


def answers_table(predictions: Iterable[TaskPredictions]) -> pa.Table:
    """Return one row for each input row, in their order.

    Parameters
    ----------
    predictions : iterable of TaskPredictions
        The predictions of all tasks; together they hold every row once.

    Returns
    -------
    pyarrow.Table
        Columns `row`, `id` (if the input has any), `task`, `predicted`, `probability` (of the predicted
        label) and `probabilities` (label to probability); nulls where only answers were computed.
    """
    texts = dict.fromkeys(("id", "task", "predicted"), pa.string())
    numbers = {"probability": pa.float64(), "probabilities": pa.map_(pa.string(), pa.float64())}
    schema = pa.schema({"row": pa.int64(), **texts, **numbers})
    table = pa.concat_tables([schema.empty_table(), *(_answers_of(part, schema) for part in predictions)])
    table = table.take(np.argsort(table.column("row").to_numpy(), kind="stable"))
    return table.drop_columns(["id"]) if table.column("id").null_count == len(table) else table


def _answers_of(part: TaskPredictions, schema: pa.Schema) -> pa.Table:
    count = len(part.predicted)
    rows = np.arange(count) if part.rows is None else part.rows
    columns: dict[str, Any] = {"row": rows, "id": part.ids, "task": [part.task] * count, "predicted": part.predicted}
    if part.probabilities is not None:
        width = len(part.labels)
        place = {label: number for number, label in enumerate(part.labels)}
        chosen = [
            first * width + place[label] if label in place else None for first, label in enumerate(part.predicted)
        ]
        # As short decimals: 0.9 in single precision is not 0.9 in double precision.
        values = pa.array(part.probabilities.ravel()).cast(pa.string()).cast(pa.float64())
        columns["probability"] = values.take(pa.array(chosen, pa.int64()))
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
        keys = pa.array(part.labels, pa.string()).take(pa.array(np.tile(np.arange(width), count)))
        columns["probabilities"] = pa.MapArray.from_arrays(offsets, keys, values)
    arrays = [
        pa.nulls(count, field.type) if columns.get(field.name) is None else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


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


def read_unlabelled(
    file: Path, config: RunConfig, tasks: Mapping[str, Task], data: DataConfig | None = None
) -> Records:
    """Read the rows of a file for a trained model; its targets, if any, are left out.

    Parameters
    ----------
    file, data
        As in `predict`; the task of rows without one is by default the only one of the run.
    config : RunConfig
        The configuration of the run, for how its data was read.
    tasks : mapping of str to Task
        The tasks of the run.

    Returns
    -------
    Records
        Every target is empty.

    Raises
    ------
    DataError
        If the file cannot be read, or `data` has a default task of its own, but each row has a task already.
    """
    data = data or config.data
    default = data.default_task or (next(iter(tasks)) if len(tasks) == 1 else None)
    records = read_records(str(file), **replace(data, default_task=default).reading, require_target=False)
    if data.default_task not in (config.data.default_task, *records.tasks):
        sentence = (
            f"each row has a task, in the column `{data.columns.task}`, so that none is of {data.default_task!r}."
        )
        raise DataError(
            "unused-default-task",
            f"{file}: {sentence} Leave out `default_task=...`, or name another column with `Columns(task=...)`.",
        )
    return records.with_column("target", [""] * len(records))


def predict_records(
    model: Any,
    tokenizer: Any,
    tasks: Mapping[str, Task],
    records: Records,
    config: RunConfig,
    encoded: EncodedExamples | None = None,
    *,
    calibrated: Collection[str] = (),
) -> dict[str, TaskPredictions]:
    """Predict every record once.

    Parameters
    ----------
    model, tokenizer
        The trained model and its tokenizer.
    tasks : mapping of str to Task
        At least the tasks of the records.
    records : Records
        The rows; targets may be missing.
    config : RunConfig
        Its `evaluation` has the methods, its `training` the limits of length.
    encoded : EncodedExamples, optional
        The records, already tokenised.
    calibrated : collection of str
        Tasks whose predictions a calibration will correct; "auto" scores all their labels.

    Returns
    -------
    dict of str to TaskPredictions
        The predictions of each task of the records.
    """
    if encoded is None:
        encoded = encode(config, records, tasks, tokenizer)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    scorer = LabelScorer(model, tokenizer, tasks)
    found: dict[str, TaskPredictions] = {}
    with progress(len(records), "predicting", "row") as bar:
        for name in records.tasks:
            rows = encoded.rows_of(name)
            part = records.take(rows)
            asked = TaskAnswers(scorer, config, tasks[name], corrected=name in calibrated)
            predicted, probabilities = asked.of(encoded, rows, bar)
            found[name] = TaskPredictions(
                task=name,
                targets=[target or "" for target in part.column("target").to_pylist()],
                predicted=predicted,
                labels=tasks[name].labels,
                probabilities=probabilities,
                groups=part.column("group").to_pylist() if part.has("group") else None,
                rows=rows,
                ids=part.column("id").to_pylist() if part.has("id") else None,
            )
    return found
