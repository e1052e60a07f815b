"""Infer from the training rows which tasks are classifications, and their labels."""

import warnings
from collections.abc import Mapping
from typing import Final

from equipoise.data.records import Records
from equipoise.data.tasks import DEFAULT_PROMPT, Kind, Task, TaskOptions
from equipoise.errors import DataError, DataWarning

MAX_LABELS: Final = 512
MIN_ROWS_PER_LABEL: Final = 2.0
_NONE: Final[Mapping[str, TaskOptions]] = {}


def infer_kind(rows: int, distinct: int) -> tuple[Kind, bool]:
    """Tell a classification from an open-ended task by how often its targets repeat.

    A task is a classification if it has at least two rows per distinct target and at most 512 distinct
    targets. The answer is borderline if the other one is near: between 1.5 and 3 rows per distinct target,
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


def count_targets(records: Records) -> dict[str, tuple[int, int]]:
    """Count the rows and the distinct targets of every task.

    Examples
    --------
    >>> count_targets(Records.from_dict({"task": ["a", "a"], "input": ["x", "y"], "target": ["1", "1"]}))
    {'a': (2, 1)}
    """
    counted = records.table.group_by("task").aggregate([("target", "count"), ("target", "count_distinct")])
    found = zip(
        counted.column("task").to_pylist(),
        counted.column("target_count").to_pylist(),
        counted.column("target_count_distinct").to_pylist(),
        strict=True,
    )
    return {task: (rows, distinct) for task, rows, distinct in sorted(found)}


def infer_tasks(train_records: Records, options: Mapping[str, TaskOptions] = _NONE) -> dict[str, Task]:
    """Make the tasks that the training rows hold; what `options` say of a task is not inferred.

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
        There are no rows, or `options` name a task that has none.
    ConfigError
        Verbalisers name a label that no training row has, or are not one-to-one.

    Warns
    -----
    DataWarning
        The kind of a task is borderline.

    Examples
    --------
    >>> rows = Records.from_dict(
    ...     {"task": ["nli"] * 6, "input": list("abcdef"), "target": ["yes", "no", "no"] * 2}
    ... )
    >>> infer_tasks(rows)["nli"].labels
    ('no', 'yes')
    """
    counts = count_targets(train_records)
    if not counts:
        raise DataError(
            "There are no training rows, so no task can be inferred. Check the column `split`, or the fractions of the"
            " split."
        )
    if unknown := sorted(set(options) - set(counts)):
        raise DataError(
            f"Options are given for the task `{unknown[0]}`, which has no training row; "
            f"the tasks are {', '.join(f'`{name}`' for name in counts)}."
        )
    return {name: _make(name, train_records, counts[name], options.get(name, TaskOptions())) for name in counts}


def _make(name: str, records: Records, counts: tuple[int, int], options: TaskOptions) -> Task:
    rows, distinct = counts
    kind = options.kind or ("classification" if options.verbalisers else None)
    if rows == 0:
        raise DataError(f"Task `{name}` has no training row with a target.")
    if kind is None:
        kind, borderline = infer_kind(rows, distinct)
        if borderline:
            warnings.warn(
                f"Task `{name}` has {distinct} distinct targets in {rows} training rows and is taken as "
                f'"{kind}", which is not certain. Declare its `kind`: "classification" or "open".',
                DataWarning,
                stacklevel=3,
            )
    labels: list[str] = []
    if kind == "classification":
        targets = records.where(task=name).column("target").unique().drop_null()
        labels = sorted(targets.to_pylist())
    return Task(
        name=name,
        kind=kind,
        labels=tuple(labels),
        prompt=options.prompt or DEFAULT_PROMPT,
        verbalisers=options.verbalisers or {},
    )
