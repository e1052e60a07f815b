"""Label sets: the labels of each example (none, one or several), in flat arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.values import ArrayValue
from equipoise.census import Stratum
from equipoise.census.strata import read_only
from equipoise.errors import DataError
from equipoise.multilabel import building
from equipoise.multilabel.census import MultiLabelCensus

Names = str | Sequence[building.Label] | pa.Array | pa.ChunkedArray


@dataclass(frozen=True, eq=False, repr=False)
class LabelSets(ArrayValue):
    """The set of labels of each example of a dataset, and how often the example has each.

    Make one with `from_lists`, `from_arrow` or `from_text`; rows keep the dataset's order. Tasks whose examples all
    have one label, or none (open-ended), are special cases.

    Parameters
    ----------
    tasks : tuple of str, length K
        Sorted.
    task_of_row : ndarray of int32, shape (N,)
        The position of each row's task in `tasks`.
    strata : tuple of Stratum, length S
        The labels of all tasks, sorted by task and label; they overlap.
    offsets : ndarray of int64, shape (N + 1,)
        Row i's labels are ``codes[offsets[i]:offsets[i + 1]]``.
    codes : ndarray of int32, shape (M,)
        Positions in `strata`, strictly increasing in each row.
    instances : ndarray of int32, shape (M,)
        Instances of the label in the row, at least 1.

    Examples
    --------
    >>> sets = LabelSets.from_lists([["cough", "fever"], [], ["cough", "cough"]], tasks="findings")
    >>> sets.labels_of(0), sets.labels_of(1), sets.labels_of(2)
    (('cough', 'fever'), (), ('cough',))
    >>> sets.instances.tolist()
    [1, 1, 2]
    """

    tasks: tuple[str, ...]
    task_of_row: npt.NDArray[np.int32]
    strata: tuple[Stratum, ...]
    offsets: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    instances: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        for array in (self.task_of_row, self.offsets, self.codes, self.instances):
            read_only(array)

    @classmethod
    def from_lists(cls, labels: Iterable[Iterable[building.Label]], tasks: Names) -> LabelSets:
        """Make label sets from one list of labels per example.

        Parameters
        ----------
        labels : iterable of lists, ndarrays or tensors, or column of a Hugging Face dataset
            Strings, integers, booleans, floats or class numbers of a ClassLabel, which become strings as in
            `Census.from_labels`. A repeated label is one label with several instances. An empty list is an example
            without labels.
        tasks : str, or sequence of str
            The task of all examples, or of each.

        Raises
        ------
        DataError
            If a row is not a list of labels, a label is missing or blank, or there are not as many tasks as rows.

        Examples
        --------
        >>> LabelSets.from_lists([np.array([3, 11]), [], [11]], tasks="topics").labels_of(0)
        ('11', '3')
        """
        return cls._from_parts(tasks, *building.parts_of_lists(labels))

    @classmethod
    def from_arrow(cls, labels: pa.Array | pa.ChunkedArray, tasks: Names) -> LabelSets:
        """Make label sets from a column of lists of labels, as in Parquet files and Hugging Face datasets.

        Parameters
        ----------
        labels : pyarrow array of lists of strings, integers, booleans or floats
            May be sliced or chunked. Nulls are an error: an unknown set is not an empty one.
        tasks : str, or sequence of str
            The task of all examples, or of each.

        Raises
        ------
        DataError
            If the column is not a list of labels or holds nulls, a label is missing or blank, or there are not as many
            tasks as rows.
        """
        return cls._from_parts(tasks, *building.parts_of_arrow(labels))

    @classmethod
    def from_text(
        cls,
        targets: Sequence[str] | pa.Array | pa.ChunkedArray,
        tasks: Names,
        separator: str = ";",
        *,
        single_tasks: Iterable[str] = (),
        open_ended_tasks: Iterable[str] = (),
    ) -> LabelSets:
        """Make label sets from target strings such as "cough; fever".

        Parameters
        ----------
        targets : sequence of str
            Blanks around labels and empty parts, such as after a final separator, are ignored. A string without labels
            is an example without labels.
        tasks : str, or sequence of str
            The task of all examples, or of each.
        separator : str
            The separator of labels.
        single_tasks : iterable of str
            Tasks whose target is one label, even if it contains the separator.
        open_ended_tasks : iterable of str
            Open-ended tasks: their targets are not labels.

        Raises
        ------
        DataError
            If a target is null, the separator is blank, or a named task is not in the data.

        Examples
        --------
        >>> sets = LabelSets.from_text(["cough; fever", "", "a;b"], ["notes", "notes", "code"], single_tasks=["code"])
        >>> [sets.labels_of(row) for row in range(3)]
        [('cough', 'fever'), (), ('a;b',)]
        """
        strings = building.strings_of(targets, "targets")
        of_rows = building.tasks_of(tasks, len(strings))
        named = frozenset(single_tasks), frozenset(open_ended_tasks)
        return cls._from_parts(of_rows, *building.parts_of_text(strings, of_rows, separator, *named))

    @classmethod
    def _from_parts(cls, tasks: Names, lengths: npt.NDArray[np.int64], labels: pa.Array) -> LabelSets:
        return cls(*building.grouped(building.tasks_of(tasks, len(lengths)), lengths, labels))

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.task_of_row)

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of distinct labels of each example."""
        return np.diff(self.offsets)

    @cached_property
    def row_of_entry(self) -> npt.NDArray[np.int64]:
        """The example that each entry of `codes` belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def over_labels(self, reduce: np.ufunc, of_entries: npt.NDArray[Any], empty: Any) -> npt.NDArray[Any]:
        """Reduce the values of each example's entries by a ufunc; `empty` are the values of examples without labels."""
        reduced = np.full(len(self), empty, of_entries.dtype)
        some = self.lengths > 0
        reduced[some] = reduce.reduceat(of_entries, self.offsets[:-1][some])
        return reduced

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Return the labels of one example, sorted."""
        strata = (self.strata[code] for code in self.codes[self.offsets[row] : self.offsets[row + 1]].tolist())
        return tuple(stratum.label for stratum in strata if stratum.label is not None)

    def take(self, rows: npt.ArrayLike) -> LabelSets:
        """Return the label sets of these rows, in their order, for example of the training rows.

        All labels remain listed, even those that no row has.

        Parameters
        ----------
        rows : array-like of int, shape (R,), or of bool, shape (N,)
            Row numbers, or which rows to keep.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == np.bool_ and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        problem = ""
        if chosen.dtype == np.bool_:
            problem = f"one boolean for each of {len(self)} rows, found shape {chosen.shape}"
        elif chosen.ndim != 1 or (chosen.size and not np.issubdtype(chosen.dtype, np.integer)):
            problem = f"row numbers or booleans, found {chosen.dtype} of shape {chosen.shape}"
        elif chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            problem = f"from 0 to {len(self) - 1}, found {chosen.min()} to {chosen.max()}"
        if problem:
            raise DataError("bad-rows", f"`rows` must be {problem}.")
        chosen = chosen.astype(np.int64)
        lengths = self.lengths[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        entries = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][chosen] - offsets[:-1], lengths)
        taken = self.codes[entries], self.instances[entries]
        return LabelSets(self.tasks, self.task_of_row[chosen], self.strata, offsets, *taken)

    def census(self) -> MultiLabelCensus:
        """Count examples and instances of every label; censuses of parts can be added."""
        n_tasks, n_strata = len(self.tasks), len(self.strata)
        return MultiLabelCensus(
            self.strata,
            np.bincount(self.codes, minlength=n_strata),
            # float64 sums integers exactly up to 2**53
            np.bincount(self.codes, self.instances, minlength=n_strata).astype(np.int64),
            self.tasks,
            np.bincount(self.task_of_row, minlength=n_tasks),
            np.bincount(self.task_of_row[self.lengths == 0], minlength=n_tasks),
        )

    def __repr__(self) -> str:
        return f"LabelSets({len(self)} examples, {len(self.tasks)} tasks, {len(self.strata)} labels)"


def scumble(sets: LabelSets) -> npt.NDArray[np.float64]:
    """Compute 1 - G/A of each example, the geometric over the arithmetic mean of its labels' imbalance ratios.

    0 where an example has no labels, or all are equally frequent; near 1 where a rare and a frequent label co-occur.
    The mean over a task is the task's SCUMBLE. Its authors found that resampling hardly helps where it is high: the
    frequent labels are drawn too.

    Parameters
    ----------
    sets : LabelSets
        The training examples.

    Returns
    -------
    ndarray of float64, shape (N,)
        From 0 to below 1.

    References
    ----------
    Charte, Rivera, del Jesus and Herrera (2014), "Concurrence among Imbalanced Labels and Its Influence on Multilabel
    Resampling Algorithms". The product is over the labels that the example has.

    Examples
    --------
    >>> sets = LabelSets.from_lists([["a"]] * 6 + [["a", "b"]] * 2 + [["c"]] * 2, tasks="findings")
    >>> scumble(sets).round(3).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2, 0.0, 0.0]
    """
    ratios = sets.census().imbalance_ratios[sets.codes]
    labels = np.maximum(sets.lengths, 1)
    arithmetic = np.bincount(sets.row_of_entry, ratios, minlength=len(sets)) / labels
    geometric = np.exp(np.bincount(sets.row_of_entry, np.log(ratios), minlength=len(sets)) / labels)
    # Rounding may make the geometric mean exceed the arithmetic mean.
    return np.where(sets.lengths > 1, (1 - geometric / np.maximum(arithmetic, 1)).clip(min=0), 0.0)
