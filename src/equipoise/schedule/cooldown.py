"""Temperature T1, then T2: from rare tasks to the shares of the data (Li et al. 2025, "Cooldown")."""

from dataclasses import dataclass

from equipoise.plan.label_shares import WeightsOrNames
from equipoise.rates import Rates, Temperature
from equipoise.schedule.recipe import Recipe, Step, checked_part


@dataclass(frozen=True)
class Cooldown(Recipe):
    """Tasks at the temperature `first` until the part `at` of the training, then at `last`.

    A high temperature draws small tasks nearly as often as large ones, when the model learns most; the end keeps them
    from being repeated too often. One abrupt change did better in the paper than many small ones.

    Parameters
    ----------
    first, last : float
        Temperatures T; the rates are n^(1/T), normalised.
    at : float
        Part of the training after which the temperature changes.

    Raises
    ------
    PlanError
        If a temperature is not above 0, or `at` not between 0 and 1.

    References
    ----------
    Li et al. (2025), "Upsample or Upweight? Balanced Training on Heavily Imbalanced Datasets", the schedule Cooldown:
    temperature 5, then 1 for the second half.

    Examples
    --------
    >>> from equipoise import Census, Schedule
    >>> schedule = Schedule.build(Census.from_counts({"a": 1024, "b": 1}), Cooldown(), draws=100)
    >>> [(at, plan.probabilities.round(3).tolist()) for at, plan in schedule.stages]
    [(0, [0.8, 0.2]), (50, [0.999, 0.001])]
    """

    name = "cooldown"
    values = 2

    first: float = 5.0
    last: float = 1.0
    at: float = 0.5

    def __post_init__(self) -> None:
        Temperature(self.first)
        Temperature(self.last)
        checked_part("at", self.at)

    def steps(self, _rates: Rates | str, weights: WeightsOrNames, /) -> list[Step]:
        """Return two stages."""
        return [Step(0, Temperature(self.first), weights), Step(self.at, Temperature(self.last), weights)]
