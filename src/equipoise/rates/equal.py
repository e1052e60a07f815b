"""r_m = 1 / M: every task is drawn equally often."""

from dataclasses import dataclass

import numpy as np

from equipoise.rates.base import FloatArray, Rates, Tasks


@dataclass(frozen=True)
class Equal(Rates):
    """r_m = 1 / M, over the tasks that have examples.

    Examples
    --------
    >>> Equal()([900, 100], ("large", "small")).tolist()
    [0.5, 0.5]
    """

    name = "equal"

    def formula(self, n: FloatArray, _tasks: Tasks, _draws: int | None, /) -> FloatArray:
        """Return ones."""
        return np.ones_like(n)
