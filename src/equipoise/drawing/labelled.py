"""Rows by task and label: their codes, the columns of several datasets in a row, and whether an index fits a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.census import Census, Stratum
from equipoise.census.labels import (
    Labels,
    MissingLabels,
    check_missing_labels,
    coded_labels,
    coded_tasks,
    labels_of,
)
from equipoise.errors import PlanError
from equipoise.plan import Stage
from equipoise.schedule import Drawable

_PIECE: Final = 1 << 20  # rows whose strata are looked up at a time


class Grouped(Protocol):
    """What is checked of an index."""

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each stratum."""
        ...

    @property
    def strata(self) -> tuple[Stratum, ...] | None:
        """The strata, if they are known by name."""
        ...

    @property
    def counted(self) -> NDArray[np.int64] | None:
        """Rows of each stratum as the plan counted them, if only a part of them is here."""
        ...


def codes_of_rows(
    strata: Sequence[Stratum], tasks: Any, labels: Any, missing_labels: MissingLabels = "error"
) -> tuple[NDArray[np.int32], dict[str, int]]:
    """Return the position in `strata` of each row's stratum, -1 for rows that are skipped, and their number by task.

    See `StratumIndex.from_labels`.

    Examples
    --------
    >>> codes_of_rows([Stratum("mood", "0"), Stratum("mood", "1")], ["mood"] * 3, [1, 0, None], "skip")
    (array([ 1,  0, -1], dtype=int32), {'mood': 1})
    """
    check_missing_labels(missing_labels)
    if len(tasks) != len(labels):
        raise PlanError(
            "unequal-lengths",
            f"`tasks` and `labels` must be equally long, found {len(tasks)} and {len(labels)}. "
            "Pass one task and one label for each row of the dataset.",
        )
    task_column, label_column = coded_tasks(tasks), coded_labels(labels, "labels")
    task_names, label_names = ([*each.dictionary.to_pylist(), None] for each in (task_column, label_column))
    width = len(label_names)
    positions = {stratum: position for position, stratum in enumerate(strata)}
    known = {stratum.task for stratum in strata}

    def position_of(pair: int, row: int) -> int:
        task, label = task_names[pair // width], label_names[pair % width]
        position = positions.get(Stratum(str(task), None), positions.get(Stratum(str(task), label)))
        if position is None and label is None and task in known and missing_labels == "skip":
            return -1
        if position is None and label is None and task in known:
            message = f"Row {row} of task {task!r} must have a label, found none. Leave such rows out"
            raise PlanError(
                "missing-label", f'{message} of the dataset and of the census, or pass `missing_labels="skip"`.'
            )
        if position is None:
            raise PlanError(
                "unknown-stratum",
                f"Row {row} has task {task!r} and label {label!r}, which the plan does not know. "
                "Build the plan from the census of the same rows, or leave the row out.",
            )
        return position

    of_pair: dict[int, int] = {}
    skipped: dict[str, int] = {}
    codes = np.empty(len(task_column), np.int32)
    for start in range(0, len(codes), _PIECE):
        piece = slice(start, min(start + _PIECE, len(codes)))
        pairs = _codes(task_column, piece) * width + _codes(label_column, piece)
        seen, first, of_row, counts = np.unique(pairs, return_index=True, return_inverse=True, return_counts=True)
        for pair, row, count in zip(seen.tolist(), first.tolist(), counts.tolist(), strict=True):
            if pair not in of_pair:
                of_pair[pair] = position_of(pair, start + row)
            if of_pair[pair] < 0:
                task = str(task_names[pair // width])
                skipped[task] = skipped.get(task, 0) + count
        codes[piece] = np.array([of_pair[pair] for pair in seen.tolist()], np.int32)[of_row]
    return codes, skipped


def columns_of_datasets(
    datasets: Mapping[str, Any],
    labels: Labels | Mapping[str, Labels],
    missing_labels: MissingLabels = "error",
) -> tuple[pa.DictionaryArray, pa.ChunkedArray]:
    """Return the tasks and labels of datasets that follow one another; see `StratumIndex.from_datasets`."""
    if not isinstance(datasets, Mapping) or not datasets:  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"`datasets` must map tasks to datasets, found {type(datasets).__name__}"
        raise PlanError("not-a-mapping", f"{message}, {len(datasets)} long. Write {{task: dataset, ...}}.")
    of_tasks = labels if isinstance(labels, Mapping) else dict.fromkeys(datasets, labels)
    if of_tasks.keys() != datasets.keys():
        message = f"`labels` must name the tasks {list(datasets)}, found {list(of_tasks)}."
        raise PlanError("other-tasks", f"{message} None is for an open-ended task.")
    check_missing_labels(missing_labels)
    coded = [labels_of(dataset, of_tasks[task], task, missing_labels) for task, dataset in datasets.items()]
    names = pa.array(list(datasets), pa.large_string())
    numbers = np.repeat(np.arange(len(coded), dtype=np.int32), [len(column) for column in coded])
    tasks, column = pa.DictionaryArray.from_arrays(numbers, names), pa.chunked_array(coded)
    return tasks, column


def check_sizes(plan: Drawable | Census, index: Grouped) -> None:
    """Raise PlanError if the index has not as many rows in every stratum as the plan counted."""
    if len(index.sizes) != len(plan.strata):
        raise PlanError(
            "other-strata",
            f"`index` has {len(index.sizes)} strata and the plan has {len(plan.strata)}. "
            "Make the index with the same plan: StratumIndex.from_labels(plan, tasks, labels).",
        )
    if index.strata not in {None, plan.strata}:
        number, stratum = next(pair for pair in enumerate(index.strata or ()) if pair[1] != plan.strata[pair[0]])
        raise PlanError(
            "other-strata",
            f"`index` has {stratum} where the plan has {plan.strata[number]}. Build the plan of the same rows: "
            "Plan.build(index.census()).",
        )
    sizes = index.sizes if index.counted is None else index.counted
    wrong = np.flatnonzero(sizes != plan.counts)
    if wrong.size:
        position = int(wrong[0])
        stratum = plan.strata[position]
        raise PlanError(
            "other-counts",
            f"`index` has {sizes[position]} rows of task {stratum.task!r}, label {stratum.label!r}, and the "
            f"plan counted {plan.counts[position]} ({wrong.size} strata differ). "
            "Build the plan from the census of the same rows.",
        )


def _codes(coded: pa.DictionaryArray, rows: slice) -> NDArray[np.int64]:
    """Return the codes of the values of some rows; a missing one has the code behind the last."""
    indices = coded.indices.slice(rows.start, rows.stop - rows.start)
    return indices.fill_null(len(coded.dictionary)).cast(pa.int64()).to_numpy()


def on_rows(stages: Sequence[Stage], index: Grouped) -> Sequence[Stage]:
    """Return the stages as they are drawn from an index: with its rows, where these are a part of those counted."""
    if index.counted is None:
        return stages
    return [Stage(stage.at, replace(stage.plan, counts=index.sizes)) for stage in stages]
