"""Rows with labels and a model's scores of them: what a calibration is fitted on."""

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
    scores : float64 array of shape (rows, labels)
        Log-scores of the model.
    true : int64 array of shape (rows,)
        Places of the right labels.
    groups : int64 array of shape (rows,)
        What the rows belong to.
    """

    labels: tuple[str, ...]
    scores: Array
    true: NDArray[np.int64]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, part: TaskPredictions, groups: NDArray[np.int64]) -> "LabelledRows":
        """Take the rows of predictions, but those of labels that the task does not have.

        Raises
        ------
        ConfigError
            If the predictions have no probabilities.
        """
        if part.probabilities is None:
            raise ConfigError(f"task {part.task!r} has no probabilities to fit. Predict with the method `score`.")
        place = {label: number for number, label in enumerate(part.labels)}
        true = np.array([place.get(label, -1) for label in part.targets], np.int64)
        rows = cls(part.labels, log_scores(part.probabilities), true, groups)
        return rows.take(np.flatnonzero(true >= 0))

    def take(self, rows: NDArray[np.integer]) -> "LabelledRows":
        """Some of the rows."""
        return LabelledRows(self.labels, self.scores[rows], self.true[rows], self.groups[rows])

    def __len__(self) -> int:
        return len(self.true)


def row_weights(rows: LabelledRows, natural: Array, wanted: Array) -> Array:
    """What rows with the natural label shares count where the wanted ones are meant: pi'(y) / pi(y)."""
    ratio = np.divide(wanted, natural, out=np.zeros(len(wanted)), where=natural > 0)
    return ratio[rows.true]
