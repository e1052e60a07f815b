"""Tasks against tasks: one loss from the losses of several tasks, one way a file.

Each takes the totals and masses of a whole step and gives the coefficients of the tasks' totals before its first
backward pass, so the gradient is the same however the step is cut.
"""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.errors import ConfigError
from equipoise.losses.tasks.base import TaskWeighting, means
from equipoise.losses.tasks.dwa import DWA
from equipoise.losses.tasks.famo import FAMO
from equipoise.losses.tasks.fixed import FixedWeights
from equipoise.losses.tasks.rlw import RLW
from equipoise.losses.tasks.sums import sum_by_task
from equipoise.losses.tasks.total import Sum
from equipoise.losses.tasks.uncertainty import Uncertainty

__all__ = [
    "DWA",
    "FAMO",
    "RLW",
    "FixedWeights",
    "Sum",
    "TaskWeighting",
    "Uncertainty",
    "means",
    "sum_by_task",
    "task_weighting",
]

KNOWN: Mapping[str, type[TaskWeighting]] = {
    known.name: known for known in (Sum, FixedWeights, Uncertainty, DWA, RLW, FAMO)
}


def task_weighting(
    chosen: str | Mapping[str, Any], tasks: Sequence[str], *, seed: int = 0, steps_per_epoch: int = 1
) -> TaskWeighting:
    """Make what a configuration names.

    Parameters
    ----------
    chosen : str or mapping
        A name, or a mapping of `name` and options.
    tasks : sequence of str
        Names of the tasks, in the order of their numbers in a batch.
    seed : int
        For those that draw numbers, where `chosen` says nothing.
    steps_per_epoch : int
        For those that average epochs, where `chosen` says nothing.

    Returns
    -------
    TaskWeighting

    Raises
    ------
    ConfigError
        If the name or an option is unknown, or an option is missing or out of its range.

    Examples
    --------
    >>> task_weighting({"name": "dwa", "temperature": 4}, ["mood", "topic"], steps_per_epoch=50).options
    {'steps_per_epoch': 50, 'temperature': 4.0}
    """
    given = dict(chosen) if isinstance(chosen, Mapping) else {"name": chosen}
    name = given.pop("name", None)
    if not isinstance(name, str) or name not in KNOWN:
        near = difflib.get_close_matches(str(name), KNOWN, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"`task_weighting` must be one of {', '.join(KNOWN)}, or gradients in a Trainer; found {name!r}.{hint}"
        )
    parameters = inspect.signature(KNOWN[name]).parameters
    accepted = {key: option for key, option in parameters.items() if option.kind is option.KEYWORD_ONLY}
    unknown = sorted(set(given) - set(accepted))
    if unknown:
        raise ConfigError(f"`task_weighting` {name} takes {', '.join(accepted) or 'no options'}, found {unknown[0]!r}.")
    options = {"seed": seed, "steps_per_epoch": steps_per_epoch}
    options = {key: value for key, value in options.items() if key in accepted} | given
    missing = [key for key, option in accepted.items() if option.default is option.empty and key not in options]
    if missing:
        raise ConfigError(f"`task_weighting` {name} needs `{missing[0]}`: {{name: {name}, {missing[0]}: ...}}.")
    try:
        return KNOWN[name](tasks, **options)
    except ConfigError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"`task_weighting` {name} cannot be made of the options {options!r:.200}: {error}."
        ) from error
