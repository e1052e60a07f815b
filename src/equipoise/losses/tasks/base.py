"""What the ways to weigh tasks against tasks share: the loss of one step from sums and masses, and their state."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.errors import ConfigError, StateError

FloatArray = NDArray[np.float64]


class TaskWeighting(ABC):
    r"""One loss of a step from the losses of several tasks.

    Of all micro-batches and ranks of a step, task k has the total :math:`T_k = \sum_{i \in k} w_i S_i` and the mass
    :math:`M_k = \sum_{i \in k} w_i`; its loss is :math:`L_k = T_k / M_k`. The step minimises

    .. math:: J = \sum_k c_k T_k, \qquad c_k = \lambda_k / M_k,

    where the weights :math:`\lambda_k` are constants in the backward pass. The masses need no model, so the
    coefficients :math:`c_k` are known before the first backward pass and every micro-batch on every rank adds its
    exact share of the gradient. A task without mass in a step has the coefficient 0.

    The order of a step: `coefficients`; forward and backward passes; `update`, if `follows_losses`; the
    optimiser; `after_step`, if `needs_losses`.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks; every array here has one number for each, in this order.

    Attributes
    ----------
    name : str
        What a configuration calls it.
    follows_losses : bool
        Whether `update` has to be given the totals and masses of every step.
    needs_losses : bool
        Whether the weights depend on the losses of the step itself: `weights` and `coefficients` take them, and
        `after_step` takes those of the same examples after the optimiser's step.
    """

    name: ClassVar[str]
    follows_losses: ClassVar[bool] = False
    needs_losses: ClassVar[bool] = False

    def __init__(self, tasks: Sequence[str]) -> None:
        if not tasks:
            raise ConfigError("`tasks` must name at least one task, found none.")
        self.tasks = tuple(tasks)

    @abstractmethod
    def weights(self, step: int, masses: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Give the weight of each task's mean loss in a step.

        Parameters
        ----------
        step : int
            Optimiser steps done before this one.
        masses : array of float64 [K]
            Mass of each task in the whole step.
        losses : array of float64 [K], optional
            The losses of this step, NaN for a task that is not in it; for those with `needs_losses`.

        Returns
        -------
        array of float64 [K]
        """

    def coefficients(self, step: int, masses: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Give what each task's total is multiplied with.

        Parameters
        ----------
        step, masses, losses
            As in `weights`.

        Returns
        -------
        array of float64 [K]
            0 for a task that is not in the step.
        """
        weights = self.weights(step, masses, losses)
        return np.divide(weights, masses, out=np.zeros(len(self.tasks)), where=masses > 0)

    def update(self, totals: FloatArray, masses: FloatArray) -> None:  # noqa: B027 - most keep nothing
        """Take in the whole step's totals and masses, after the backward passes and before the optimiser.

        Parameters
        ----------
        totals, masses : array of float64 [K]
            Over all micro-batches and ranks.
        """

    def after_step(self, losses: FloatArray) -> None:  # noqa: B027 - most look only back
        """Take in the losses of the step's examples, computed again after the optimiser's step.

        Parameters
        ----------
        losses : array of float64 [K]
            NaN for a task that is not in the step.
        """

    def parameters(self) -> list[nn.Parameter]:
        """List what the optimiser of the model is to train as well; `update` fills in the gradients.

        Give them a parameter group of their own, without weight decay.
        """
        return []

    @property
    def options(self) -> dict[str, Any]:
        """What was chosen: options by name, as JSON values."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Give everything that a resumed run needs, as JSON values."""
        return {"name": self.name, "tasks": list(self.tasks), "options": self.options, "state": self._state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave.

        Parameters
        ----------
        state : mapping
            Of an object of the same class, tasks and options.

        Raises
        ------
        StateError
            Naming what differs.
        """
        here = {"name": self.name, "tasks": list(self.tasks), "options": self.options}
        if not isinstance(state, Mapping) or set(state) != {*here, "state"}:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise StateError(
                f"The state of a weighting of tasks must have the keys {', '.join(here)} and state, found "
                f"{state!r:.200}. Pass what `state_dict` returned."
            )
        for part, now in here.items():
            if state.get(part) != now:
                raise StateError(
                    f"`{part}` of the saved weighting of tasks must be {now!r}, found {state.get(part)!r:.200}. "
                    "Continue with what the run was started with, or start a new run."
                )
        kept, expected = state["state"], self._state()
        if not isinstance(kept, Mapping) or set(cast("Mapping[str, Any]", kept)) != set(expected):
            raise StateError(
                f"`state` of the weighting of tasks must have the keys {list(expected)}, found {kept!r:.200}."
            )
        self._load(cast("Mapping[str, Any]", kept))

    def _state(self) -> dict[str, Any]:
        return {}

    def _load(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most keep nothing
        pass


def saved_numbers(values: object, name: str, count: int) -> FloatArray:
    """Read `count` finite numbers of a saved state, or raise StateError.

    Examples
    --------
    >>> saved_numbers([1, 2.5], "xi", 2).tolist()
    [1.0, 2.5]
    """
    given = cast("list[object]", values) if isinstance(values, list) else []
    if len(given) != count or not all(
        type(each) in (int, float) and math.isfinite(cast(float, each)) for each in given
    ):
        raise StateError(f"`{name}` in the state must be {count} finite numbers, found {values!r:.80}.")
    return np.array(given, dtype=np.float64)


def saved_count(value: object, name: str) -> int:
    """Read a whole number of a saved state, or raise StateError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 59:
        raise StateError(f"`{name}` in the state must be a whole number, found {value!r:.80}.")
    return value


def means(totals: FloatArray, masses: FloatArray) -> FloatArray:
    """Divide totals by masses.

    Parameters
    ----------
    totals, masses : array of float64 [K]

    Returns
    -------
    array of float64 [K]
        NaN where there is no mass.

    Examples
    --------
    >>> means(np.array([6.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [3.0, nan]
    """
    return np.divide(totals, masses, out=np.full(len(totals), np.nan), where=masses > 0)


def softmax(values: FloatArray) -> FloatArray:
    """Exponentials that sum to one.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    raised = np.exp(values - values.max())
    return raised / raised.sum()
