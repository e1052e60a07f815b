"""Shares inside the tasks: the weights of a census's examples, normalised task by task."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from equipoise.census import Census
from equipoise.errors import PlanError
from equipoise.weights import ClassWeights, Natural


def label_shares(census: Census, weights: ClassWeights | Mapping[str, ClassWeights]) -> npt.NDArray[np.float64]:
    """Return the share of each stratum in its task: n_c w_c / sum_k n_k w_k.

    Parameters
    ----------
    census : Census
        The counts.
    weights : ClassWeights or mapping of str to ClassWeights
        One scheme, or one per task; "*" is the scheme of the tasks that are not named.

    Returns
    -------
    ndarray of float64, shape (S,)
        Shares that sum to 1 in each task with examples; all 0 in a task without.

    Raises
    ------
    PlanError
        If a task has no scheme, a scheme names a task that does not exist or has another scheme, or all weights of a
        task are 0.

    Examples
    --------
    >>> from equipoise.weights import InverseFrequency
    >>> census = Census.from_counts({"mood": {"sad": 900, "glad": 100}, "topic": 50})
    >>> label_shares(census, InverseFrequency()).tolist()
    [0.5, 0.5, 1.0]
    """
    schemes = scheme_of_each_task(census.tasks, weights)
    _check_open_tasks(census, weights)
    check_named_tasks(schemes, weights)
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


def scheme_of_each_task(
    tasks: Sequence[str], weights: ClassWeights | Mapping[str, ClassWeights]
) -> dict[str, ClassWeights]:
    """Return the scheme of each task; a PlanError if one has none or `weights` names an unknown task."""
    if isinstance(weights, ClassWeights):
        return dict.fromkeys(tasks, weights)
    unknown = sorted(set(weights) - {*tasks, "*"})
    if unknown:
        raise PlanError("unknown-task", f"`weights` must name tasks of {list(tasks)} or '*', found {unknown}.")
    schemes: dict[str, ClassWeights] = {}
    for task in tasks:
        scheme = weights.get(task, weights.get("*"))
        if scheme is None:
            raise PlanError(
                "missing-task",
                f"`weights` has no scheme for task {task!r}. Add it, or '*' for the tasks that are not named.",
            )
        schemes[task] = scheme
    return schemes


def _check_open_tasks(census: Census, weights: ClassWeights | Mapping[str, ClassWeights]) -> None:
    if isinstance(weights, ClassWeights):
        return
    for task, scheme in weights.items():
        if task != "*" and not census.labels(task) and scheme != Natural():
            raise PlanError(
                "open-ended-task",
                f"task {task!r} is open-ended: it has no labels to weigh, found {scheme}. Remove it.",
            )


def check_named_tasks(schemes: Mapping[str, ClassWeights], weights: ClassWeights | Mapping[str, ClassWeights]) -> None:
    """Raise a PlanError if a scheme names a task that does not exist, or that has another scheme."""
    for scheme in [weights] if isinstance(weights, ClassWeights) else weights.values():
        for task in sorted(scheme.named_tasks):
            if task not in schemes:
                raise PlanError("unknown-task", f"{scheme} names task {task!r}, expected one of {list(schemes)}.")
            if schemes[task] is not scheme:
                raise PlanError(
                    "conflicting-weights",
                    f"{scheme} names task {task!r}, whose scheme is {schemes[task]}. Keep one of the two.",
                )
