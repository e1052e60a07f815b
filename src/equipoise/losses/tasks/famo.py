"""FAMO: minimise c sum_k z_k log L_k, z = softmax(xi) trained to equal rates of improvement (Liu et al. 2023)."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.errors import ConfigError
from equipoise.losses.tasks.base import FloatArray, TaskWeighting, softmax

SMALL = 1e-8
BETAS = (0.9, 0.999)  # of Adam


class FAMO(TaskWeighting):
    r"""Fast adaptive multitask optimisation: all losses should fall at the same relative rate.

    With :math:`z = \operatorname{softmax}(\xi)` a step minimises :math:`\sum_k z_k \log L_k / c`, where
    :math:`c = \sum_k z_k / L_k` is a constant: the weights are :math:`\lambda_k = z_k / (c L_k)` and sum to 1. After
    the step the losses of the same examples are computed again, and Adam takes a step on :math:`\xi` against
    :math:`(\partial z / \partial \xi)^\top (\log L - \log L')`, so a task that improved less than the others gains.

    The weights depend on the losses of the step itself, before its first backward pass. Both that and the losses
    after the step cost a forward pass without gradient: two more passes a step, in exchange for a gradient that is
    exact however the step is cut. (Where a step is one batch, your own loop can take the first from its
    forward pass.) A task that is not in the step has no part in c, and improves by 0.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    learning_rate : float
        Of Adam, for xi.
    decay : float
        Weight decay of xi: decay * xi is added to its gradient.

    Raises
    ------
    ConfigError
        If an option is out of its range.

    References
    ----------
    Liu, Feng, Stone and Liu (2023), "FAMO: Fast Adaptive Multitask Optimization", algorithm 1; LibMTL, ``FAMO``,
    whose constants these are.

    Examples
    --------
    >>> weighting = FAMO(["mood", "topic"])
    >>> before = np.array([1.0, 3.0])
    >>> weighting.weights(0, np.ones(2), before).round(2).tolist()  # the gradient of log L: the small loss weighs more
    [0.75, 0.25]
    >>> weighting.after_step(np.array([0.5, 3.0]))  # topic did not improve
    >>> weighting.weights(1, np.ones(2), np.array([1.0, 1.0])).round(3).tolist()
    [0.488, 0.512]
    """

    name = "famo"
    needs_losses = True

    def __init__(self, tasks: Sequence[str], *, learning_rate: float = 0.025, decay: float = 1e-3) -> None:
        super().__init__(tasks)
        if not learning_rate > 0 or not decay >= 0:
            raise ConfigError(
                "bad-option",
                f"`learning_rate` must be above 0 and `decay` at least 0, found {learning_rate} and {decay}. "
                "The paper uses 0.025 and 0.001.",
            )
        self.learning_rate, self.decay = float(learning_rate), float(decay)
        nothing = np.zeros(len(self.tasks))
        self._xi, self._first, self._second, self._steps = nothing, nothing, nothing, 0
        self._before: FloatArray | None = None

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return z / (c L); 0 for a task that is not in the step."""
        if losses is None:
            raise TypeError("FAMO needs the losses of the step: pass `losses`.")
        self._before = losses
        share = np.where(np.isnan(losses), 0.0, softmax(self._xi) / (losses + SMALL))
        return share / share.sum() if share.any() else share

    def after_step(self, losses: FloatArray) -> None:
        """Take one step of Adam on xi."""
        if self._before is None:
            raise TypeError("FAMO needs the losses before the step as well: call `weights` first.")
        improved = np.nan_to_num(np.log(self._before + SMALL) - np.log(losses + SMALL), nan=0.0)
        z = softmax(self._xi)
        gradient = z * (improved - z @ improved) + self.decay * self._xi
        self._steps += 1
        self._first = BETAS[0] * self._first + (1 - BETAS[0]) * gradient
        self._second = BETAS[1] * self._second + (1 - BETAS[1]) * gradient**2
        first = self._first / (1 - BETAS[0] ** self._steps)
        second = self._second / (1 - BETAS[1] ** self._steps)
        self._xi = self._xi - self.learning_rate * first / (np.sqrt(second) + SMALL)
        self._before = None

    def _fields(self) -> Mapping[str, Any]:
        return dict.fromkeys(("xi", "first", "second"), self._one_each) | {"steps": range(1 << 59)}
