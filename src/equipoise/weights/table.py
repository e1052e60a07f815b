"""w_c given: a table of the weight of an example of each label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.weights.base import ClassWeights, FloatArray, IntArray
from equipoise.weights.tables import checked_table, row_of


@dataclass(frozen=True)
class Table(ClassWeights):
    """w_c given as a table; a label's share is proportional to n_c w_c.

    Parameters
    ----------
    weights : mapping of str to mapping of str to float
        {task: {label: weight}}. Every label that has examples must be named; 0 leaves one out.

    Raises
    ------
    PlanError
        If a weight is not a finite number of at least 0; on use, if tasks or labels do not fit.

    Examples
    --------
    >>> Table({"mood": {"glad": 1, "sad": 3}})([8, 2], ("glad", "sad"), "mood").tolist()
    [1.0, 3.0]
    """

    name = "table"

    weights: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        hint = "Give weights as {task: {label: weight}}."
        object.__setattr__(self, "weights", checked_table("weights", self.weights, hint))

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks of the table."""
        return frozenset(self.weights)

    def check(self, n: IntArray, labels: Sequence[str | None], task: str, /) -> None:
        """Reject unknown and missing tasks and labels."""
        row_of("Table", self.weights, n, labels, task)

    def formula(self, _n: FloatArray, labels: Sequence[str | None], task: str, /) -> FloatArray:
        """Return the weights of the table."""
        row = self.weights[task]
        return np.array([row[str(label)] for label in labels])
