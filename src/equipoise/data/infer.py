"""Infer from the training rows which tasks are classifications, and their labels."""

import warnings
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import pc
from equipoise.base.registry import suggest
from equipoise.census import Census
from equipoise.data.records import Records
from equipoise.data.spellings import is_decimal
from equipoise.data.tasks import DEFAULT_PROMPT, Kind, Task, TaskOptions
from equipoise.errors import DataError, DataWarning

_LEAST: Final = 2.0
"""Rows per target from which a task is a classification."""
_UNCERTAIN: Final = (0.5, 3.0)
_MANY: Final = (100, 10.0)  # so many targets could also be texts of which each was written a few times
_AT_ONCE: Final = 1 << 20  # rows
_SCORES: Final = 20  # so many values, some with decimals, could also be measurements
_NONE: Final[Mapping[str, TaskOptions]] = {}


class Targets(NamedTuple):
    """The distinct targets of a task: their codes, and the rows of each.

    Both are ndarray of int64, shape (D,).
    """

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """The rows with a target."""
        return int(self.counts.sum())


def rows_per_target(counts: NDArray[np.int64]) -> float:
    """Return the number of rows over the number of distinct targets, the seen and the unseen.

    The number of targets is that of Chao: D + f1 (f1 - 1) / (2 (f2 + 1)), with f1 and f2 the numbers of targets
    that one row has, and two.

    Parameters
    ----------
    counts : ndarray of int64, shape (D,)
        Rows of each distinct target, at least 1.

    References
    ----------
    Chao (1984), "Nonparametric Estimation of the Number of Classes in a Population"; the bias-corrected form.

    Examples
    --------
    >>> rows_per_target(np.array([30] * 500)), round(rows_per_target(np.array([500] + [1] * 500)), 4)
    (30.0, 0.008)
    """
    once, twice = (float(np.count_nonzero(counts == number)) for number in (1, 2))
    return float(counts.sum()) / (len(counts) + once * (once - 1) / (2 * (twice + 1)))


def infer_kind(counts: NDArray[np.int64], *, decimals: bool = False) -> tuple[Kind, bool]:
    """Distinguish a classification from an open-ended task by how often its targets repeat.

    A task is a classification if it has at least two rows per distinct target, where the targets that further rows
    would bring are counted too (`rows_per_target`). How many labels there are has no limit. Texts of which one repeats
    in half of the rows and the others do not are open-ended; so are texts with a few exact duplicates.

    The answer is uncertain if there are 0.5 to 3 rows per target, if an open-ended task has more than three quarters
    of its rows with targets that repeat, and if a classification has

    - more than 100 targets, and fewer than 10 rows per target;
    - targets of which most occur once;
    - more than 20 targets, all of them numbers and some with decimals, which may be measurements.

    Parameters
    ----------
    counts : ndarray of int64, shape (D,)
        Training rows of each distinct target.
    decimals : bool
        Whether all targets are numbers, and some no integers.

    Returns
    -------
    kind : {"classification", "open_ended"}
        What the task looks like.
    uncertain : bool
        Whether it should be declared instead of inferred.

    Examples
    --------
    >>> infer_kind(np.array([400, 300, 300])), infer_kind(np.array([30] * 5000))
    (('classification', False), ('classification', False))
    >>> infer_kind(np.array([1] * 990 + [2] * 5)), infer_kind(np.array([4] * 200))
    (('open_ended', False), ('classification', True))
    """
    repetition, targets = rows_per_target(counts), len(counts)
    kind: Kind = "classification" if repetition >= _LEAST else "open_ended"
    once = np.count_nonzero(counts == 1)
    if _UNCERTAIN[0] <= repetition < _UNCERTAIN[1]:
        uncertain = True
    elif kind == "open_ended":
        uncertain = 4 * once < counts.sum()
    else:
        many = targets > _MANY[0] and repetition < _MANY[1]
        uncertain = many or 2 * once > targets or (decimals and targets > _SCORES)
    return kind, bool(uncertain)


def distinct_targets(records: Records) -> dict[str, Targets]:
    """Find the distinct targets of every task.

    Returns
    -------
    dict of str to Targets
        By task, sorted.

    Examples
    --------
    >>> distinct_targets(Records.from_dict({"task": ["a", "a"], "input": ["x", "y"], "target": ["1", "1"]}))
    {'a': Targets(codes=array([0]), counts=array([2]))}
    """
    tasks, targets = records.coded("task"), records.coded("target")
    given = targets.codes >= 0 if (targets.codes < 0).any() else slice(None)
    width = max(len(targets.names), 1)
    pairs, counts = _counted(tasks.codes[given] * np.int64(width) + targets.codes[given])
    ends = np.searchsorted(pairs, np.arange(len(tasks.names) + 1) * width)
    spans = {code: slice(ends[code], ends[code + 1]) for code in np.flatnonzero(tasks.counts()).tolist()}
    return {
        name: Targets(pairs[span] - code * width, counts[span])
        for name, (code, span) in zip(records.tasks, spans.items(), strict=True)
    }


def _counted(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct values, ascending, and how often each occurs; sorts few values at a time."""
    starts = range(0, max(len(values), 1), _AT_ONCE)
    parts = [np.unique(values[at : at + _AT_ONCE], return_counts=True) for at in starts]
    distinct, places = np.unique(np.concatenate([part for part, _ in parts]), return_inverse=True)
    counts = np.bincount(places, np.concatenate([part for _, part in parts]), len(distinct))
    return distinct, counts.astype(np.int64)


def open_ended(targets: Mapping[str, Targets], kinds: Mapping[str, Kind | None]) -> frozenset[str]:
    """Return the tasks with targets that are open-ended; kinds that are not given are inferred as in `infer_kind`."""
    return frozenset(
        task
        for task, found in targets.items()
        if found.rows and (kinds.get(task) or infer_kind(found.counts)[0]) == "open_ended"
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
        If the kind of a task is uncertain.

    Examples
    --------
    >>> rows = Records.from_dict(
    ...     {"task": ["nli"] * 6, "input": list("abcdef"), "target": ["yes", "no", "no"] * 2}
    ... )
    >>> infer_tasks(rows)["nli"].labels
    ('no', 'yes')
    """
    names = train_records.coded("target").names
    found = distinct_targets(train_records)
    return _tasks({task: (names.take(pa.array(each.codes)), each.counts) for task, each in found.items()}, options)


def tasks_of_counts(census: Census, options: Mapping[str, TaskOptions] = _NONE) -> dict[str, Task]:
    """Infer the tasks of a census whose labels are all distinct targets of the training rows; as `infer_tasks`.

    Examples
    --------
    >>> notes = {f"note {number}": 1 for number in range(60)}
    >>> tasks = tasks_of_counts(Census.from_counts({"nli": {"no": 40, "yes": 20}, "note": notes}))
    >>> tasks["nli"].labels, tasks["note"].kind
    (('no', 'yes'), 'open_ended')
    """
    spans = {task: census.span(task) for task in census.tasks}
    return _tasks(
        {task: (pa.array(census.labels(task), pa.large_string()), census.counts[span]) for task, span in spans.items()},
        options,
    )


def _tasks(
    targets: Mapping[str, tuple[pa.Array, NDArray[np.int64]]], options: Mapping[str, TaskOptions]
) -> dict[str, Task]:
    """Infer the tasks from the distinct targets of each, and the rows of each of these."""
    if not targets:
        sentence = "There are no training rows, so no task can be inferred."
        raise DataError("no-training-rows", f"{sentence} Check the column `split`, or the fractions of the split.")
    if unknown := sorted(set(options) - set(targets)):
        sentence = f"Options are given for the task `{unknown[0]}`, which has no training row; the tasks are"
        known = f"{', '.join(f'`{name}`' for name in targets)}.{suggest(unknown[0], targets, '`{}`'.format)}"
        raise DataError("unknown-task", f"{sentence} {known}")
    return {task: _make(task, *found, options.get(task, TaskOptions())) for task, found in targets.items()}


def _make(name: str, texts: pa.Array, counts: NDArray[np.int64], options: TaskOptions) -> Task:
    rows = int(counts.sum())
    if rows == 0:
        raise DataError("no-targets", f"Task `{name}` has no training row with a target.")
    kind = options.declared_kind
    if kind is None:
        kind, uncertain = infer_kind(counts, decimals=is_decimal(texts))
        if uncertain:
            number = f"{rows:,} training rows with {len(texts):,} distinct targets"
            sentence = f"Task `{name}` is treated as {kind}, which is not certain: it has {number}."
            warnings.warn(DataWarning("uncertain-kind", f"{sentence} {_advice(name)}"), stacklevel=5)
    labels = texts.take(pc.sort_indices(texts)).to_pylist() if kind == "classification" else []
    return Task(name, kind, tuple(labels), options.prompt or DEFAULT_PROMPT, options.verbalisers or {}, options.system)


def _advice(task: str) -> str:
    key = f"tasks.{task}.kind"
    return f"Say which it is: `{key}: classification` or `{key}: open_ended` in a configuration, or --set {key}=... ."
