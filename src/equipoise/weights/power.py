"""w_c = n_c^(-gamma): between natural (0) and inverse frequency (1); 0.5 is square-root sampling (Kang et al. 2020)."""

from dataclasses import dataclass
from typing import ClassVar

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class Power(ClassWeights):
    """w_c = n_c^(-gamma), so that a label's share is proportional to n_c^(1 - gamma).

    Parameters
    ----------
    gamma : float
        0 keeps the shares of the data, 0.5 gives square-root sampling, 1 equal shares; above 1 the rare
        labels get more than the frequent ones.

    Raises
    ------
    PlanError
        If `gamma` is below 0, or so large that a weight is no longer above 0.

    References
    ----------
    Kang et al. (2020), "Decoupling Representation and Classifier for Long-Tailed Recognition",
    equation 1, with q = 1 - gamma.

    Examples
    --------
    >>> Power(0.5)([100, 4], ("a", "b"), "mood").tolist()
    [0.1, 0.5]
    """

    name = "power"
    aliases: ClassVar = {"sqrt": "power:0.5"}

    gamma: float = 0.5

    def __post_init__(self) -> None:
        checked_number("gamma", self.gamma, least=0, hint="Use 0.5 for square-root weights.")

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return n^(-gamma)."""
        weights = n**-self.gamma
        if not weights.all():
            message = f"`gamma` must leave every weight above 0, found {self.gamma:g}. Use at most 1."
            raise PlanError("out-of-range", message)
        return weights
