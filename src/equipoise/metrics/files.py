"""Predictions in a Parquet file, for scoring them again."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.metrics.predictions import TaskPredictions

LABELS = b"equipoise.labels"
"""Key of the metadata of the schema: the labels of each task, in the order of the probabilities, as JSON."""
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("group", pa.string()),
        ("task", pa.string()),
        ("kind", pa.string()),
        ("target", pa.string()),
        ("predicted", pa.string()),
        ("weight", pa.float64()),
        ("probability", pa.list_(pa.float32())),
    ]
)
TEXTS = ("id", "group", "target", "predicted")
# Probabilities in one row group: 2**21 float32 are 8 MiB.
HELD = 2**21
MOST_ROWS = 2**17


def write_predictions(predictions: Iterable[TaskPredictions], path: Path) -> None:
    """Write the predictions of several tasks as a Parquet file, task by task.

    Columns are `row`, `id`, `group`, `task`, `kind`, `target`, `predicted`, `weight` (null unless the rows are a
    sample) and `probability`, a list of float32 in the order of the task's labels. These are in the metadata of the
    schema, once, as JSON by task, with the key ``equipoise.labels``.

    Parameters
    ----------
    predictions : iterable of TaskPredictions
        Of different tasks.
    path : pathlib.Path
        The file.

    Examples
    --------
    >>> import tempfile
    >>> given = TaskPredictions("tone", ["good"], ["bad"], ("bad", "good"), np.array([[0.75, 0.25]]), groups=["p1"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_predictions([given], Path(folder) / "predictions.parquet")
    ...     found = read_predictions(Path(folder) / "predictions.parquet")["tone"]
    >>> found.targets, found.labels, found.groups, found.probabilities.tolist()
    (['good'], ('bad', 'good'), ['p1'], [[0.75, 0.25]])
    """
    parts = list(predictions)
    labels = json.dumps({part.task: part.labels for part in parts}, ensure_ascii=False)
    with pq.ParquetWriter(path, SCHEMA.with_metadata({LABELS: labels.encode()})) as writer:
        for part in parts:
            for rows in _row_groups(part):
                writer.write_table(_table(part, rows))


def _row_groups(part: TaskPredictions) -> Iterator[slice]:
    step = min(MOST_ROWS, max(1, HELD // max(1, len(part.labels))))
    return (slice(first, first + step) for first in range(0, len(part.targets), step))


def _table(part: TaskPredictions, rows: slice) -> pa.Table:
    count = len(part.targets[rows])
    numbers = np.arange(rows.start, rows.start + count) if part.rows is None else part.rows[rows]
    columns: dict[str, pa.Array] = {"row": pa.array(numbers, pa.int64())}
    columns |= {"task": pa.repeat(part.task, count), "kind": pa.repeat(part.kind, count)}
    given = {"id": part.ids, "group": part.groups, "target": part.targets, "predicted": part.predicted}
    columns |= {name: pa.array(held[rows], pa.string()) for name, held in given.items() if held is not None}
    if part.weights is not None:
        columns["weight"] = pa.array(part.weights[rows])
    if part.probabilities is not None:
        flat = pa.array(part.probabilities[rows].astype(np.float32).ravel())
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * len(part.labels))
        columns["probability"] = pa.ListArray.from_arrays(offsets, flat)
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in SCHEMA], schema=SCHEMA)


def read_predictions(path: Path) -> dict[str, TaskPredictions]:
    """Read a file that `write_predictions` wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict of str to TaskPredictions
        By task, sorted.

    Raises
    ------
    DataError
        If it is another Parquet file, or one of an earlier version.
    """
    schema = pq.read_schema(path)
    if LABELS not in (schema.metadata or {}) or not set(SCHEMA.names) <= set(schema.names):
        raise DataError(
            "other-predictions",
            f"`{path}` must be predictions as `equipoise evaluate` writes them, with the labels in the metadata of"
            " its schema. Found another file, or one of an earlier version. Evaluate the run again.",
        )
    labels: dict[str, list[str]] = json.loads(schema.metadata[LABELS])
    with pq.ParquetFile(path, read_dictionary=["task", *TEXTS]) as file:
        # Each row group holds rows of one task.
        groups: dict[str, list[int]] = {}
        for number in range(file.num_row_groups):
            task = file.read_row_group(number, columns=["task"]).column(0)[0].as_py()
            groups.setdefault(task, []).append(number)
        return {task: _read_task(file, task, tuple(labels[task]), groups[task]) for task in sorted(groups)}


def _read_task(file: pq.ParquetFile, task: str, labels: tuple[str, ...], groups: Sequence[int]) -> TaskPredictions:
    held = file.read_row_groups(groups, columns=["row", "weight", *TEXTS])
    texts = {name: _texts(held.column(name)) for name in TEXTS}
    weight = held.column("weight")
    return TaskPredictions(
        task=task,
        targets=texts["target"] or [],
        predicted=texts["predicted"] or [],
        labels=labels,
        probabilities=_probabilities(file, groups, (len(held), len(labels))) if labels else None,
        groups=texts["group"],
        rows=held.column("row").to_numpy(),
        ids=texts["id"],
        weights=None if weight.null_count else weight.to_numpy(),
    )


def _probabilities(file: pq.ParquetFile, groups: Sequence[int], shape: tuple[int, int]) -> NDArray[np.float32] | None:
    found = np.empty(shape, np.float32)
    first = 0
    for number in groups:
        column = file.read_row_group(number, columns=["probability"]).column(0)
        if column.null_count:
            return None
        for chunk in column.chunks:
            found[first : first + len(chunk)] = chunk.flatten().to_numpy().reshape(len(chunk), shape[1])
            first += len(chunk)
    return found


def _texts(column: pa.ChunkedArray) -> list[str] | None:
    """The strings of a dictionary-encoded column, equal ones as one object; None if all are null."""
    if column.null_count == len(column):
        return None
    found: list[str] = []
    for chunk in column.chunks:
        values = [*chunk.dictionary.to_pylist(), None]
        found += [values[place] for place in chunk.indices.fill_null(len(values) - 1).to_pylist()]
    return found
