"""Limits of passes: one number, or one for each task or label, resolved to one per stratum."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.base.registry import suggest
from equipoise.base.schemes import checked_names, checked_number
from equipoise.census import Stratum
from equipoise.errors import PlanError
from equipoise.rates.base import FloatArray

Passes = float | Mapping[str, float | Mapping[str, float]]
"""One number, or {task: number}, or {task: {label: number}}; "*" is the rest, which without it has no limit."""

REST = "*"
ROUNDING = 1 + 1e-9  # a stratum filled up to `max_passes` does not exceed it
_HINT = "Give a number of passes such as 20, or map tasks to numbers; infinity is no limit."
_SHOWN = 10  # known names in a message


def limits_of(name: str, passes: Passes, strata: Sequence[Stratum]) -> FloatArray:
    """Return the limit of each stratum, infinity where it has none.

    Parameters
    ----------
    name : str
        The argument, for messages.
    passes : float, or mapping of str to float or to mapping of str to float
        As `Plan.build` takes it.
    strata : sequence of Stratum, length S
        What is limited.

    Returns
    -------
    ndarray of float64, shape (S,)

    Raises
    ------
    PlanError
        If a limit is not a number above 0, or a task or label does not exist.

    Examples
    --------
    >>> strata = [Stratum("mood", "glad"), Stratum("mood", "sad"), Stratum("topic", None)]
    >>> limits_of("max_passes", {"mood": {"sad": 20}, "*": 4}, strata).tolist()
    [inf, 20.0, 4.0]
    """
    if not isinstance(passes, Mapping):
        return np.full(len(strata), _checked(name, passes))
    labels: dict[str, set[str | None]] = {}
    for task, label in strata:
        labels.setdefault(task, set()).add(label)
    found = {task: _of_task(name, task, given, labels) for task, given in _named(name, passes).items()}
    rest = found.get(REST, {REST: math.inf})

    def limit(stratum: Stratum) -> float:
        of_task = found.get(stratum.task, rest)
        return of_task.get(stratum.label, of_task[REST])

    return np.array([limit(stratum) for stratum in strata], np.float64)


def limit_advice(most: float, draws: int, of_a_task: float, of_all: float, allowed: float) -> str:
    """Say how labels are limited to some passes.

    Parameters
    ----------
    most : float
        The passes.
    draws : int
        The number of draws.
    of_a_task, of_all : float
        The passes over the task that has the most, and over all tasks.
    allowed : float
        More passes are an error.
    """
    if of_a_task <= most * ROUNDING:
        return f"`max_passes={most:g}` (`--max-passes {most:g}`) sets a limit."
    least, fitting = math.ceil(of_a_task), int(draws * most * ROUNDING / of_a_task)
    spread = f"with `--rates unimax:{most:g}`, or " if of_all <= most else ""
    lowest = f"; at these rates and draws the lowest is `max_passes={least}` (`--max-passes {least}`)"
    return f"A limit of {most:g} fits {spread}in at most {fitting:,} draws{lowest if least <= allowed else ''}."


def text_of(passes: Passes) -> str:
    """Return limits for people, as in 4, or {'*': 4, 'rare': {'yes': 20}}."""
    if not isinstance(passes, Mapping):
        return f"{passes:g}"
    return "{" + ", ".join(f"{key!r}: {text_of(each)}" for key, each in sorted(passes.items())) + "}"


def _of_task(name: str, task: str, given: Any, known: Mapping[str, set[str | None]]) -> dict[str | None, float]:
    """Return the limits of the labels of a task, and as "*" that of the others."""
    if task != REST and task not in known:
        raise PlanError("unknown-task", f"`{name}` names {task!r}, which is not a task.{_near(task, known, 'Tasks')}")
    place = f"{name}[{task!r}]"
    if not isinstance(given, Mapping) or task == REST:
        return {REST: _checked(place, given)}
    labels = {label for label in known[task] if label is not None}
    if not labels:
        message = f"`{name}` names labels of {task!r}, an open-ended task. Give one number for all of the task."
        raise PlanError("open-ended-task", message)
    limits: dict[str | None, float] = {REST: math.inf}
    for label, value in _named(place, given).items():
        if label != REST and label not in labels:
            near = _near(label, labels, "Labels")
            raise PlanError("unknown-label", f"`{name}` names {label!r}, which is not a label of {task!r}.{near}")
        limits[label] = _checked(f"{place}[{label!r}]", value)
    return limits


def _named(name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    if not values:
        raise PlanError("no-limits", f"`{name}` must name at least one limit, found {{}}. {_HINT}")
    checked_names(name, values)
    return values


def _checked(name: str, value: Any) -> float:
    return value if isinstance(value, float) and value == math.inf else checked_number(name, value, above=0, hint=_HINT)


def _near(name: str, known: Iterable[str], what: str) -> str:
    names = sorted(known)
    shown = ", ".join(map(repr, names[:_SHOWN])) + (", ..." if names[_SHOWN:] else "")
    return f"{suggest(name, names)} {what}: {shown}; '*' is the rest."
