"""(1 - l) p_data + l p_equal with a rising l: from the shares of the data to balanced classes (Kang et al. 2020)."""

from dataclasses import dataclass

from equipoise.plan.label_shares import WeightsOrNames
from equipoise.rates import Rates
from equipoise.schedule.recipe import Recipe, Step, checked_stages
from equipoise.weights import Interpolated


@dataclass(frozen=True)
class Progressive(Recipe):
    """Progressively-balanced sampling of the classes of every task; the rates of the tasks do not change.

    Stage t of T has the shares (1 - l) n / N + l / C with l = t / (T - 1), from the shares of the data to equal
    classes.

    Parameters
    ----------
    stages : int
        T, the number of stages of the same length; the paper's are the epochs.

    Raises
    ------
    PlanError
        If there are less than two stages.

    References
    ----------
    Kang et al. (2020), "Decoupling Representation and Classifier for Long-Tailed Recognition", equation 2.

    Examples
    --------
    >>> from equipoise import Census, Schedule
    >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
    >>> schedule = Schedule.build(census, Progressive(stages=3), draws=300)
    >>> [(at, plan.probabilities.round(3).tolist()) for at, plan in schedule.stages]
    [(0, [0.9, 0.1]), (100, [0.7, 0.3]), (200, [0.5, 0.5])]
    """

    name = "progressive"

    stages: int = 10

    def __post_init__(self) -> None:
        checked_stages(self.stages)

    def steps(self, rates: Rates | str, _weights: WeightsOrNames, /) -> list[Step]:
        """Return the stages."""
        return [
            Step(number / self.stages, rates, Interpolated(number / (self.stages - 1))) for number in range(self.stages)
        ]
