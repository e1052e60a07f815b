"""DWA: lambda = K softmax(r / T), r_k = L_k(e-1) / L_k(e-2) of the last two epochs (Liu, Johns and Davison 2019)."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.errors import ConfigError, StateError
from equipoise.losses.tasks.base import FloatArray, TaskWeighting, means, softmax


class DWA(TaskWeighting):
    r"""Dynamic weight average: tasks whose loss falls slowly gain weight.

    :math:`\lambda_k = K \operatorname{softmax}_k(r / T)` with :math:`r_k = L_k(e-1) / L_k(e-2)`, the mean losses of
    the last two epochs; ones in the first two epochs. An epoch's mean loss is its total over its sum of weights. A
    task whose loss is not known for both epochs, or was 0, has the ratio 1.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    steps_per_epoch : int
        Optimiser steps that are averaged.
    temperature : float
        T; a large one makes the weights equal.

    Raises
    ------
    ConfigError
        If an option is not positive.

    References
    ----------
    Liu, Johns and Davison (2019), "End-To-End Multi-Task Learning With Attention", equation 7; LibMTL, ``DWA``.

    Examples
    --------
    >>> weighting = DWA(["mood", "topic"], steps_per_epoch=1)
    >>> for totals in ([4.0, 4.0], [4.0, 2.0]):  # the loss of mood stays, that of topic halves
    ...     weighting.update(np.array(totals), np.array([1.0, 1.0]))
    >>> weighting.weights(2, np.ones(2)).round(3).tolist()
    [1.124, 0.876]
    """

    name = "dwa"
    follows_losses = True

    def __init__(self, tasks: Sequence[str], *, steps_per_epoch: int, temperature: float = 2.0) -> None:
        super().__init__(tasks)
        if steps_per_epoch < 1:
            raise ConfigError(
                "bad-option", f"`steps_per_epoch` must be at least 1, found {steps_per_epoch}. Count steps."
            )
        if not temperature > 0:
            raise ConfigError("bad-option", f"`temperature` must be above 0, found {temperature}. The paper uses 2.")
        self.steps_per_epoch = steps_per_epoch
        self.temperature = float(temperature)
        self._epochs = np.empty((0, len(self.tasks)))  # mean losses of the last epochs, at most two
        self._begin()

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return K softmax(r / T)."""
        if len(self._epochs) < 2:
            return np.ones(len(self.tasks))
        before, last = self._epochs
        known = np.isfinite(last) & (before > 0)
        ratios = np.divide(last, before, out=np.ones(len(self.tasks)), where=known)
        return len(self.tasks) * softmax(ratios / self.temperature)

    def update(self, totals: FloatArray, weight_sums: FloatArray) -> None:
        """Add a step to the epoch, and close the epoch when it is full."""
        self._totals, self._weight_sums = self._totals + totals, self._weight_sums + weight_sums
        self._steps += 1
        if self._steps == self.steps_per_epoch:
            self._epochs = np.vstack([*self._epochs, means(self._totals, self._weight_sums)])[-2:]
            self._begin()

    def _begin(self) -> None:
        nothing = np.zeros(len(self.tasks))
        self._totals, self._weight_sums, self._steps = nothing, nothing, 0  # of the current epoch

    def _fields(self) -> Mapping[str, Any]:
        losses = tuple[(float | None,) * len(self.tasks)]
        return {
            "totals": self._one_each,
            "weight_sums": self._one_each,
            "steps": range(self.steps_per_epoch),
            "epochs": list[losses],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        if len(state["epochs"]) > 2:
            found = len(state["epochs"])
            raise StateError("damaged-state", f"`epochs` in the state must be at most two, found {found}.")
        super()._load(state)
