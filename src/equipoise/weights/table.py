"""w_c given: a table of the weight of an example of each label; and the base of all schemes that are such tables."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from equipoise.base.schemes import checked_names, checked_number, kind_of
from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, IntArray, Labels


class OfTable(ClassWeights):
    """Base of the schemes whose one field is a table, {task: {label: value}}."""

    @property
    def _table(self) -> Mapping[str, Mapping[str, Any]]:
        return getattr(self, fields(self)[0].name)  # pyright: ignore[reportArgumentType] - subclasses are dataclasses

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks of the table."""
        return frozenset(self._table)

    def check(self, n: IntArray, labels: Labels, task: str, /) -> None:
        """Reject a task that is missing, an unknown label, and one with examples that is missing."""
        scheme, table = type(self).__name__, self._table
        if task not in table:
            raise PlanError(
                "missing-task",
                f"{scheme} has no values for task {task!r}, only for {sorted(table)}. Add it, or give each task its"
                " own scheme in a mapping.",
            )
        unknown = sorted(set(table[task]) - {label for label in labels if label is not None})
        if unknown:
            message = f"{scheme} names labels {unknown} of task {task!r}, expected {list(labels)}. Remove them."
            raise PlanError("unknown-label", message)
        missing = [label for label, count in zip(labels, n.tolist(), strict=True) if count and label not in table[task]]
        if missing:
            message = f"{scheme} has no value for labels {missing} of task {task!r}. Add them (0 to leave one out)."
            raise PlanError("missing-label", message)

    def formula(self, _n: FloatArray, labels: Labels, task: str, /) -> FloatArray:
        """Return the values of the table."""
        return np.array([self._table[task][str(label)] for label in labels])


@dataclass(frozen=True)
class Table(OfTable):
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


def checked_table(name: str, values: object, hint: str) -> dict[str, dict[str, float]]:
    """Return a copy of {task: {label: number of at least 0}}, or raise a PlanError that names the key."""
    if not isinstance(values, Mapping) or not values:
        raise PlanError(
            "not-a-mapping", f"`{name}` must map tasks to labels to numbers, found {kind_of(values)}. {hint}"
        )
    checked_names(name, values)
    table: dict[str, dict[str, float]] = {}
    for task, row in values.items():
        if not isinstance(row, Mapping) or not row:
            raise PlanError(
                "not-a-mapping", f"`{name}[{task!r}]` must map labels to numbers, found {kind_of(row)}. {hint}"
            )
        checked_names(f"{name}[{task!r}]", row)
        table[task] = {
            label: checked_number(f"{name}[{task!r}][{label!r}]", value, least=0, hint=hint)
            for label, value in row.items()
        }
    return table
