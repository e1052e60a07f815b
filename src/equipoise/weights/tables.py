"""Checks of tables of values per task and label, which must fit the data."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from equipoise.base.schemes import checked_names, checked_number
from equipoise.errors import PlanError

V = TypeVar("V")


def checked_table(name: str, values: object, hint: str) -> dict[str, dict[str, float]]:
    """Return a copy of {task: {label: number of at least 0}}, or raise a PlanError that names the key."""
    if not isinstance(values, Mapping) or not values:
        raise PlanError("not-a-mapping", f"`{name}` must map tasks to labels to numbers, found {values!r}. {hint}")
    checked_names(name, values)
    table: dict[str, dict[str, float]] = {}
    for task, row in values.items():
        if not isinstance(row, Mapping) or not row:
            raise PlanError("not-a-mapping", f"`{name}[{task!r}]` must map labels to numbers, found {row!r}. {hint}")
        checked_names(f"{name}[{task!r}]", row)
        table[task] = {
            label: checked_number(f"{name}[{task!r}][{label!r}]", value, least=0, hint=hint)
            for label, value in row.items()
        }
    return table


def row_of(
    scheme: str, table: Mapping[str, Mapping[str, V]], n: npt.NDArray[np.int64], labels: Sequence[str | None], task: str
) -> Mapping[str, V]:
    """Return a task's row of a table, which must name every label with examples and no unknown one."""
    if task not in table:
        raise PlanError(
            "missing-task",
            f"{scheme} has no values for task {task!r}, only for {sorted(table)}. Add it, or give each task its"
            " own scheme in a mapping.",
        )
    row = table[task]
    unknown = sorted(set(row) - {label for label in labels if label is not None})
    if unknown:
        message = f"{scheme} names labels {unknown} of task {task!r}, expected {list(labels)}. Remove them."
        raise PlanError("unknown-label", message)
    missing = [label for label, count in zip(labels, n.tolist(), strict=True) if count and label not in row]
    if missing:
        message = f"{scheme} has no value for labels {missing} of task {task!r}. Add them (0 to leave one out)."
        raise PlanError("missing-label", message)
    return row
