"""What of an example needs no tokens: task id, label id and importance weight, as arrays over the rows."""

import numpy as np
from numpy.typing import NDArray

from equipoise.collate.encoding import Encoding
from equipoise.collate.pairs import DistinctPairs
from equipoise.data import Records
from equipoise.errors import DataError
from equipoise.plan import Plan


def task_ids(records: Records, names: tuple[str, ...]) -> NDArray[np.int32]:
    """Return the position of each row's task in some names, shape (N,); DataError if one is not there."""
    unknown = [name for name in records.tasks if name not in names]
    if unknown:
        raise DataError(
            "unknown-task",
            f"`tasks` must describe every task of the records, found none for {', '.join(unknown)}. "
            "Infer the tasks from the training records, or leave these rows out.",
        )
    tasks = records.coded("task")
    number = {name: position for position, name in enumerate(names)}
    return tasks.spread(np.array([number.get(name, -1) for name in tasks.names.to_pylist()], np.int32), missing=-1)


def label_ids(records: Records, encoding: Encoding, task_ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the position of each row's label in those of its task, shape (N,); -1 for none and an unknown one."""
    ids = [{label: number for number, label in enumerate(task.labels)} for task in encoding.tasks]
    pairs = _labels(records, encoding, task_ids)
    return pairs.map(lambda task, target: ids[task].get(target, -1), -1, np.int32)


def _labels(records: Records, encoding: Encoding, task_ids: NDArray[np.int32]) -> DistinctPairs:
    """Return the distinct labels of each task; the targets of open-ended tasks, perhaps one a row, are left out."""
    is_open = [task.name for task, is_open in zip(encoding.tasks, encoding.is_open, strict=True) if is_open]
    return DistinctPairs.of(task_ids, records.labels(is_open))


def importance_weights(
    plan: Plan | None, records: Records, encoding: Encoding, task_ids: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return the importance weight of each row's stratum in a plan, shape (N,): 1 without a plan, or a target.

    Raises
    ------
    DataError
        If the plan does not know a stratum.
    """
    if plan is None:
        return np.ones(len(records), np.float32)
    strata = [(stratum.task, stratum.label) for stratum in plan.strata]
    weight = dict(zip(strata, plan.importance_weights.tolist(), strict=True))

    def weight_of(task: int, label: str | None) -> float:
        name = encoding.tasks[task].name
        if (name, label) not in weight:
            raise DataError(
                "unknown-stratum",
                f"`plan` must know every stratum of the records, found none for task {name!r}, label {label!r}. "
                "Build the plan from the census of these records; pass no plan for rows that are evaluated.",
            )
        return weight[name, label]

    weights = _labels(records, encoding, task_ids).map(weight_of, 1.0, np.float32)
    given = records.coded("target").codes >= 0
    for task in np.flatnonzero(encoding.is_open).tolist():
        if (of_task := (task_ids == task) & given).any():
            weights[of_task] = weight_of(task, None)
    return weights
