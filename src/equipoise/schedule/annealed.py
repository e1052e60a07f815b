"""r_m ∝ n_m^alpha with a falling alpha: from the shares of the data towards equal tasks (Stickland and Murray 2019)."""

from dataclasses import dataclass

from equipoise.base.schemes import checked_number
from equipoise.plan.label_shares import WeightsOrNames
from equipoise.rates import Rates, Temperature
from equipoise.schedule.recipe import Recipe, Step, checked_stages


@dataclass(frozen=True)
class Annealed(Recipe):
    """Tasks with the rates n^alpha, normalised; alpha changes linearly from `first` to `last` in stages.

    Parameters
    ----------
    last, first : float
        Exponents alpha, above 0: 1 keeps the shares of the data, near 0 all tasks are equal.
    stages : int
        Number of stages of the same length; the paper's are the epochs.

    Raises
    ------
    PlanError
        If an exponent is not above 0, or there are less than two stages.

    References
    ----------
    Stickland and Murray (2019), "BERT and PALs", section 3.3: alpha = 1 - 0.8 (e - 1) / (E - 1) in epoch e of E.

    Examples
    --------
    >>> from equipoise import Census, Schedule
    >>> schedule = Schedule.build(Census.from_counts({"a": 1024, "b": 1}), Annealed(stages=3), draws=300)
    >>> [(at, plan.probabilities.round(3).tolist()) for at, plan in schedule.stages]
    [(0, [0.999, 0.001]), (100, [0.985, 0.015]), (200, [0.8, 0.2])]
    """

    name = "annealed"
    values = 2

    last: float = 0.2
    first: float = 1.0
    stages: int = 10

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            checked_number(name, getattr(self, name), above=0, hint="1 keeps the shares of the data.")
        checked_stages(self.stages)

    def steps(self, _rates: Rates | str, weights: WeightsOrNames, /) -> list[Step]:
        """Return the stages."""
        steps: list[Step] = []
        for number in range(self.stages):
            alpha = self.first + (self.last - self.first) * number / (self.stages - 1)
            steps.append(Step(number / self.stages, Temperature(1 / alpha), weights))
        return steps
