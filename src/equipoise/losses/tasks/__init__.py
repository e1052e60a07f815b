"""Task weighting: one loss from the losses of several tasks, one method a file.

Each takes the sums of a whole step and returns the coefficients of the tasks' totals before its first backward pass,
so the gradient is the same however the step is cut.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.base.registry import make
from equipoise.errors import ConfigError
from equipoise.losses.sums import sum_by_task
from equipoise.losses.tasks.base import TaskWeighting, means
from equipoise.losses.tasks.dwa import DWA
from equipoise.losses.tasks.famo import FAMO
from equipoise.losses.tasks.fixed import FixedWeights
from equipoise.losses.tasks.rlw import RLW
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


def task_weighting(
    chosen: str | Mapping[str, Any], tasks: Sequence[str], *, seed: int = 0, steps_per_epoch: int = 1
) -> TaskWeighting:
    """Make the task weighting that a configuration names.

    Parameters
    ----------
    chosen : str or mapping
        A name, or a mapping of `name` and options.
    tasks : sequence of str
        Names of the tasks, in the order of their numbers in a batch.
    seed : int
        The seed of those that draw numbers, unless `chosen` sets it.
    steps_per_epoch : int
        The epoch of those that average epochs, unless `chosen` sets it.

    Raises
    ------
    ConfigError
        If the name or an option is unknown, or an option is missing or out of its range.

    Examples
    --------
    >>> task_weighting({"name": "dwa", "temperature": 4}, ["mood", "topic"], steps_per_epoch=50).options
    {'steps_per_epoch': 50, 'temperature': 4.0}
    >>> task_weighting({"name": "gradients", "aggregator": "PCGrad"}, ["mood", "topic"]).options
    {'aggregator': 'PCGrad'}
    """
    defaults = {"seed": seed, "steps_per_epoch": steps_per_epoch}
    return make(TaskWeighting, chosen, "task weightings", ConfigError, tasks, defaults=defaults)
