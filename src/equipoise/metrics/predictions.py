"""Predictions as a table, for files and for scoring again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.tasks import Kind
from equipoise.errors import DataError

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("group", pa.string()),
        ("task", pa.string()),
        ("kind", pa.string()),
        ("target", pa.string()),
        ("predicted", pa.string()),
        ("probability", pa.list_(pa.float64())),
        ("labels", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, eq=False)
class TaskPredictions:
    """What was predicted for the test rows of one task.

    Attributes
    ----------
    task : str
        The task.
    targets, predicted : sequence of str
        The true and the predicted labels; for an open-ended task the texts.
    labels : tuple of str
        The labels that were scored; empty for an open-ended task.
    probabilities : ndarray of floating, shape (rows, labels), or None
        p(label | x), in the order of `labels`.
    groups : sequence of str or None
        The group of each row (patient, document); without it each row is its own group.
    rows : ndarray of int64, shape (rows,), or None
        Positions in the records; by default 0, 1, 2, ...
    ids : sequence of str or None
        The identifiers of the rows.
    weights : ndarray of float64, shape (rows,), or None
        How many test rows each row represents, where the rows are a sample that is stratified by the true label; by
        default 1.

    Raises
    ------
    DataError
        If the lengths differ, or a weight is below 1.
    """

    task: str
    targets: Sequence[str]
    predicted: Sequence[str]
    labels: tuple[str, ...] = ()
    probabilities: NDArray[np.floating] | None = None
    groups: Sequence[str] | None = None
    rows: NDArray[np.int64] | None = None
    ids: Sequence[str] | None = None
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        count = len(self.targets)
        for name in ("predicted", "groups", "rows", "ids", "weights"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                raise DataError(
                    "wrong-length",
                    f"`{name}` of task {self.task!r} must have one entry for each of the {count} targets, "
                    f"found {len(column)}.",
                )
        shape = (count, len(self.labels))
        if self.probabilities is not None and self.probabilities.shape != shape:
            raise DataError(
                "wrong-shape",
                f"`probabilities` of task {self.task!r} must have the shape (rows, labels) = {shape}, "
                f"found {self.probabilities.shape}.",
            )
        if self.weights is not None and not (np.isfinite(self.weights) & (self.weights >= 1)).all():
            raise DataError(
                "wrong-weights",
                f"`weights` of task {self.task!r} must be the numbers of test rows that each row represents, at least"
                f" 1, found {self.weights.min():g} to {self.weights.max():g}. Leave them out if no row was left out.",
            )

    @property
    def kind(self) -> Kind:
        """Whether the task has labels."""
        return "classification" if self.labels else "open_ended"

    def take(self, rows: NDArray[np.integer]) -> "TaskPredictions":
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray of integers, shape (k,)
            Their positions here.

        Returns
        -------
        TaskPredictions
            In the order of `rows`.

        Examples
        --------
        >>> TaskPredictions("tone", ["good", "bad"], ["bad", "bad"]).take(np.array([1])).targets
        ['bad']
        """
        places: list[int] = rows.tolist()

        def chosen(column: Sequence[str]) -> list[str]:
            return [column[place] for place in places]

        return replace(
            self,
            targets=chosen(self.targets),
            predicted=chosen(self.predicted),
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            groups=None if self.groups is None else chosen(self.groups),
            rows=None if self.rows is None else self.rows[rows],
            ids=None if self.ids is None else chosen(self.ids),
            weights=None if self.weights is None else self.weights[rows],
        )

    def to_table(self) -> pa.Table:
        """Return one row for each prediction.

        Returns
        -------
        pyarrow.Table
            Columns `row`, `id`, `group`, `task`, `kind`, `target`, `predicted`, `probability`, `labels`.

        Examples
        --------
        >>> table = TaskPredictions("tone", ["good"], ["bad"], ("bad", "good"), np.array([[0.75, 0.25]])).to_table()
        >>> table.select(["task", "target", "predicted", "probability"]).to_pylist()
        [{'task': 'tone', 'target': 'good', 'predicted': 'bad', 'probability': [0.75, 0.25]}]
        """
        count = len(self.targets)
        missing = [None] * count
        columns = {
            "row": np.arange(count) if self.rows is None else self.rows,
            "id": missing if self.ids is None else self.ids,
            "group": missing if self.groups is None else self.groups,
            "task": [self.task] * count,
            "kind": [self.kind] * count,
            "target": self.targets,
            "predicted": self.predicted,
            "probability": missing if self.probabilities is None else list(self.probabilities.astype(np.float64)),
            "labels": [list(self.labels)] * count,
        }
        return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def predictions_table(predictions: Iterable[TaskPredictions]) -> pa.Table:
    """Return the predictions of several tasks as one table, for a Parquet file.

    Parameters
    ----------
    predictions : iterable of TaskPredictions
        One for each task.

    Returns
    -------
    pyarrow.Table
        With the columns of `TaskPredictions.to_table`.
    """
    return pa.concat_tables([SCHEMA.empty_table(), *(part.to_table() for part in predictions)])


def read_predictions(table: pa.Table) -> dict[str, TaskPredictions]:
    """Read a table that `predictions_table` returned.

    Parameters
    ----------
    table : pyarrow.Table
        With the columns of `TaskPredictions.to_table`.

    Returns
    -------
    dict of str to TaskPredictions
        By task, sorted.

    Examples
    --------
    >>> given = TaskPredictions("tone", ["good"], ["bad"], ("bad", "good"), groups=["p1"])
    >>> found = read_predictions(predictions_table([given]))["tone"]
    >>> found.targets, found.labels, found.groups, found.probabilities
    (['good'], ('bad', 'good'), ['p1'], None)
    """
    found: dict[str, TaskPredictions] = {}
    for task in sorted(set(table.column("task").to_pylist())):
        part = table.filter(pc.field("task") == task)
        labels = tuple(part.column("labels")[0].as_py())
        probability = part.column("probability")
        flat = probability.combine_chunks().flatten().to_numpy()
        found[task] = TaskPredictions(
            task=task,
            targets=part.column("target").to_pylist(),
            predicted=part.column("predicted").to_pylist(),
            labels=labels,
            probabilities=None if probability.null_count else flat.reshape(len(part), len(labels)),
            groups=_texts_or_none(part.column("group")),
            rows=part.column("row").to_numpy(),
            ids=_texts_or_none(part.column("id")),
        )
    return found


def _texts_or_none(column: pa.ChunkedArray) -> list[str] | None:
    return None if column.null_count == len(column) else column.to_pylist()
