"""w_c = s_c N / n_c: the weights that give each label a target share s_c."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, IntArray
from equipoise.weights.tables import checked_table, row_of


@dataclass(frozen=True)
class Shares(ClassWeights):
    """w_c = s_c N / n_c: target shares. The weights average 1 over the examples.

    Parameters
    ----------
    shares : mapping of str to mapping of str to float
        {task: {label: share}}. The shares of a task sum to 1 (to 1e-6, and are then
        normalised). Every label that has examples must be named; 0 leaves one out.

    Raises
    ------
    PlanError
        If shares do not sum to 1; on use, if tasks or labels do not fit, or a label without examples
        has a share.

    Examples
    --------
    >>> Shares({"mood": {"glad": 0.6, "sad": 0.4}})([8, 2], ("glad", "sad"), "mood").tolist()
    [0.75, 2.0]
    """

    name = "shares"

    shares: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        table = checked_table("shares", self.shares, "Give shares as {task: {label: share}}.")
        for task, row in table.items():
            total = math.fsum(row.values())
            if abs(total - 1) > 1e-6:
                message = f"`shares` of task {task!r} must sum to 1, found {total:g}. Divide them by it."
                raise PlanError("wrong-sum", message)
        object.__setattr__(self, "shares", table)

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks of the table."""
        return frozenset(self.shares)

    def check(self, n: IntArray, labels: Sequence[str | None], task: str, /) -> None:
        """Reject unknown and missing tasks and labels, and a share of a label without examples."""
        row = row_of("Shares", self.shares, n, labels, task)
        for label, count in zip(labels, n.tolist(), strict=True):
            if not count and label is not None and row.get(label, 0.0) > 0:
                raise PlanError(
                    "no-examples",
                    f"Shares has {row[label]:g} of task {task!r} for label {label!r}, which has no examples."
                    " Give it 0, or find examples.",
                )

    def formula(self, n: FloatArray, labels: Sequence[str | None], task: str, /) -> FloatArray:
        """Return s N / n."""
        row = self.shares[task]
        return np.array([row[str(label)] for label in labels]) * n.sum() / n
