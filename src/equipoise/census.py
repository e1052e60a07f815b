"""The census: how many examples each stratum (task, label) has. Censuses of parts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.data import Columns, Limits
from equipoise.data.arrow import pc
from equipoise.errors import DataError, PlanError

MOST_EXAMPLES = 2**53
"""Counts above this lose digits as float64."""


class Stratum(NamedTuple):
    """One (task, label) cell; an open-ended task is one stratum, its label None.

    Parameters
    ----------
    task : str
        The name of the task.
    label : str or None
        The class, or None.

    Examples
    --------
    >>> Stratum("triage", "urgent")
    Stratum(task='triage', label='urgent')
    """

    task: str
    label: str | None


@dataclass(frozen=True, eq=False)
class Census:
    """The count of every stratum, sorted by task and label.

    Parameters
    ----------
    strata : tuple of Stratum
        Sorted, without repeats. A task has either labels or the one stratum with label None.
    counts : array of int64 [S]
        Examples of each stratum, not negative; kept read-only. A stratum without examples may be listed.

    Raises
    ------
    PlanError
        When the strata are unsorted or repeated, or the counts do not fit them.

    Examples
    --------
    >>> Census.from_labels(["mood", "mood", "topic"], ["sad", "glad", None]).to_dict()
    {'mood': {'glad': 1, 'sad': 1}, 'topic': 1}
    """

    strata: tuple[Stratum, ...]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        strata, counts = checked_strata(self.strata, self.counts)
        object.__setattr__(self, "strata", strata)
        object.__setattr__(self, "counts", counts)

    @classmethod
    def from_counts(cls, counts: Mapping[str, Mapping[str, int] | int]) -> Census:
        """Make a census of counts by hand: {task: {label: n}}, or {task: n} for an open-ended task."""
        cells: dict[Stratum, int] = {}
        for task, of_task in counts.items():
            if isinstance(of_task, Mapping):
                if not of_task:
                    raise PlanError(f"task {task!r} must have labels, found none. Open-ended is {{{task!r}: n}}.")
                cells |= {Stratum(task, label): n for label, n in of_task.items()}
            else:
                cells[Stratum(task, None)] = of_task
        return cls._from_cells(cells)

    @classmethod
    def from_labels(cls, tasks: Sequence[str], labels: Sequence[str | None]) -> Census:
        """Count examples given as two equally long sequences; the label None stands for open-ended."""
        if len(tasks) != len(labels):
            raise PlanError(f"`tasks` and `labels` must be equally long, found {len(tasks)} and {len(labels)}.")
        counted = Counter(zip(tasks, labels, strict=True))
        return cls._from_cells({Stratum(task, label): n for (task, label), n in counted.items()})

    @classmethod
    def from_arrow(
        cls, table: pa.Table, task: str = "task", label: str = "target", open_tasks: Iterable[str] = ()
    ) -> Census:
        """Count the rows of an Arrow table.

        Parameters
        ----------
        table : pyarrow.Table
            The examples.
        task, label : str
            The columns to count.
        open_tasks : iterable of str
            The open-ended tasks; each is one stratum, whatever its targets.

        Raises
        ------
        DataError
            When a column is missing or holds nulls, or an open task is not in the table.
        """
        return cls._from_batches([table], task, label, open_tasks)

    @classmethod
    def from_files(
        cls,
        source: Any,
        columns: Columns = Columns(),  # noqa: B008 - immutable
        open_tasks: Iterable[str] = (),
        split: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> Census:
        """Count the examples of files, batch by batch: the texts are never loaded.

        Parameters
        ----------
        source : path, glob, directory, list of those, or a Hugging Face dataset
            What `equipoise.data.read_records` takes.
        columns : Columns
            The names of the columns; the target is the label.
        open_tasks : iterable of str
            The open-ended tasks; each is one stratum, whatever its targets.
        split : str, optional
            Count the rows of this split alone; a plan is built from the training rows. All rows by default.
        limits : Limits
            Sizes above which a file is refused, as in `read_records`.

        Raises
        ------
        DataError
            When the files cannot be read, or an open task is not in them.
        """
        from equipoise.data import iter_labels  # noqa: PLC0415 - a census by hand needs no readers

        return cls._from_batches(iter_labels(source, columns, split=split, limits=limits), "task", "label", open_tasks)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Census:
        """Make a census of what `to_dict` gave; a PlanError when it is something else."""
        if not isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError(f"a census must be a mapping of tasks to counts, found {values!r:.80}.")
        return cls.from_counts(values)

    def to_dict(self) -> dict[str, dict[str, int] | int]:
        """Give the counts as {task: {label: n}}, or {task: n} for an open-ended task."""
        values: dict[str, dict[str, int] | int] = {}
        for (task, label), n in zip(self.strata, self.counts.tolist(), strict=True):
            if label is None:
                values[task] = n
            else:
                of_task = values.setdefault(task, {})
                assert isinstance(of_task, dict)
                of_task[label] = n
        return values

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, sorted."""
        return tuple(dict.fromkeys(stratum.task for stratum in self.strata))

    @cached_property
    def task_counts(self) -> npt.NDArray[np.int64]:
        """The examples of each task, in the order of `tasks`."""
        counts = np.array([self.counts[self.span(task)].sum() for task in self.tasks], dtype=np.int64)
        counts.setflags(write=False)
        return counts

    @property
    def total(self) -> int:
        """All examples."""
        return int(self.counts.sum())

    def labels(self, task: str) -> tuple[str, ...]:
        """The labels of a task, sorted; none for an open-ended task."""
        return tuple(stratum.label for stratum in self.strata[self.span(task)] if stratum.label is not None)

    def span(self, task: str) -> slice:
        """Where the strata of a task stand: they follow each other."""
        if task not in self._spans:
            raise PlanError(f"`task` must be one of {', '.join(self.tasks)}, found {task!r}.")
        return self._spans[task]

    @cached_property
    def _spans(self) -> dict[str, slice]:
        sizes = Counter(stratum.task for stratum in self.strata)
        ends = np.cumsum([sizes[task] for task in self.tasks]).tolist()
        return {task: slice(end - sizes[task], end) for task, end in zip(self.tasks, ends, strict=True)}

    def __add__(self, other: Census) -> Census:
        """Merge two censuses: the counts of equal strata add up."""
        cells = Counter(dict(zip(self.strata, self.counts.tolist(), strict=True)))
        cells.update(dict(zip(other.strata, other.counts.tolist(), strict=True)))
        return Census._from_cells(cells)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Census):
            return NotImplemented
        return self.strata == other.strata and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.strata, self.counts.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Census, (self.strata, self.counts)  # through the constructor, so that counts stay read-only

    @classmethod
    def _from_cells(cls, cells: Mapping[Stratum, int]) -> Census:
        plain = {_plain(*stratum): n for stratum, n in cells.items()}
        strata = sorted(plain, key=_order)
        return cls(tuple(strata), np.array([plain[stratum] for stratum in strata], dtype=object))

    @classmethod
    def _from_batches(cls, tables: Iterable[pa.Table], task: str, label: str, open_tasks: Iterable[str]) -> Census:
        open_ended = frozenset(open_tasks)
        cells: Counter[Stratum] = Counter()
        for table in tables:
            cells.update(_count(table, task, label, open_ended))
        unknown = sorted(open_ended - {stratum.task for stratum in cells})
        if unknown:
            raise DataError(f"`open_tasks` must name tasks of the data, found {unknown}, which have no rows.")
        return cls._from_cells(cells)


def checked_strata(
    strata: Sequence[Stratum], counts: npt.ArrayLike
) -> tuple[tuple[Stratum, ...], npt.NDArray[np.int64]]:
    """Give strata and counts as a tuple and a read-only int64 copy, or raise a PlanError."""
    cells = tuple(_plain(*stratum) for stratum in strata)
    values: list[Any] = np.asarray(counts, dtype=object).tolist()
    if len(values) != len(cells):
        raise PlanError(f"`counts` must have one value per stratum, found {len(values)} for {len(cells)}.")
    for before, after in pairwise(cells):
        if _order(before) >= _order(after):
            raise PlanError(f"`strata` must be sorted without repeats, found {before} before {after}.")
        if before.task == after.task and before.label is None:
            raise PlanError(
                f"task {before.task!r} must either have labels or be open-ended, found the label"
                f" {after.label!r} beside None. Name it as an open task, or give every example a label."
            )
    for stratum, n in zip(cells, values, strict=True):
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise PlanError(f"the count of {stratum} must be an integer of at least 0, found {n!r}.")
    if sum(map(int, values)) > MOST_EXAMPLES:
        raise PlanError(f"a census holds at most 2**53 examples, found {sum(values)}.")
    frozen = np.array(values, dtype=np.int64)
    frozen.setflags(write=False)
    return cells, frozen


def _plain(task: str, label: str | None) -> Stratum:
    if not isinstance(task, str) or not isinstance(label, str | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PlanError(f"a task and a label must be texts, found {task!r}, {label!r}. Use str().")
    return Stratum(str(task), None if label is None else str(label))  # of numpy's texts too


def _order(stratum: Stratum) -> tuple[str, bool, str]:
    return stratum.task, stratum.label is not None, stratum.label or ""


def _count(table: pa.Table, task: str, label: str, open_tasks: frozenset[str]) -> dict[Stratum, int]:
    for column in (task, label):
        if column not in table.column_names:
            raise DataError(f"the table must have the column {column!r}, found {table.column_names}.")
    tasks = table[task].cast(pa.large_string())
    labels = table[label].cast(pa.large_string())
    is_open = pc.is_in(tasks, value_set=pa.array(sorted(open_tasks), pa.large_string()))
    if tasks.null_count or pc.any(pc.and_(pc.is_null(labels), pc.invert(is_open))).as_py():
        raise DataError(
            f"columns {task!r} and {label!r} must have no nulls, found {tasks.null_count} and"
            f" {labels.null_count}. Drop those rows, or name open-ended tasks in `open_tasks`."
        )
    labels = pc.if_else(is_open, pa.scalar(None, pa.large_string()), labels)
    groups = pa.table({"task": tasks, "label": labels}).group_by(["task", "label"]).aggregate([([], "count_all")])
    cells = zip(*(groups[name].to_pylist() for name in ("task", "label", "count_all")), strict=True)
    return {Stratum(of_task, of_label): n for of_task, of_label, n in cells}
