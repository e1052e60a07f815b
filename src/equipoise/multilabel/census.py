"""The census of label sets: examples and instances of each label. Censuses of parts can be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from equipoise.base.values import ArrayValue
from equipoise.census import Stratum
from equipoise.census.strata import read_only
from equipoise.errors import PlanError
from equipoise.weights.base import FloatArray, IntArray


@dataclass(frozen=True, eq=False, repr=False)
class MultiLabelCensus(ArrayValue):
    """Counts of examples that have no label, one or several.

    The counts of a task's labels do not sum to its examples: an example counts for each of its labels.

    Parameters
    ----------
    strata : tuple of Stratum, length S
        The labels of all tasks, sorted by task and label.
    examples : ndarray of int64, shape (S,)
        Examples that have the label.
    instances : ndarray of int64, shape (S,)
        Their instances of it; equal to `examples` if no example repeats a label.
    tasks : tuple of str, length K
        Sorted, including those without labels.
    task_examples : ndarray of int64, shape (K,)
        Examples of each task.
    task_empty : ndarray of int64, shape (K,)
        Examples without labels.

    Raises
    ------
    PlanError
        If the fields are inconsistent.

    References
    ----------
    Tsoumakas and Katakis (2007), "Multi-Label Classification: An Overview", for cardinality and density. Charte,
    Rivera, del Jesus and Herrera (2015), "Addressing imbalance in multilabel classification: Measures and random
    resampling algorithms", for the imbalance ratios.

    Examples
    --------
    >>> from equipoise import LabelSets
    >>> census = LabelSets.from_lists([["a"], ["a", "b"], ["a", "a"], []], tasks="findings").census()
    >>> census.to_dict()
    {'findings': {'examples': 4, 'empty': 1, 'labels': {'a': [3, 4], 'b': [1, 1]}}}
    >>> census.cardinality("findings"), census.density("findings"), census.mean_imbalance("findings")
    (1.0, 0.5, 2.0)
    >>> (census + census).task_examples.tolist()
    [8]
    """

    strata: tuple[Stratum, ...]
    examples: IntArray
    instances: IntArray
    tasks: tuple[str, ...]
    task_examples: IntArray
    task_empty: IntArray

    def __post_init__(self) -> None:
        of_labels, of_tasks = len(self.strata), len(self.tasks)
        sizes = {"examples": of_labels, "instances": of_labels, "task_examples": of_tasks, "task_empty": of_tasks}
        for name, size in sizes.items():
            values = np.array(getattr(self, name))
            is_integer = values.size == 0 or np.issubdtype(values.dtype, np.integer)
            if values.shape != (size,) or not is_integer or (values < 0).any():
                message = f"`{name}` must be {size} integers of at least 0, found {values.tolist()}."
                raise PlanError("bad-counts", message)
            object.__setattr__(self, name, read_only(values.astype(np.int64)))
        if list(self.tasks) != sorted(set(self.tasks)) or list(self.strata) != sorted(set(self.strata)):
            message = "`tasks` and `strata` must be sorted without duplicates. Make the census with `LabelSets`."
            raise PlanError("unsorted-strata", message)
        unknown = sorted({stratum.task for stratum in self.strata} - set(self.tasks))
        if unknown:
            raise PlanError("unknown-task", f"`strata` must be of the tasks {list(self.tasks)}, found {unknown}.")
        labelled = (self.task_examples - self.task_empty)[self.task_of_label]
        problem = ""
        if (self.task_empty > self.task_examples).any() or (self.examples > labelled).any():
            problem = "be in at most as many examples as its task has with labels, found more"
        elif (self.instances < self.examples).any() or ((self.examples == 0) & (self.instances > 0)).any():
            problem = "have at least as many instances as examples, and none without examples"
        if problem:
            raise PlanError("bad-counts", f"a label must {problem}.")

    @cached_property
    def task_of_label(self) -> IntArray:
        """The position in `tasks` of each label's task."""
        numbers = {task: number for number, task in enumerate(self.tasks)}
        return np.array([numbers[stratum.task] for stratum in self.strata], dtype=np.int64)

    @cached_property
    def imbalance_ratios(self) -> FloatArray:
        """IRLbl of each label: the examples of its task's most frequent label over its own; 0 without examples."""
        return imbalance_ratios(self.examples.astype(np.float64), self.task_of_label)

    def span(self, task: str) -> slice:
        """Return the slice of a task in `strata`: its labels are contiguous."""
        place = self._place(task)
        first, last = np.searchsorted(self.task_of_label, [place, place + 1]).tolist()
        return slice(first, last)

    def cardinality(self, task: str) -> float:
        """Return the mean number of labels of an example."""
        n = int(self.task_examples[self._place(task)])
        return float(self.examples[self.span(task)].sum() / n) if n else 0.0

    def density(self, task: str) -> float:
        """Return the cardinality over the number of labels: the mean share of examples that have a label."""
        span = self.span(task)
        n_labels = span.stop - span.start
        return self.cardinality(task) / n_labels if n_labels else 0.0

    def mean_imbalance(self, task: str) -> float:
        """Return MeanIR, the mean imbalance ratio of the labels that have examples; 1 is balanced."""
        ratios = self.imbalance_ratios[self.span(task)]
        return float(ratios[ratios > 0].mean()) if ratios.any() else 1.0

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return {task: {"examples": n, "empty": n, "labels": {label: [examples, instances]}}}."""
        labels, tasks = self._cells()
        return {
            task: {"examples": int(n), "empty": int(empty)}
            | {"labels": {stratum.label: labels[stratum].tolist() for stratum in self.strata[self.span(task)]}}
            for task, (n, empty) in tasks.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Mapping[str, Any]]) -> MultiLabelCensus:
        """Make a census from the value of `to_dict`."""
        labels = {Stratum(task, label): counts for task, of in values.items() for label, counts in of["labels"].items()}
        return cls._from_cells(labels, {task: (of["examples"], of["empty"]) for task, of in values.items()})

    def __repr__(self) -> str:
        examples = int(self.task_examples.sum())
        return f"MultiLabelCensus({examples:,} examples, {len(self.tasks)} tasks, {len(self.strata)} labels)"

    def __add__(self, other: MultiLabelCensus) -> MultiLabelCensus:
        """Merge two censuses of different examples: the counts of equal labels and tasks are summed."""
        labels, tasks = (
            {name: ours.get(name, 0) + theirs.get(name, 0) for name in ours | theirs}
            for ours, theirs in zip(self._cells(), other._cells(), strict=True)
        )
        return self._from_cells(labels, tasks)

    def _cells(self) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Return the two counts of each label, and of each task."""
        labels, tasks = np.stack([self.examples, self.instances]).T, np.stack([self.task_examples, self.task_empty]).T
        return dict(zip(self.strata, labels, strict=True)), dict(zip(self.tasks, tasks, strict=True))

    @classmethod
    def _from_cells(cls, labels: Mapping[Stratum, Any], tasks: Mapping[str, Any]) -> MultiLabelCensus:
        strata, names = tuple(sorted(labels)), tuple(sorted(tasks))
        examples, instances = np.array([labels[stratum] for stratum in strata]).reshape(-1, 2).T
        task_examples, task_empty = np.array([tasks[name] for name in names]).reshape(-1, 2).T
        return cls(strata, examples, instances, names, task_examples, task_empty)

    def _place(self, task: str) -> int:
        if task not in self.tasks:
            raise PlanError("unknown-task", f"`task` must be one of {', '.join(self.tasks)}, found {task!r}.")
        return self.tasks.index(task)


def imbalance_ratios(amounts: FloatArray, task_of_label: IntArray) -> FloatArray:
    """Return the largest amount of a label's task over the label's own; 0 where it has none."""
    largest = np.zeros(int(task_of_label.max()) + 1 if task_of_label.size else 0)
    np.maximum.at(largest, task_of_label, amounts)
    return np.divide(largest[task_of_label], amounts, out=np.zeros(len(amounts)), where=amounts > 0)
