"""The base of task weightings: the loss of one step from the sums of each task, and the saved state."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.base.registry import options_of
from equipoise.base.states import check_state, differences
from equipoise.errors import ConfigError, StateError

FloatArray = NDArray[np.float64]


class TaskWeighting(ABC):
    r"""One loss of a step from the losses of several tasks.

    Of all micro-batches and ranks of a step, task k has the total :math:`T_k = \sum_{i \in k} w_i S_i` and the sum
    of weights :math:`W_k = \sum_{i \in k} w_i`; its loss is :math:`L_k = T_k / W_k`. The step minimises

    .. math:: J = \sum_k c_k T_k, \qquad c_k = \lambda_k / W_k,

    where the weights :math:`\lambda_k` are constants in the backward pass. The sums :math:`W_k` need no model, so the
    coefficients :math:`c_k` are known before the first backward pass and every micro-batch on every rank adds its
    exact share of the gradient. A task without weight in a step has the coefficient 0.

    To write your own, subclass it in a file of this package or in your own code, with a `name` and keyword-only
    options: `task_weighting` then finds it.

    The order of a step: `coefficients`; forward and backward passes; `update`, if `follows_losses`; the
    optimiser; `after_step`, if `needs_losses`.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks; every array here has one number for each, in this order.

    Attributes
    ----------
    name : str
        The name in a configuration.
    follows_losses : bool
        Whether `update` must be called with the sums of every step.
    needs_losses : bool
        Whether the weights depend on the losses of the step itself: `weights` and `coefficients` take them, and
        `after_step` takes those of the same examples after the optimiser's step.
    """

    name: ClassVar[str]
    follows_losses: ClassVar[bool] = False
    needs_losses: ClassVar[bool] = False

    def __init__(self, tasks: Sequence[str]) -> None:
        if not tasks:
            raise ConfigError("no-tasks", "`tasks` must name at least one task, found none.")
        self.tasks = tuple(tasks)

    @abstractmethod
    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return the weight of each task's mean loss in a step.

        Parameters
        ----------
        step : int
            Optimiser steps done before this one.
        weight_sums : ndarray of float64, shape (K,)
            Sum of the weights of each task's rows in the whole step.
        losses : ndarray of float64, shape (K,), optional
            The losses of this step, NaN for a task that is not in it; for those with `needs_losses`.

        Returns
        -------
        ndarray of float64, shape (K,)
        """

    def coefficients(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return the factors of the tasks' totals.

        Parameters
        ----------
        step, weight_sums, losses
            As in `weights`.

        Returns
        -------
        ndarray of float64, shape (K,)
            0 for a task that is not in the step.
        """
        weights = self.weights(step, weight_sums, losses)
        return np.divide(weights, weight_sums, out=np.zeros(len(self.tasks)), where=weight_sums > 0)

    def update(self, totals: FloatArray, weight_sums: FloatArray) -> None:  # noqa: B027 - most keep nothing
        """Take in the sums of the whole step, after the backward passes and before the optimiser.

        Parameters
        ----------
        totals, weight_sums : ndarray of float64, shape (K,)
            Over all micro-batches and ranks.
        """

    def after_step(self, losses: FloatArray) -> None:  # noqa: B027 - most look only back
        """Take in the losses of the step's examples, computed again after the optimiser's step.

        Parameters
        ----------
        losses : ndarray of float64, shape (K,)
            NaN for a task that is not in the step.
        """

    def parameters(self) -> list[nn.Parameter]:
        """Return what the optimiser of the model trains as well; `update` sets the gradients.

        Put them in a separate parameter group, without weight decay.
        """
        return []

    @property
    def options(self) -> dict[str, Any]:
        """The options by name, as JSON values; by default the attributes of their names."""
        return {name: getattr(self, name) for name in options_of(type(self), arguments=1)}

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs, as JSON values."""
        kept = {name: _plain(getattr(self, f"_{name}")) for name in self._fields()}
        return {"name": self.name, "tasks": list(self.tasks), "options": self.options, "state": kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a saved state.

        Parameters
        ----------
        state : mapping
            A value returned by `state_dict`, of an object of the same class, tasks and options.

        Raises
        ------
        StateError
            If it is of another weighting, or damaged; the message says what differs.
        """
        what = f"the task weighting {self.name}"
        check_state(
            state,
            what,
            {"name": str, "tasks": list[str], "options": Mapping[str, Any], "state": Mapping[str, Any]},
        )
        changes = differences(state, self.state_dict(), ["name", "tasks", "options"])
        if changes:
            raise StateError(
                "other-run",
                f"The saved task weighting is another one: {'; '.join(changes)}. "
                "Resume with the one that the run was started with, or start a new run.",
            )
        kept: Mapping[str, Any] = state["state"]
        check_state(kept, what, self._fields())
        try:
            json.dumps(kept, allow_nan=False)
        except ValueError:
            raise StateError(
                "damaged-state", f"The state of {what} must hold finite numbers, found {kept!r:.200}."
            ) from None
        self._load(kept)

    def _fields(self) -> Mapping[str, Any]:
        """Return the annotations of what a state keeps, the attributes of these names after an underscore.

        They are integers and arrays; see `equipoise.base.states.check_state`.
        """
        return {}

    def _load(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, f"_{name}", value if isinstance(value, int) else np.array(value, np.float64))

    @property
    def _one_each(self) -> Any:
        """The annotation of one number for each task."""
        return tuple[(float,) * len(self.tasks)]


def _plain(value: int | FloatArray) -> Any:
    return (
        value if isinstance(value, int) else np.where(np.isnan(value), np.array(None), value).tolist()
    )  # JSON has no NaN


def means(totals: FloatArray, weight_sums: FloatArray) -> FloatArray:
    """Divide totals by sums of weights.

    Parameters
    ----------
    totals, weight_sums : ndarray of float64, shape (K,)
        Of each task.

    Returns
    -------
    ndarray of float64, shape (K,)
        NaN where there is no weight.

    Examples
    --------
    >>> means(np.array([6.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [3.0, nan]
    """
    return np.divide(totals, weight_sums, out=np.full(len(totals), np.nan), where=weight_sums > 0)


def softmax(values: FloatArray) -> FloatArray:
    """Return exponentials that sum to one.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    raised = np.exp(values - values.max())
    return raised / raised.sum()
