"""What was predicted for the rows of a task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.data.tasks import Kind
from equipoise.errors import DataError


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


def joined(parts: Sequence[TaskPredictions]) -> TaskPredictions:
    """Return the predictions of all rows of a task, given those of some rows after another, without probabilities.

    Examples
    --------
    >>> parts = [TaskPredictions("mood", [target], [target], ("glad", "sad")) for target in ("sad", "glad")]
    >>> joined(parts).targets
    ['sad', 'glad']
    """

    def of(name: str) -> list[str] | None:
        columns = [getattr(part, name) for part in parts]
        return None if None in columns else [value for column in columns for value in column]

    rows = [part.rows for part in parts if part.rows is not None]
    return replace(
        parts[0],
        targets=of("targets") or [],
        predicted=of("predicted") or [],
        groups=of("groups"),
        ids=of("ids"),
        rows=np.concatenate(rows) if len(rows) == len(parts) else None,
        probabilities=None,
    )
