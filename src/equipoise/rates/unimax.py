"""U_m = min(theta, N c_m), sum U = B: as equal as at most N passes allow (UniMax, Chung et al. 2023, Algorithm 1)."""

from dataclasses import dataclass

import numpy as np

from equipoise.base.masses import water_fill
from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.rates.base import FloatArray, Rates, Tasks


@dataclass(frozen=True)
class UniMax(Rates):
    """UniMax: the budget of draws is shared equally, but no task gets more than N passes over it.

    A budget that the tasks cannot meet is an error; the paper's algorithm then gives every task all of its passes.

    Parameters
    ----------
    max_passes : float
        N, above 0. The paper uses 1, 5 and 10.

    Raises
    ------
    PlanError
        If `max_passes` is not above 0; on use, without `draws` or with more than N passes over all tasks.

    References
    ----------
    Chung et al. (2023), "UniMax: Fairer and More Effective Language Sampling for Large-Scale
    Multilingual Pretraining", Algorithm 1.

    Examples
    --------
    >>> UniMax(max_passes=1)([900, 100], ("large", "small"), draws=500).tolist()
    [0.8, 0.2]
    """

    name = "unimax"

    max_passes: float = 1

    def __post_init__(self) -> None:
        checked_number("max_passes", self.max_passes, above=0, hint="The paper uses 1, 5 and 10.")

    def formula(self, n: FloatArray, _tasks: Tasks, draws: int | None, /) -> FloatArray:
        """Return min(theta, N n) with the theta at which the sum is `draws`."""
        if draws is None:
            raise PlanError("missing-draws", "UniMax needs `draws`, found None. Give the planned number of draws.")
        with np.errstate(over="ignore"):  # an infinite capacity is one
            capacities = self.max_passes * n
            available = float(capacities.sum())
        if draws > available * (1 + 1e-12):
            raise PlanError(
                "too-many-draws",
                f"UniMax can place {available:.0f} draws ({self.max_passes:g} passes over {n.sum():.0f} examples),"
                f" found {draws}. Use fewer draws, or `max_passes` of at least {draws / n.sum():.4g}"
                f" (`unimax:{draws / n.sum():.4g}`).",
            )
        return water_fill(np.ones_like(n), capacities, draws)
