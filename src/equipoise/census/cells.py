"""Cells (task, label) with their counts: made of counts or of columns, and sorted into strata."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.census.labels import coded_labels, coded_tasks
from equipoise.census.strata import Stratum, plain_stratum, stratum_order
from equipoise.census.tally import Cell, Tally
from equipoise.errors import DataError, PlanError


def cells_of_counts(counts: Mapping[str, Mapping[str, int] | int]) -> dict[Cell, int]:
    """Return the cells of {task: {label: n}}, or {task: n} for an open-ended task.

    Examples
    --------
    >>> cells_of_counts({"mood": {"sad": 2}, "topic": 3})
    {('mood', 'sad'): 2, ('topic', None): 3}
    """
    cells: dict[Cell, int] = {}
    for task, of_task in counts.items():
        if isinstance(of_task, Mapping):
            if not of_task:
                message = f"task {task!r} must have labels, found none. Open-ended is {{{task!r}: n}}."
                raise PlanError("no-labels", message)
            cells |= {(task, label): n for label, n in of_task.items()}
        else:
            cells[task, None] = of_task
    return cells


def cells_of_columns(tasks: Any, labels: Any) -> dict[Cell, int]:
    """Count two equally long columns, as `Census.from_labels` takes them; a missing label is None."""
    if len(tasks) != len(labels):
        message = f"`tasks` and `labels` must be equally long, found {len(tasks)} and {len(labels)}."
        raise PlanError("wrong-length", message)
    tally = Tally()
    tally.add(coded_tasks(tasks), coded_labels(labels, "labels"))
    return tally.cells()


def open_ended_of(cells: Mapping[Cell, int]) -> set[str]:
    """Return the tasks that have no label in any cell."""
    return {task for task, _ in cells} - {task for task, label in cells if label is not None}


def strata_of(
    cells: Mapping[Cell, int], open_ended_tasks: Iterable[str]
) -> tuple[tuple[Stratum, ...], npt.NDArray[Any]]:
    """Return the strata of cells, sorted, and their counts; a DataError if an open-ended task has no cell."""
    unknown = sorted(set(open_ended_tasks) - {task for task, _ in cells})
    if unknown:
        message = f"`open_ended_tasks` must name tasks of the data, found {unknown}, which have no rows."
        raise DataError("unknown-task", message)
    plain: dict[Stratum, Any] = {}
    for cell, n in cells.items():
        stratum = plain_stratum(*cell)
        plain[stratum] = plain[stratum] + n if stratum in plain else n  # the labels 1 and "1" are one
    strata = sorted(plain, key=stratum_order)
    return tuple(strata), np.array([plain[stratum] for stratum in strata], dtype=object)
