"""w_c = s_c N / n_c: the weights that give each label a target share s_c."""

from collections.abc import Mapping
from dataclasses import dataclass

from equipoise.errors import PlanError
from equipoise.weights.base import FloatArray, IntArray, Labels
from equipoise.weights.table import OfTable, checked_table


@dataclass(frozen=True)
class Shares(OfTable):
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
            total = sum(row.values())  # not fsum, which raises where this is infinite
            if abs(total - 1) > 1e-6:
                message = f"`shares` of task {task!r} must sum to 1, found {total:g}. Divide them by it."
                raise PlanError("wrong-sum", message)
        object.__setattr__(self, "shares", table)

    def check(self, n: IntArray, labels: Labels, task: str, /) -> None:
        """Reject unknown and missing tasks and labels, and a share of a label without examples."""
        super().check(n, labels, task)
        row = self.shares[task]
        for label, count in zip(labels, n.tolist(), strict=True):
            if not count and label is not None and row.get(label, 0.0) > 0:
                raise PlanError(
                    "no-examples",
                    f"Shares has {row[label]:g} of task {task!r} for label {label!r}, which has no examples."
                    " Give it 0, or find examples.",
                )

    def formula(self, n: FloatArray, labels: Labels, task: str, /) -> FloatArray:
        """Return s N / n."""
        return super().formula(n, labels, task) * n.sum() / n
