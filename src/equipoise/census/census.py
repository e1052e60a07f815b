"""The census: how many examples each stratum (task, label) has. Censuses of parts can be added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.census.cells import cells_of_columns, cells_of_counts, open_ended_of, strata_of
from equipoise.census.labels import MissingLabels, check_missing_labels
from equipoise.census.shown import html_of, plot_counts
from equipoise.census.strata import Stratified, Stratum, checked_strata, read_only
from equipoise.census.tally import Cell, count_table, skip_missing
from equipoise.errors import PlanError

if TYPE_CHECKING:
    from equipoise.base.plots import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Census(Stratified):
    """The count of every stratum, sorted by task and label.

    Parameters
    ----------
    strata : tuple of Stratum
        Sorted, without duplicates. A task has either labels or the one stratum with label None.
    counts : ndarray of int64, shape (S,)
        Examples of each stratum, not negative; kept read-only. A stratum without examples may be listed.

    Raises
    ------
    PlanError
        If the strata are unsorted or duplicate, or the counts do not fit them.

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
        """Make a census from counts: {task: {label: n}}, or {task: n} for an open-ended task."""
        return cls.from_cells(cells_of_counts(counts))

    @classmethod
    def from_labels(cls, tasks: Any, labels: Any, *, missing_labels: MissingLabels = "error") -> Census:
        """Count examples given as two equally long columns.

        Parameters
        ----------
        tasks, labels : sequences, ndarrays, tensors, Series, Arrow arrays or Hugging Face columns, length N
            Task and label of each example: strings, or integers, booleans and floats, which become strings ("3",
            "true", "0.5"). Class numbers of a ClassLabel become names. A task is open-ended where all of its labels
            are missing (None, NaN, NA, masked, a blank string, or -1 of a ClassLabel).
        missing_labels : {"error", "skip"}, default "error"
            What is done with examples without a label, of tasks that have labels: "skip" warns and leaves them out.

        Raises
        ------
        PlanError
            If the lengths differ, a task is missing, or a task has labels and examples without one, not skipped.
        DataError
            If a value is not a label.

        Examples
        --------
        >>> Census.from_labels(["mood"] * 3, np.array([0, 1, 1])).to_dict()
        {'mood': {'0': 1, '1': 2}}
        """
        check_missing_labels(missing_labels)
        cells = cells_of_columns(tasks, labels)
        if missing_labels == "skip":
            cells = skip_missing(cells, open_ended_of(cells))
        return cls.from_cells(cells)

    @classmethod
    def from_arrow(
        cls,
        table: pa.Table,
        task: str = "task",
        label: str = "target",
        open_ended_tasks: Iterable[str] = (),
        *,
        missing_labels: MissingLabels = "error",
    ) -> Census:
        """Count the rows of an Arrow table.

        Parameters
        ----------
        table : pyarrow.Table
            The examples.
        task, label : str
            The columns to count. Numbers and booleans become strings as in `equipoise.data.read_records`.
        open_ended_tasks : iterable of str
            The open-ended tasks; each is one stratum, regardless of its targets.
        missing_labels : {"error", "skip"}, default "error"
            What is done with rows without a label, of tasks that are not open-ended; as in `from_labels`.

        Raises
        ------
        DataError
            If a column is missing, a task or a label is missing in a row that is not skipped, or an open-ended task is
            not in the table.
        """
        open_ended = frozenset(open_ended_tasks)
        counted = count_table(table, task, label, open_ended, None, missing_labels)
        return cls.from_cells(skip_missing(counted, open_ended), open_ended)

    @classmethod
    def from_table(
        cls,
        table: Any,
        task: str = "task",
        label: str = "label",
        count: str = "count",
        open_ended_tasks: Iterable[str] = (),
        *,
        missing_labels: MissingLabels = "error",
    ) -> Census:
        """Make a census from a table of counts computed by any engine; the counts of equal strata are summed.

        Parameters
        ----------
        table : pyarrow.Table, or what `pyarrow.table` takes
            One row per count: a pandas or polars data frame, a dictionary of columns. Partial counts of several workers
            may be concatenated.
        task, label, count : str
            The columns: strings (numbers and booleans are converted as in `from_arrow`) and integers.
        open_ended_tasks : iterable of str
            The open-ended tasks; each is one stratum, and its labels may be null.
        missing_labels : {"error", "skip"}, default "error"
            What is done with rows without a label, of tasks that are not open-ended; as in `from_labels`.

        Raises
        ------
        DataError
            If `table` is not a table, a column is missing or of a wrong type, a task or a label is missing in a row
            that is not skipped, or an open-ended task is not in it.

        Examples
        --------
        >>> parts = {"task": ["a", "a", "a"], "label": ["x", "y", "x"], "count": [5, 1, 2]}
        >>> Census.from_table(parts).to_dict()
        {'a': {'x': 7, 'y': 1}}
        """
        open_ended = frozenset(open_ended_tasks)
        counted = count_table(table, task, label, open_ended, count, missing_labels)
        return cls.from_cells(skip_missing(counted, open_ended), open_ended)

    @classmethod
    def from_cells(cls, cells: Mapping[Cell, int], open_ended_tasks: Iterable[str] = ()) -> Census:
        """Make a census from counted cells.

        Parameters
        ----------
        cells : mapping of (str, str or None) to int
            The count of each (task, label), in any order; the label of an open-ended task is None. Labels may be
            integers and booleans, as in `from_labels`.
        open_ended_tasks : iterable of str
            The open-ended tasks, which must be among the cells.

        Raises
        ------
        DataError
            If an open-ended task has no cell.
        """
        return cls(*strata_of(cells, open_ended_tasks))

    @classmethod
    def from_sql(
        cls,
        query: Any,
        parameters: Any = None,
        *,
        connection: Any = None,
        open_ended_tasks: Iterable[str] = (),
        missing_labels: MissingLabels = "error",
    ) -> Census:
        """Count the rows of a query in DuckDB: databases, joins, globs, files in object stores.

        Parameters
        ----------
        query : str or duckdb.DuckDBPyRelation
            It returns the columns `task` and `label`, one row per example, or also `count`, which is then summed.
            A query is code: it can read and write what DuckDB can. Never build it from untrusted strings.
        parameters : sequence or mapping, optional
            The values of ``?`` or ``$name`` in the query, such as file names.
        connection : duckdb.DuckDBPyConnection, optional
            An open connection, with its settings and secrets; by default a new one, in memory.
        open_ended_tasks : iterable of str
            The open-ended tasks; each is one stratum, regardless of its labels.
        missing_labels : {"error", "skip"}, default "error"
            As in `from_labels`.

        Raises
        ------
        DataError
            If `duckdb` is not installed, the query fails, or its rows cannot be counted, as in `from_table`.
        """
        from equipoise.census.sql import count_query  # noqa: PLC0415 - a census by hand needs no SQL

        open_ended = frozenset(open_ended_tasks)
        counted = count_query(query, parameters, connection, open_ended, missing_labels)
        return cls.from_cells(skip_missing(counted, open_ended), open_ended)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Census:
        """Make a census from the value of `to_dict`; a PlanError if it is anything else."""
        if not isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError("not-a-mapping", f"a census must be a mapping of tasks to counts, found {values!r:.80}.")
        return cls.from_counts(values)

    def to_dict(self) -> dict[str, dict[str, int] | int]:
        """Return the counts as {task: {label: n}}, or {task: n} for an open-ended task."""
        of_tasks = {task: (self.labels(task), self.counts[self.span(task)].tolist()) for task in self.tasks}
        return {task: dict(zip(labels, n, strict=True)) if labels else n[0] for task, (labels, n) in of_tasks.items()}

    @cached_property
    def task_counts(self) -> npt.NDArray[np.int64]:
        """The examples of each task, in the order of `tasks`."""
        return read_only(np.array([self.counts[self.span(task)].sum() for task in self.tasks], dtype=np.int64))

    @property
    def total(self) -> int:
        """All examples."""
        return int(self.counts.sum())

    def labels(self, task: str) -> tuple[str, ...]:
        """Return the labels of a task, sorted; none for an open-ended task."""
        return tuple(stratum.label for stratum in self.strata[self.span(task)] if stratum.label is not None)

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table of task, label and count, which `from_table` reads; `.to_pandas()` is a data frame.

        Examples
        --------
        >>> Census.from_counts({"mood": {"glad": 1, "sad": 2}}).to_arrow().to_pydict()
        {'task': ['mood', 'mood'], 'label': ['glad', 'sad'], 'count': [1, 2]}
        """
        tasks, labels = zip(*self.strata, strict=True) if self.strata else ((), ())
        schema = pa.schema({"task": pa.string(), "label": pa.string(), "count": pa.int64()})
        return pa.table([list(tasks), list(labels), self.counts], schema=schema)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a bar for each stratum, with its count; on a logarithmic axis if the counts span decades.

        Of more than 60 strata the 30 smallest and the 30 largest are shown.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure of pyplot.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigError
            If matplotlib is not installed.

        Examples
        --------
        >>> ax = Census.from_counts({"mood": {"glad": 900, "sad": 10}}).plot()
        >>> [name.get_text() for name in ax.get_yticklabels()], ax.get_xscale()
        (['glad', 'sad'], 'log')
        """
        return plot_counts(ax, self.strata, self.counts)

    def __repr__(self) -> str:
        present = self.counts[self.counts > 0]
        spread = f", {present.min():,} to {present.max():,} each" if present.size else ""
        return f"Census({len(self.tasks)} tasks, {len(self.strata)} strata, {self.total:,} examples{spread})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{html_of(self.strata, self.counts)}"

    def __add__(self, other: Census) -> Census:
        """Merge two censuses: the counts of equal strata are summed."""
        cells: Counter[Cell] = Counter()
        for census in (self, other):
            cells.update(dict(zip(census.strata, census.counts.tolist(), strict=True)))
        return Census.from_cells(cells)
