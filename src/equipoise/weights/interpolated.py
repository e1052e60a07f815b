"""w_c = (1 - l) + l N / (C n_c): between natural (0) and balanced (1) by a mean of the shares (Kang et al. 2020)."""

from dataclasses import dataclass

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class Interpolated(ClassWeights):
    """w_c = (1 - l) + l N / (C n_c), so that a label's share is (1 - l) n_c / N + l / C.

    Parameters
    ----------
    balance : float
        l: 0 keeps the shares of the data, 1 gives equal shares.

    Raises
    ------
    PlanError
        If `balance` is not between 0 and 1.

    References
    ----------
    Kang et al. (2020), "Decoupling Representation and Classifier for Long-Tailed Recognition", equation 2, with l the
    part of the training that is over.

    Examples
    --------
    >>> Interpolated(0.5)([900, 100], ("a", "b"), "mood").round(3).tolist()  # shares .7 and .3
    [0.778, 3.0]
    """

    name = "interpolated"

    balance: float = 0.5

    def __post_init__(self) -> None:
        hint = "0 keeps the shares of the data, 1 gives equal shares."
        if checked_number("balance", self.balance, least=0, hint=hint) > 1:
            raise PlanError("out-of-range", f"`balance` must be at most 1, found {self.balance!r}. {hint}")

    def formula(self, n: FloatArray, labels: Labels, _task: str, /) -> FloatArray:
        """Return (1 - l) + l N / (C n)."""
        return (1 - self.balance) + self.balance * n.sum() / (len(labels) * n)
