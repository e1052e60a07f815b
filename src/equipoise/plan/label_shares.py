"""Shares inside the tasks: the weights of a census's examples, normalised task by task."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.census import Census
from equipoise.errors import PlanError, PlanWarning
from equipoise.weights import ClassWeights, Natural, Power
from equipoise.weights.base import FloatArray

Weights = ClassWeights | Mapping[str, ClassWeights]
"""One scheme, or one per task; "*" is the scheme of the tasks that are not named."""
WeightsOrNames = ClassWeights | str | Mapping[str, Any]
"""The same with string forms of schemes, or their mappings of `name` and options."""


def label_shares(census: Census, weights: Weights) -> FloatArray:
    """Return the share of each stratum in its task: n_c w_c / sum_k n_k w_k.

    The shares, of shape (S,), sum to 1 in each task with examples; they are all 0 in a task without.

    Raises
    ------
    PlanError
        If the schemes are not as `scheme_of_each_task` wants them, or all weights of a task are 0.

    Examples
    --------
    >>> from equipoise.weights import InverseFrequency
    >>> census = Census.from_counts({"mood": {"sad": 900, "glad": 100}, "topic": 50})
    >>> label_shares(census, InverseFrequency()).tolist()
    [0.5, 0.5, 1.0]
    """
    schemes = scheme_of_each_task(census.tasks, weights)
    shares = np.zeros(len(census.strata))
    for task, scheme in schemes.items():
        span = census.span(task)
        counts = census.counts[span]
        if not counts.any():
            continue
        if not census.labels(task):
            shares[span] = 1.0  # open-ended: one stratum
            continue
        w = scheme(counts, census.labels(task), task)
        if not w.any():
            raise PlanError("zero-weights", f"a weight of task {task!r} must be above 0, found only 0 from {scheme}.")
        masses = counts * (w / w.max())
        shares[span] = masses / math.fsum(masses)
    return shares


def check_open_ended(census: Census, weights: Weights, name: str = "weights", *, stacklevel: int = 3) -> None:
    """Refuse class weights that name an open-ended task or find no labels in any task; warn if they skip some tasks.

    Weights for all tasks weigh those that have labels; a warning names the others, unless they are named as natural.
    The natural and the square-root weights, which is what is used if none are chosen, fit tasks without labels too.

    Raises
    ------
    PlanError
        If a scheme, or the key of one, names an open-ended task, or all tasks are open-ended.

    Warns
    -----
    PlanWarning
        If weights for all tasks find open-ended ones, with the code "open-ended-task".
    """
    unlabelled = [task for task in census.tasks if not census.labels(task)]
    given = weights if isinstance(weights, Mapping) else {"*": weights}
    for task in unlabelled:
        named = [given[task]] if task != "*" and given.get(task, Natural()) != Natural() else []
        for scheme in [*named, *(each for each in given.values() if task in each.named_tasks)]:
            message = f"task {task!r} is open-ended: it has no labels to weigh, found {scheme} in `{name}`. Remove it."
            raise PlanError("open-ended-task", message)
    scheme = given.get("*", Natural())
    skipped = [task for task in unlabelled if task == "*" or task not in given]
    if not skipped or scheme in (Natural(), Power(0.5)) or scheme.named_tasks:
        return
    shown = f"{', '.join(skipped[:5])}{', ...' if skipped[5:] else ''}"
    if unlabelled == list(census.tasks):
        raise PlanError(
            "open-ended-task",
            f"`{name}` has no labels to weigh, found {scheme}: all tasks are open-ended ({shown}). If their targets are"
            " labels, do not name them in `open_ended_tasks` (in a configuration: `tasks.NAME.kind: classification`);"
            " if not, use natural weights.",
        )
    message = (
        f"`{name}` of {scheme} has no labels to weigh in the open-ended tasks {shown} ({len(skipped)} of"
        f" {len(census.tasks)} tasks), whose examples are drawn uniformly. If that is meant, say so: {name}="
        f"{{'*': ..., {skipped[0]!r}: 'natural'{', ...' if skipped[1:] else ''}}}. If their targets are labels, count"
        " them with their labels."
    )
    warnings.warn(PlanWarning("open-ended-task", message), stacklevel=stacklevel)


def class_weights(weights: WeightsOrNames) -> Weights:
    """Return class weights, with the string forms of schemes replaced by the schemes.

    A mapping whose `name` is a string is one scheme, as `ClassWeights.to_dict` returns it, and no task.
    """
    if isinstance(weights, Mapping) and not isinstance(weights.get("name"), str):
        return {task: ClassWeights.of(scheme) for task, scheme in weights.items()}
    return ClassWeights.of(weights)


def scheme_of_each_task(tasks: Sequence[str], weights: Weights) -> dict[str, ClassWeights]:
    """Return the scheme of each task.

    Raises
    ------
    PlanError
        If a task has no scheme, `weights` names an unknown task, or a scheme names a task that does not exist or has
        another scheme.
    """
    if isinstance(weights, ClassWeights):
        schemes = dict.fromkeys(tasks, weights)
    else:
        unknown = sorted(set(weights) - {*tasks, "*"})
        if unknown:
            raise PlanError("unknown-task", f"`weights` must name tasks of {list(tasks)} or '*', found {unknown}.")
        schemes: dict[str, ClassWeights] = {}
        for task in tasks:
            scheme = weights.get(task, weights.get("*"))
            if scheme is None:
                hint = "Add it, or '*' for the tasks that are not named."
                raise PlanError("missing-task", f"`weights` has no scheme for task {task!r}. {hint}")
            schemes[task] = scheme
    for scheme in [weights] if isinstance(weights, ClassWeights) else weights.values():
        for task in sorted(scheme.named_tasks):
            found = schemes.get(task)
            if found is None:
                raise PlanError("unknown-task", f"{scheme} names task {task!r}, expected one of {list(schemes)}.")
            if found is not scheme:
                message = f"{scheme} names task {task!r}, whose scheme is {found}. Keep one of the two."
                raise PlanError("conflicting-weights", message)
    return schemes


def text_of_weights(weights: Weights) -> str:
    """Return class weights as text, for people."""
    if isinstance(weights, ClassWeights):
        return str(weights)
    return "{" + ", ".join(f"{task!r}: {scheme}" for task, scheme in sorted(weights.items())) + "}"
