"""w_c = 1 / ln(kappa + pi_c): bounded inverse-log weights (ENet, Paszke et al. 2016)."""

from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class Log(ClassWeights):
    """w_c = 1 / ln(kappa + pi_c), with pi_c = n_c / N in the task.

    With the paper's kappa = 1.02 the weights are between 1.42 (pi = 1) and 50.5 (pi near 0).

    Parameters
    ----------
    kappa : float
        Above 1; the nearer to 1, the larger the weight of the rarest labels.

    Raises
    ------
    PlanError
        If `kappa` is not above 1.

    References
    ----------
    Paszke et al. (2016), "ENet: A Deep Neural Network Architecture for Real-Time Semantic
    Segmentation", section 5.2.

    Examples
    --------
    >>> Log()([900, 100], ("a", "b"), "mood").round(3).tolist()
    [1.533, 8.824]
    """

    name = "log"

    kappa: float = 1.02

    def __post_init__(self) -> None:
        checked_number("kappa", self.kappa, above=1, hint="The paper uses 1.02.")

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return 1 / ln(kappa + n / N)."""
        return 1 / np.log(self.kappa + n / n.sum())
