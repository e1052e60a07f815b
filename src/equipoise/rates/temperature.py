"""r_m ∝ min(scale e_m, K)^(1/T): temperature-scaled mixing (Raffel et al. 2020, section 3.5.2)."""

from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.rates.base import FloatArray, Rates, Tasks


@dataclass(frozen=True)
class Temperature(Rates):
    """Temperature-scaled mixing: r_m = min(scale e_m, K)^(1/T) / sum_n min(scale e_n, K)^(1/T).

    T = 1 is proportional mixing, and a large T approaches equal mixing. The order is that of T5: scale, limit,
    temperature, normalise. (Some libraries call the exponent itself the temperature; here it is 1/T.)

    Parameters
    ----------
    temperature : float
        T, above 0.
    maximum : float, optional
        K, the artificial limit of a data set's size. None: no limit.
    scale : float
        A factor of the counts before the limit.

    Raises
    ------
    PlanError
        If an option is not a finite number above 0.

    References
    ----------
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer", section 3.5.2; `mixing_rate_num_examples` of seqio.

    Examples
    --------
    >>> Temperature(2, maximum=900)([10_000, 100], ("large", "small")).tolist()
    [0.75, 0.25]
    """

    name = "temperature"

    temperature: float
    maximum: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        hint = "T = 1 is proportional, a larger T is closer to equal."
        checked_number("temperature", self.temperature, above=0, hint=hint)
        checked_number("scale", self.scale, above=0, hint="Leave it out to keep the counts.")
        if self.maximum is not None:
            checked_number("maximum", self.maximum, above=0, hint="Leave it out for no limit.")

    def formula(self, n: FloatArray, _tasks: Tasks, _draws: int | None, /) -> FloatArray:
        """Return (min(scale n, K) / the largest of them)^(1/T): the factor avoids overflow for a small T."""
        limit = np.inf if self.maximum is None else self.maximum
        sizes = np.minimum(self.scale * n, limit)
        return (sizes / sizes.max()) ** (1 / self.temperature)
