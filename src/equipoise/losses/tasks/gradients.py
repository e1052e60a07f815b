"""Gradient methods (UPGrad, PCGrad, CAGrad, MGDA, ...) of torchjd: the tasks' gradients aggregated into one."""
# ruff: noqa: ARG002 - the signatures of Gradients are those of TasksLoss

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equipoise.errors import ConfigError, StateError
from equipoise.losses.tasks import TasksLoss, tasks_loss
from equipoise.losses.tasks.base import FloatArray

INSTALL = 'pip install "equipoise[gradients]"'


class GradientMethod:
    r"""One update from the gradients of several losses, by an aggregator of torchjd.

    The Jacobian of the tasks' losses, one row for each task, is filled by one backward pass for each task and
    aggregated into `.grad`: K backward passes a step instead of one, and K gradients in memory.

    Rows of micro-batches add up before they are aggregated. So accumulation is exact if `losses` are shares of the
    step's losses, each total divided by the mass of its task in the whole step.

    Parameters
    ----------
    aggregator : str
        A class of `torchjd.aggregation`: UPGrad, PCGrad, CAGrad, MGDA, AlignedMTL, IMTLG, NashMTL, ...
    **options : object
        Its arguments; a list becomes a tensor.

    Attributes
    ----------
    keeps_state : bool
        Whether the aggregator remembers earlier steps, as NashMTL and GradVac do; torchjd cannot save that.

    Raises
    ------
    ConfigError
        If torchjd or what the aggregator needs is not installed, or the aggregator or an option is unknown.

    References
    ----------
    Quinton and Rey (2024), "Jacobian Descent for Multi-Objective Optimization" (UPGrad and the package); Yu et al.
    (2020), "Gradient Surgery for Multi-Task Learning" (PCGrad).

    Examples
    --------
    Two gradients in conflict, (1, 0) and (-1, 1). Their sum (0, 1) does not help the first task; UPGrad does:

    >>> parameter = torch.zeros(2, requires_grad=True)
    >>> method = GradientMethod("UPGrad")
    >>> method.backward(torch.stack([parameter[0], parameter[1] - parameter[0]]), [parameter])
    >>> method.finish([parameter])
    >>> parameter.grad.round(decimals=3)
    tensor([0.2500, 0.7500])
    """

    def __init__(self, aggregator: str, **options: Any) -> None:
        try:
            from torchjd import Stateful, aggregation, autojac  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise ConfigError(f"Gradient methods need torchjd. Install it: {INSTALL}") from error
        known = {
            name: found
            for name, found in vars(aggregation).items()
            if inspect.isclass(found) and issubclass(found, aggregation.Aggregator) and not inspect.isabstract(found)
        }
        if aggregator not in known:
            near = difflib.get_close_matches(str(aggregator), known, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"`aggregator` must be a class of torchjd.aggregation, found {aggregator!r}.{hint} "
                f"Known: {', '.join(sorted(known))}."
            )
        values = {key: torch.tensor(value) if isinstance(value, list) else value for key, value in options.items()}
        try:
            self._aggregator: Any = known[aggregator](**values)
        except (ImportError, TypeError, ValueError) as error:
            raise ConfigError(f"{aggregator} cannot be made of the options {options}: {error}") from error
        self._autojac = autojac
        self.keeps_state = any(isinstance(module, Stateful) for module in self._aggregator.modules())
        self.options = {"aggregator": aggregator, **options}

    def backward(self, losses: Tensor, parameters: Sequence[Tensor]) -> None:
        """Add the Jacobian of a micro-batch's share of the losses.

        Parameters
        ----------
        losses : Tensor of shape (k,)
            The same tasks for all micro-batches of a step.
        parameters : sequence of Tensor
            Those that are trained.
        """
        # One row at a time: vmap would need k times the activations, and does not know every operation.
        self._autojac.backward(losses, inputs=parameters, parallel_chunk_size=1)

    def finish(self, parameters: Sequence[Tensor]) -> None:
        """Aggregate the Jacobian, add the result to `.grad` and drop the Jacobian.

        Parameters
        ----------
        parameters : sequence of Tensor
            As in `backward`.
        """
        self._autojac.jac_to_grad(parameters, self._aggregator)


class Gradients(TasksLoss):
    """A gradient method in the place of weights: the losses it is given are the tasks' mean losses.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    method : GradientMethod
        What aggregates their gradients; a task that is not in a step has no row in its Jacobian.
    """

    name = "gradients"

    def __init__(self, tasks: Sequence[str], method: GradientMethod) -> None:
        super().__init__(tasks)
        self.method = method

    @property
    def options(self) -> dict[str, Any]:
        """The aggregator and its options."""
        return self.method.options

    def weights(self, step: int, masses: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Give ones: the aggregator weighs."""
        return np.ones(len(self.tasks))

    def _load(self, state: Mapping[str, Any]) -> None:
        if self.method.keeps_state:
            raise StateError(
                f"{self.options['aggregator']} remembers earlier steps and torchjd cannot save that, so the run cannot "
                "be continued. Start a new run, or take an aggregator without memory, such as UPGrad or PCGrad."
            )


def tasks_loss_of(
    chosen: str | Mapping[str, Any], tasks: Sequence[str], *, seed: int = 0, steps_per_epoch: int = 1
) -> TasksLoss:
    """Make what `training.tasks_loss` of a configuration names, gradient methods included.

    Parameters
    ----------
    chosen : str or mapping
        As for `tasks_loss`; or `{"name": "gradients", "aggregator": "UPGrad"}` with options of the aggregator.
    tasks, seed, steps_per_epoch
        As for `tasks_loss`.

    Returns
    -------
    TasksLoss

    Raises
    ------
    ConfigError
        If it cannot be made, naming what is wrong.

    Examples
    --------
    >>> tasks_loss_of({"name": "gradients", "aggregator": "PCGrad"}, ["mood", "topic"]).options
    {'aggregator': 'PCGrad'}
    """
    given = dict(chosen) if isinstance(chosen, Mapping) else {"name": chosen}
    if given.get("name") != Gradients.name:
        return tasks_loss(given, tasks, seed=seed, steps_per_epoch=steps_per_epoch)
    del given["name"]
    if "aggregator" not in given:
        raise ConfigError("`tasks_loss` gradients needs `aggregator`: {name: gradients, aggregator: UPGrad}.")
    return Gradients(tasks, GradientMethod(**given))
