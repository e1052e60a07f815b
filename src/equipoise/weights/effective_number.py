"""w_c = 1 / E_c, E_c the effective number of examples: (1 - beta^n) / (1 - beta) (Cui et al. 2019) or Kish's (1965)."""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class EffectiveNumber(ClassWeights):
    r"""w_c = 1 / E_c, with the effective number E_c in one of two forms.

    With `beta` it is Cui's, E = (1 - beta^n) / (1 - beta): it saturates at 1 / (1 - beta), so labels with
    many more examples than that have equal weights.

    With `alpha` it is Kish's effective size of a cluster of n examples with intraclass correlation
    rho = alpha^2 / (1 + alpha^2), E = n / (1 + (n - 1) rho) = (1 + alpha^2) n / (1 + alpha^2 n). Its weight is
    the convex mix rho + (1 - rho) / n: a label's share is (1 - rho) parts equal and rho parts natural.
    Saturation starts near n = 1 / alpha^2, so useful values are small: 1 / sqrt of a typical count.

    Exactly one of the two must be given.

    Parameters
    ----------
    beta : float, optional
        In [0, 1): 0 is natural, towards 1 inverse frequency. The paper uses 0.9, 0.99, 0.999, 0.9999.
    alpha : float, optional
        At least 0: 0 is inverse frequency, large is natural.

    Raises
    ------
    PlanError
        If both or neither are given, or one is out of its range.

    References
    ----------
    Cui et al. (2019), "Class-Balanced Loss Based on Effective Number of Samples", equation 2.
    Kish (1965), "Survey Sampling", section 5.4: deff = 1 + (n - 1) rho.

    Examples
    --------
    >>> EffectiveNumber(beta=0.5)([1, 2], ("a", "b"), "mood").round(4).tolist()
    [1.0, 0.6667]
    >>> EffectiveNumber(alpha=1)([1, 2], ("a", "b"), "mood").round(4).tolist()
    [1.0, 0.75]
    """

    name = "effective"

    beta: float | None = None
    alpha: float | None = None

    def __post_init__(self) -> None:
        if (self.beta is None) == (self.alpha is None):
            raise PlanError(
                "one-of-two",
                f"EffectiveNumber needs exactly one of `beta` (Cui) and `alpha` (Kish), found beta={self.beta!r}"
                f" and alpha={self.alpha!r}.",
            )
        if self.beta is not None:
            hint = "Use 0.99 to 0.9999; 1 would be InverseFrequency()."
            if checked_number("beta", self.beta, least=0, hint=hint) >= 1:
                raise PlanError("out-of-range", f"`beta` must be in [0, 1), found {self.beta!r}. {hint}")
        if self.alpha is not None:
            checked_number("alpha", self.alpha, least=0, hint="0 is inverse frequency, large is natural.")

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return (1 - beta) / (1 - beta^n), or rho + (1 - rho) / n."""
        if self.alpha is not None:
            length = math.hypot(1.0, self.alpha)  # rho = alpha^2 / (1 + alpha^2) without overflow
            return (self.alpha / length) ** 2 + (1 / length) ** 2 / n
        assert self.beta is not None
        if 1 - self.beta == 1:  # 0, or too small to tell from it
            return np.ones_like(n)
        # 1 - beta^n = -expm1(n log(beta)), and beta - 1 is exact near 1: no digit is lost.
        return (1 - self.beta) / -np.expm1(n * math.log1p(self.beta - 1))
