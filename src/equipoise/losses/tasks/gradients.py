"""Gradient methods (UPGrad, PCGrad, CAGrad, MGDA, ...) of torchjd: the tasks' gradients aggregated into one."""
# ruff: noqa: ARG002 - the signatures of Gradients are those of TaskWeighting

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equipoise.base.registry import suggest
from equipoise.errors import ConfigError, StateError
from equipoise.losses.tasks.base import FloatArray, TaskWeighting

INSTALL = 'pip install "equipoise[gradients]"'


class GradientMethod:
    r"""One update from the gradients of several losses, by an aggregator of torchjd.

    The Jacobian of the tasks' losses, one row for each task, is filled by one backward pass for each task and
    aggregated into `.grad`: K backward passes a step instead of one, and K gradients in memory.

    Rows of micro-batches add up before they are aggregated. So accumulation is exact if `losses` are shares of the
    step's losses, each total divided by the sum of the weights of its task in the whole step.

    Parameters
    ----------
    aggregator : str
        A class of `torchjd.aggregation`: UPGrad, PCGrad, CAGrad, MGDA, AlignedMTL, IMTLG, NashMTL, ...
    **options : object
        Its arguments; a list becomes a tensor.

    Attributes
    ----------
    keeps_state : bool
        Whether the aggregator depends on earlier steps, as NashMTL and GradVac do; torchjd cannot save them.

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
            from torchjd import Stateful, aggregation, autojac  # an optional extra
        except ImportError as error:
            raise ConfigError("not-installed", f"Gradient methods need torchjd. Install it: {INSTALL}") from error
        known = {
            name: found
            for name, found in vars(aggregation).items()
            if inspect.isclass(found) and issubclass(found, aggregation.Aggregator) and not inspect.isabstract(found)
        }
        if aggregator not in known:
            raise ConfigError(
                "unknown-name",
                f"`aggregator` must be a class of torchjd.aggregation, found {aggregator!r}."
                f"{suggest(aggregator, known)} Known: {', '.join(sorted(known))}.",
            )
        values = {key: torch.tensor(value) if isinstance(value, list) else value for key, value in options.items()}
        try:
            self._aggregator: Any = known[aggregator](**values)
        except (ImportError, TypeError, ValueError) as error:
            raise ConfigError("bad-option", f"{aggregator} cannot be made of the options {options}: {error}") from error
        self._autojac = autojac  # an optional extra
        self.keeps_state = any(isinstance(module, Stateful) for module in self._aggregator.modules())
        self.options = {"aggregator": aggregator, **options}

    def backward(self, losses: Tensor, parameters: Sequence[Tensor]) -> None:
        """Add the Jacobian, by the trained parameters, of a micro-batch's share of the losses.

        The losses, of shape (k,), are of the same tasks for all micro-batches of a step.
        """
        # One row at a time: vmap would need k times the activations, and does not know every operation.
        self._autojac.backward(losses, inputs=parameters, parallel_chunk_size=1)

    def finish(self, parameters: Sequence[Tensor]) -> None:
        """Aggregate the Jacobian, add the result to `.grad` of the same parameters and drop the Jacobian."""
        for module in self._aggregator.modules():  # torchjd leaves options, such as weights, where they were made
            for name, value in vars(module).items():
                if isinstance(value, Tensor):
                    setattr(module, name, value.to(parameters[0].device))
        self._autojac.jac_to_grad(parameters, self._aggregator)


class Gradients(TaskWeighting):
    """A gradient method instead of weights, on the mean losses of the tasks.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    aggregator, **options
        As for `GradientMethod`; a task that is not in a step has no row in its Jacobian.
    """

    name = "gradients"

    def __init__(self, tasks: Sequence[str], *, aggregator: str, **options: Any) -> None:
        super().__init__(tasks)
        self.method = GradientMethod(aggregator, **options)

    @property
    def options(self) -> dict[str, Any]:
        """The aggregator and its options."""
        return self.method.options

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return ones: the aggregator weighs."""
        return np.ones(len(self.tasks))

    def _load(self, state: Mapping[str, Any]) -> None:
        if self.method.keeps_state:
            raise StateError(
                "cannot-resume",
                f"{self.options['aggregator']} depends on earlier steps and torchjd cannot save them, so the run "
                "cannot be resumed. Start a new run, or use an aggregator without memory, such as UPGrad or PCGrad.",
            )
