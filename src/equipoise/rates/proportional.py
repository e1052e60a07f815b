"""r_m = min(scale e_m, K) / sum: examples-proportional mixing with a limit (Raffel et al. 2020, section 3.5.2)."""

from dataclasses import dataclass

from equipoise.rates.base import FloatArray, Rates, Tasks
from equipoise.rates.temperature import Temperature


@dataclass(frozen=True)
class Proportional(Rates):
    """Examples-proportional mixing: r_m = min(scale e_m, K) / sum_n min(scale e_n, K).

    Parameters
    ----------
    maximum, scale
        As in `Temperature`: K, by default no limit, and a factor of the counts before it.

    Raises
    ------
    PlanError
        If an option is not a finite number above 0.

    References
    ----------
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer", section 3.5.2.

    Examples
    --------
    >>> Proportional(maximum=300)([900, 100], ("large", "small")).tolist()
    [0.75, 0.25]
    """

    name = "proportional"

    maximum: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        Temperature(1.0, self.maximum, self.scale)  # the same options, with the same checks

    def formula(self, n: FloatArray, tasks: Tasks, draws: int | None, /) -> FloatArray:
        """Return min(scale n, K)."""
        return Temperature(1.0, self.maximum, self.scale).formula(n, tasks, draws)
