"""Rows with labels and a model's scores: what a calibration is fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array, log_scores
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """The scored rows of one task.

    Attributes
    ----------
    labels : tuple of str
        The labels of the task.
    scores : ndarray of float64, shape (rows, labels)
        Log-scores of the model.
    true : ndarray of int64, shape (rows,)
        Places of the true labels.
    groups : ndarray of int64, shape (rows,)
        The group of each row.
    """

    labels: tuple[str, ...]
    scores: Array
    true: NDArray[np.int64]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, part: TaskPredictions, groups: NDArray[np.int64]) -> "LabelledRows":
        """Return the rows of predictions whose label is one of the task's.

        Raises
        ------
        ConfigError
            If the predictions have no probabilities.
        """
        if part.probabilities is None:
            raise ConfigError(
                "no-probabilities", f"task {part.task!r} has no probabilities to fit. Predict with the method `score`."
            )
        place = {label: number for number, label in enumerate(part.labels)}
        true = np.array([place.get(label, -1) for label in part.targets], np.int64)
        rows = cls(part.labels, log_scores(part.probabilities), true, groups)
        return rows.take(np.flatnonzero(true >= 0))

    def take(self, rows: NDArray[np.integer]) -> "LabelledRows":
        """Return some of the rows."""
        return LabelledRows(self.labels, self.scores[rows], self.true[rows], self.groups[rows])

    def __len__(self) -> int:
        return len(self.true)


def row_weights(rows: LabelledRows, natural: Array, wanted: Array) -> Array:
    """Return the weights that turn the natural label shares of rows into the wanted ones: pi'(y) / pi(y)."""
    ratio = np.divide(wanted, natural, out=np.zeros(len(wanted)), where=natural > 0)
    return ratio[rows.true]
