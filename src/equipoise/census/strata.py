"""Strata, the cells (task, label) of a census, and the checks of a list of them with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from equipoise.base.values import ArrayValue
from equipoise.census.labels import plain_label
from equipoise.errors import PlanError

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


class Stratified(ArrayValue):
    """Base of a census and of a plan, whose strata are sorted by task."""

    strata: tuple[Stratum, ...]

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, sorted."""
        return tuple(self._spans)

    @cached_property
    def task_numbers(self) -> npt.NDArray[np.int64]:
        """The position in `tasks` of each stratum's task."""
        numbers = {task: number for number, task in enumerate(self.tasks)}
        return read_only(np.array([numbers[stratum.task] for stratum in self.strata], np.int64))

    def span(self, task: str) -> slice:
        """Return the slice of a task in `strata`: its strata are contiguous."""
        if task not in self._spans:
            raise PlanError("unknown-task", f"`task` must be one of {', '.join(self.tasks)}, found {task!r}.")
        return self._spans[task]

    @cached_property
    def _spans(self) -> dict[str, slice]:
        sizes = Counter(stratum.task for stratum in self.strata)
        ends = accumulate(sizes.values())
        return {task: slice(end - size, end) for (task, size), end in zip(sizes.items(), ends, strict=True)}


def names_of(strata: Sequence[Stratum]) -> list[str]:
    """Name strata in a picture: by label, with the task before it where there are several.

    Examples
    --------
    >>> names_of([Stratum("mood", "sad"), Stratum("topic", None)]), names_of([Stratum("mood", "sad")])
    (['mood: sad', 'topic'], ['sad'])
    """
    alone = len({stratum.task for stratum in strata}) == 1
    return [task if label is None else label if alone else f"{task}: {label}" for task, label in strata]


def read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array itself, which can no longer be written."""
    values.setflags(write=False)
    return values


def plain_stratum(task: Any, label: Any) -> Stratum:
    """Make a stratum of Python strings, converting what `plain_label` converts, or raise a PlanError."""
    name, text = plain_label(task), plain_label(label)
    if isinstance(label, str) and text is None:
        message = f"a label must not be blank, found {label!r} of task {name!r}. Name the class, or leave out its rows."
        raise PlanError("blank-label", message)
    if not isinstance(name, str) or not isinstance(text, str | None):
        raise PlanError("not-a-string", f"a task and a label must be strings, found {task!r}, {label!r}. Use str().")
    return Stratum(name, text)


def stratum_order(stratum: Stratum) -> tuple[str, bool, str]:
    """Key by which strata are sorted: by task, then by label, None first."""
    return stratum.task, stratum.label is not None, stratum.label or ""


def checked_strata(
    strata: Sequence[Stratum], counts: npt.ArrayLike
) -> tuple[tuple[Stratum, ...], npt.NDArray[np.int64]]:
    """Return strata and counts as a tuple and a read-only int64 copy, or raise a PlanError."""
    cells = tuple(plain_stratum(*stratum) for stratum in strata)
    values: list[Any] = np.asarray(counts, dtype=object).tolist()
    if len(values) != len(cells):
        message = f"`counts` must have one value per stratum, found {len(values)} for {len(cells)}."
        raise PlanError("wrong-length", message)
    for before, after in pairwise(cells):
        if stratum_order(before) >= stratum_order(after):
            message = f"`strata` must be sorted without duplicates, found {before} before {after}."
            raise PlanError("unsorted-strata", message)
        if before.task == after.task and before.label is None:
            raise PlanError(
                "mixed-task",
                f"task {before.task!r} must either have labels or be open-ended, found the label"
                f" {after.label!r} beside None. Name it as an open-ended task, give every"
                ' example a label, or leave out those without (where rows are counted, `missing_labels="skip"` does).',
            )
    for stratum, n in zip(cells, values, strict=True):
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise PlanError("not-an-integer", f"the count of {stratum} must be an integer of at least 0, found {n!r}.")
    if sum(map(int, values)) > MOST_EXAMPLES:
        raise PlanError("too-many-examples", f"a census holds at most 2**53 examples, found {sum(values)}.")
    return cells, read_only(np.array(values, dtype=np.int64))
