"""Infer from the training rows which tasks are classifications, and their labels."""

import warnings
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.registry import suggest
from equipoise.data.records import Records
from equipoise.data.tasks import DEFAULT_PROMPT, Kind, Task, TaskOptions
from equipoise.errors import DataError, DataWarning

MAX_LABELS: Final = 512
MIN_ROWS_PER_LABEL: Final = 2.0
Targets = dict[str, tuple[int, NDArray[np.int64]]]
_NONE: Final[Mapping[str, TaskOptions]] = {}


def infer_kind(rows: int, distinct: int) -> tuple[Kind, bool]:
    """Distinguish a classification from an open-ended task by how often its targets repeat.

    A task is a classification if it has at least two rows per distinct target and at most 512 distinct
    targets. The answer is borderline if the thresholds are near: between 1.5 and 3 rows per distinct target,
    or more than 256 but at most 1,024 distinct targets with ten rows each or more.

    Parameters
    ----------
    rows : int
        Number of training rows.
    distinct : int
        Number of distinct targets among them.

    Returns
    -------
    kind : {"classification", "open"}
        What the task looks like.
    borderline : bool
        Whether it should be declared instead of inferred.

    Examples
    --------
    >>> infer_kind(1000, 3), infer_kind(1000, 990), infer_kind(1000, 450)
    (('classification', False), ('open', False), ('classification', True))
    """
    repetition = rows / distinct
    closed = repetition >= MIN_ROWS_PER_LABEL and distinct <= MAX_LABELS
    near_repetition = 1.5 <= repetition < 3.0 and distinct <= 2 * MAX_LABELS
    near_cap = MAX_LABELS / 2 < distinct <= 2 * MAX_LABELS and repetition >= 10
    return "classification" if closed else "open", near_repetition or near_cap


def distinct_targets(records: Records) -> Targets:
    """Count the rows with a target of every task, and find its distinct targets.

    Returns
    -------
    dict of str to (int, ndarray of int64)
        By task, sorted: the number of rows, and the ascending codes of the targets.

    Examples
    --------
    >>> distinct_targets(Records.from_dict({"task": ["a", "a"], "input": ["x", "y"], "target": ["1", "1"]}))
    {'a': (2, array([0]))}
    """
    tasks, targets = records.coded("task"), records.coded("target")
    given = targets.codes >= 0
    width = max(len(targets.names), 1)
    pairs = np.unique(tasks.codes[given] * np.int64(width) + targets.codes[given])
    ends = np.searchsorted(pairs, np.arange(len(tasks.names) + 1) * width)
    rows = tasks.take(given).counts().tolist()
    found = zip(np.flatnonzero(tasks.counts()).tolist(), records.tasks, strict=True)
    return {name: (rows[code], pairs[ends[code] : ends[code + 1]] - code * width) for code, name in found}


def open_ended(targets: Targets, kinds: Mapping[str, Kind | None]) -> frozenset[str]:
    """Return the tasks with targets that are open-ended; kinds that are not given are inferred as in `infer_kind`."""
    return frozenset(
        task
        for task, (rows, distinct) in targets.items()
        if rows and (kinds.get(task) or infer_kind(rows, len(distinct))[0]) == "open"
    )


def infer_tasks(train_records: Records, options: Mapping[str, TaskOptions] = _NONE) -> dict[str, Task]:
    """Infer the tasks of the training rows; what `options` declare of a task is not inferred.

    The kind follows `infer_kind`, unless it is declared or verbalisers are given, which only a
    classification has. The labels of a classification are the distinct targets of its training rows.

    Parameters
    ----------
    train_records : Records
        Training rows only: the label set is closed by what training has seen.
    options : mapping of str to TaskOptions
        By the name of the task.

    Returns
    -------
    dict of str to Task
        Sorted by name.

    Raises
    ------
    DataError
        If there are no rows, or `options` name a task that has none.
    ConfigError
        If verbalisers name a label that no training row has, or are not one-to-one.

    Warns
    -----
    DataWarning
        If the kind of a task is borderline.

    Examples
    --------
    >>> rows = Records.from_dict(
    ...     {"task": ["nli"] * 6, "input": list("abcdef"), "target": ["yes", "no", "no"] * 2}
    ... )
    >>> infer_tasks(rows)["nli"].labels
    ('no', 'yes')
    """
    targets = distinct_targets(train_records)
    if not targets:
        sentence = "There are no training rows, so no task can be inferred."
        raise DataError("no-training-rows", f"{sentence} Check the column `split`, or the fractions of the split.")
    if unknown := sorted(set(options) - set(targets)):
        sentence = f"Options are given for the task `{unknown[0]}`, which has no training row; the tasks are"
        known = f"{', '.join(f'`{name}`' for name in targets)}.{suggest(unknown[0], targets, '`{}`'.format)}"
        raise DataError("unknown-task", f"{sentence} {known}")
    names = train_records.coded("target").names
    return {
        task: _make(task, rows, names, distinct, options.get(task, TaskOptions()))
        for task, (rows, distinct) in targets.items()
    }


def _make(name: str, rows: int, names: pa.Array, distinct: NDArray[np.int64], options: TaskOptions) -> Task:
    if rows == 0:
        raise DataError("no-targets", f"Task `{name}` has no training row with a target.")
    kind = options.declared_kind
    if kind is None:
        kind, borderline = infer_kind(rows, len(distinct))
        if borderline:
            sentence = f"Task `{name}` has {len(distinct)} distinct targets in {rows} training rows and is treated as"
            advice = f'"{kind}", which is not certain. Declare its `kind`: "classification" or "open".'
            warnings.warn(DataWarning("uncertain-kind", f"{sentence} {advice}"), stacklevel=3)
    labels = names.take(pa.array(distinct)).to_pylist() if kind == "classification" else []
    return Task(name, kind, tuple(labels), options.prompt or DEFAULT_PROMPT, options.verbalisers or {})
