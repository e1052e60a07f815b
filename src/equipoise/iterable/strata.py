"""Which stratum an example of a stream belongs to, and the counts of strata."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.census import Census
from equipoise.census.labels import plain_label
from equipoise.errors import DataError
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.source import SourceStream

StratumOf = Callable[[Any], tuple[str, str | None]]
"""Returns the task and the label of an example. The label of an open-ended task is ignored."""


@dataclass(frozen=True, slots=True)
class StratumColumns:
    """Task and label of an example that is a mapping.

    Parameters
    ----------
    label : str, optional
        Column of the label: a string, an integer, a boolean or a float, which become strings as in
        `Census.from_labels`. None where no task has labels.
    column : str
        Column of the task's name.
    task : str, optional
        The name, where all examples are of one task; then the column is ignored.
    names : sequence of str, optional
        The names of the labels that are integers, as in `features["label"].names` of a Hugging Face dataset. With them,
        -1 (no label) is an error, as is any other integer without a name.

    Examples
    --------
    >>> StratumColumns("target")({"task": "mood", "input": "what a day", "target": "glad"})
    ('mood', 'glad')
    >>> StratumColumns("label", task="mood")({"text": "what a day", "label": 1})
    ('mood', '1')
    >>> StratumColumns("label", task="mood", names=["sad", "glad"])({"text": "what a day", "label": 1})
    ('mood', 'glad')
    """

    label: str | None = "target"
    column: str = "task"
    task: str | None = None
    names: Sequence[str] | None = None

    def __call__(self, example: Mapping[str, Any]) -> tuple[str, str | None]:
        """Return task and label of an example; DataError if a column is missing or the label no string or number."""
        try:
            task = example[self.column] if self.task is None else self.task
            label = None if self.label is None else example[self.label]
        except (KeyError, TypeError, IndexError):
            raise DataError(
                "missing-column",
                f"An example lacks the column {self.label!r} or {self.column!r}: {example!r:.120}. "
                "Name the columns in StratumColumns, or pass your own function.",
            ) from None
        if self.names is not None and (type(label) is int or isinstance(label, np.integer)):
            label = self._name(int(label))
        label = plain_label(label)
        if not isinstance(task, str) or not (label is None or isinstance(label, str)):
            message = f"Task and label must be strings (labels also numbers), found {task!r:.60} and {label!r:.60}."
            raise DataError("not-a-string", message)
        return task, label

    def _name(self, label: int) -> str:
        names = self.names or ()
        if not 0 <= label < len(names):
            message = f"Labels must be positions of the {len(names)} `names`, found {label} (-1 means no label)."
            raise DataError("unknown-label", f"{message} Filter the rows without a label.")
        return names[label]


def count_strata(source: Source | Parts, stratum_of: StratumOf, open_ended_tasks: Collection[str] = ()) -> Census:
    """Read a source once and count its strata; a plan is built from the census.

    Parameters
    ----------
    source : Source or Parts
    stratum_of : callable
        Returns the task and the label of an example; `StratumColumns` is one.
    open_ended_tasks : collection of str
        Tasks that are one stratum, whatever their labels.

    Returns
    -------
    Census

    Examples
    --------
    >>> source = [{"label": "no"}] * 3 + [{"label": "yes"}]
    >>> count_strata(source, StratumColumns("label", task="triage")).counts.tolist()
    [3, 1]
    """
    found = Counter(
        (task, None if task in open_ended_tasks else label) for task, label in map(stratum_of, SourceStream(source))
    )
    for task in {task for task, label in found if label is None} & {task for task, label in found if label is not None}:
        message = f"Some examples of task {task!r} have a label and some have none. Name it in `open_ended_tasks`."
        raise DataError("labels-and-none", message)
    return Census.from_cells(found)
