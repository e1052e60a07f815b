"""w_y = sum over k != y of c(y, k): the total cost of errors on an example of y (Ting 2002, after Elkan 2001)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_names
from equipoise.errors import PlanError
from equipoise.weights.base import FloatArray, IntArray, Labels
from equipoise.weights.table import OfTable, checked_table

Costs = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class CostMatrix(OfTable):
    """w_y = sum over k != y of c(y, k), with c(y, k) the cost of predicting k where y is true.

    One weight per label cannot express the cost of each confusion, only the total cost of errors on y; with two labels
    nothing is lost.

    Parameters
    ----------
    costs : mapping of str to mapping of str to mapping of str to float
        {task: {true label: {predicted label: cost}}}, at least 0. Every label with examples needs a row, and a
        row a cost for every other label of the task. A label's cost with itself may be given as 0.

    Raises
    ------
    PlanError
        If a cost is not a finite number of at least 0, or predicting the true label has a cost; on use, if tasks
        or labels do not fit.

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning"; Ting (2002), "An Instance-Weighting
    Method to Induce Cost-Sensitive Trees", section 2.

    Examples
    --------
    >>> costs = {"triage": {"ill": {"well": 10}, "well": {"ill": 1}}}
    >>> CostMatrix(costs)([20, 80], ("ill", "well"), "triage").tolist()
    [10.0, 1.0]
    """

    name = "cost_matrix"

    costs: Costs

    def __post_init__(self) -> None:
        hint = "Give costs as {task: {true label: {predicted label: cost}}}."
        if not isinstance(self.costs, Mapping) or not self.costs:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError("not-a-mapping", f"`costs` must be a mapping of tasks, found {self.costs!r}. {hint}")
        checked_names("costs", self.costs)
        table = {task: checked_table(f"costs[{task!r}]", rows, hint) for task, rows in self.costs.items()}
        for task, rows in table.items():
            for label, row in rows.items():
                if row.get(label, 0.0) != 0:
                    raise PlanError(
                        "cost-of-no-error",
                        f"`costs[{task!r}][{label!r}][{label!r}]` must be 0, found {row[label]:g}: it is not an error."
                        " Subtract it from the row, or leave it out.",
                    )
        object.__setattr__(self, "costs", table)

    def check(self, n: IntArray, labels: Labels, task: str, /) -> None:
        """Reject unknown and missing tasks, labels and pairs."""
        super().check(n, labels, task)
        for label, row in self.costs[task].items():
            others = {other for other in labels if other is not None} - {label}
            if set(row) - {label} != others:
                raise PlanError(
                    "missing-label",
                    f"CostMatrix must give task {task!r}, label {label!r} a cost for each of {sorted(others)},"
                    f" found {sorted(set(row) - {label})}.",
                )

    def formula(self, _n: FloatArray, labels: Labels, task: str, /) -> FloatArray:
        """Return the sums of the rows; the diagonal is 0."""
        rows = self.costs[task]
        return np.array([math.fsum(rows[str(label)].values()) for label in labels])
