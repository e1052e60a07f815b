"""The shares of the data first, balanced classes for the last part: deferred re-sampling (Cao et al. 2019)."""

from dataclasses import dataclass

from equipoise.plan.label_shares import WeightsOrNames
from equipoise.rates import Rates
from equipoise.schedule.recipe import Recipe, Step, checked_part
from equipoise.weights import InverseFrequency, Natural


@dataclass(frozen=True)
class Deferred(Recipe):
    """Classes with the shares of the data until the part `at` of the training, then equal classes.

    The first part learns features from all rows, the last one balances the decision. The rates of the tasks do not
    change.

    Parameters
    ----------
    at : float
        Part of the training after which classes are balanced.

    Raises
    ------
    PlanError
        If `at` is not between 0 and 1.

    References
    ----------
    Cao et al. (2019), "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", deferred re-balancing
    by re-sampling (DRS): after 160 of 200 epochs.

    Examples
    --------
    >>> from equipoise import Census, Schedule
    >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
    >>> schedule = Schedule.build(census, Deferred(), draws=1000)
    >>> [(at, plan.probabilities.tolist()) for at, plan in schedule.stages]
    [(0, [0.9, 0.1]), (800, [0.5, 0.5])]
    """

    name = "deferred"

    at: float = 0.8

    def __post_init__(self) -> None:
        checked_part("at", self.at)

    def steps(self, rates: Rates | str, _weights: WeightsOrNames, /) -> list[Step]:
        """Return two stages."""
        return [Step(0, rates, Natural()), Step(self.at, rates, InverseFrequency())]
