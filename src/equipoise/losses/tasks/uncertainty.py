"""Uncertainty weights: J = sum_k L_k / (2 e^{s_k}) + s_k / 2 with trained s (Kendall, Gal and Cipolla 2018, eq. 7)."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from equipoise.errors import ConfigError
from equipoise.losses.tasks.base import FloatArray, TaskWeighting, means

INITIAL = -0.5  # LibMTL's


class Uncertainty(TaskWeighting):
    r"""Weights :math:`\lambda_k = 1 / (2 e^{s_k})` with one trained number s for each task.

    The step's loss is :math:`\sum_k L_k / (2 e^{s_k}) + s_k / 2` over the tasks that are in it. Other tasks have no
    gradient: with the term s/2 alone, s of a rare task would fall and its weight would grow. At the
    optimum :math:`s_k = \log L_k`, so the weighted losses are equal.

    `update` writes the gradient of s in closed form, from the losses of the whole step: it is the same on all ranks
    and needs no reduction. The optimiser of the model moves s with its own learning rate and schedule, as in the
    paper and in LibMTL; s is not part of the model, so clipping the model's gradient leaves it alone.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    initial : float
        The initial value of every s.

    References
    ----------
    Kendall, Gal and Cipolla (2018), "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and
    Semantics", equation 7 with s = log sigma^2; LibMTL, ``UW``.

    Examples
    --------
    >>> weighting = Uncertainty(["mood", "topic"], initial=0.0)
    >>> weighting.update(totals=np.array([6.0, 1.0]), weight_sums=np.array([2.0, 1.0]))
    >>> weighting.weights(0, np.ones(2)).tolist(), weighting.parameters()[0].grad.tolist()
    ([0.5, 0.5], [-1.0, 0.0])
    """

    name = "uncertainty"
    follows_losses = True

    def __init__(self, tasks: Sequence[str], *, initial: float = INITIAL) -> None:
        super().__init__(tasks)
        if not np.isfinite(initial):
            raise ConfigError("bad-option", f"`initial` must be a finite number, found {initial}. Use {INITIAL}.")
        self.initial = float(initial)
        self._trained = nn.Parameter(torch.full((len(self.tasks),), self.initial))

    def parameters(self) -> list[nn.Parameter]:
        """Return the one vector s."""
        return [self._trained]

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return 1 / (2 e^s)."""
        return 0.5 * np.exp(-self._s)

    def update(self, totals: FloatArray, weight_sums: FloatArray) -> None:
        """Write dJ/ds = 1/2 - L / (2 e^s), and 0 for a task that is not in the step."""
        gradient = np.where(weight_sums > 0, 0.5 - means(totals, weight_sums) * (0.5 * np.exp(-self._s)), 0.0)
        self._trained.grad = self._trained.new_tensor(gradient)

    @property
    def _s(self) -> FloatArray:
        return self._trained.detach().cpu().numpy().astype(np.float64)

    @_s.setter
    def _s(self, values: FloatArray) -> None:
        with torch.no_grad():
            self._trained.copy_(torch.from_numpy(values))

    def _fields(self) -> Mapping[str, Any]:
        return {"s": self._one_each}
