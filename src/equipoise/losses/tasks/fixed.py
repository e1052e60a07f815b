"""Fixed weights: J = sum_k w_k L_k (scalarisation; "linear scalarization" in Kurin et al. 2022, Xin et al. 2022)."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.errors import ConfigError
from equipoise.losses.tasks.base import FloatArray, TaskWeighting


class FixedWeights(TaskWeighting):
    r"""Chosen weights of the tasks' mean losses: :math:`J = \sum_k w_k L_k`.

    The weights are used as given. Weights that sum to 1 keep the scale of `Sum`; ones for all tasks are what the
    literature calls equal weighting, or unitary scalarisation.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    weights : mapping of str to float
        One weight of at least 0 for each task, not all 0.

    Raises
    ------
    ConfigError
        If a task has no weight, a weight no task, or a weight cannot be used.

    References
    ----------
    Kurin et al. (2022), "In Defense of the Unitary Scalarization for Deep Multi-Task Learning"; Xin et al. (2022),
    "Do Current Multi-Task Optimization Methods in Deep Learning Even Help?"

    Examples
    --------
    >>> FixedWeights(["mood", "topic"], weights={"mood": 3, "topic": 1}).coefficients(0, np.array([2.0, 4.0])).tolist()
    [1.5, 0.25]
    """

    name = "fixed"

    def __init__(self, tasks: Sequence[str], *, weights: Mapping[str, Any]) -> None:
        super().__init__(tasks)
        if set(weights) != set(self.tasks):
            raise ConfigError(
                "other-tasks",
                f"`weights` of the tasks must name {sorted(self.tasks)}, found {sorted(map(str, weights))}. "
                "Set a weight for each task (0 to train without it).",
            )
        for task, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
                raise ConfigError(
                    "bad-option", f"`weights[{task!r}]` must be a finite number of at least 0, found {weight!r}."
                )
        if not any(weights.values()):
            raise ConfigError("all-zero", "`weights` of the tasks must not all be 0: nothing would be trained.")
        self._weights = np.array([weights[task] for task in self.tasks], dtype=np.float64)

    @property
    def options(self) -> dict[str, Any]:
        """The weights by task."""
        return {"weights": dict(zip(self.tasks, self._weights.tolist(), strict=True))}

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return the chosen weights."""
        return self._weights
