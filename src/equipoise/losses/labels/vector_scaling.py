"""-log softmax(z_c (n_c/n_max)^gamma + tau log q_c)_y: vector scaling (Kini et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.cross_entropy import cross_entropy
from equipoise.losses.labels.logit_adjusted import adjustment
from equipoise.losses.labels.priors import FloatArray, LabelPriors, floored

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class VectorScaling(LabelLoss):
    """-log softmax(z_c / d_c + tau log q_c)_y, with d_c = (n_max / n_c)^gamma and z centred.

    The shift tau log q works early in the training, as in `LogitAdjusted`. The factors d work late, where the
    model fits the data and shifts no longer matter: rare labels must win by more. gamma = 0 is `LogitAdjusted`,
    tau = 0 the class-dependent temperature of Ye et al. (2020). Factors are of counts, the shift is of what
    is drawn.

    Factors make a constant in the scores matter. In the paper the logits come from a linear layer and are
    around 0; log-likelihoods of label texts are far below, and a factor under 1 would raise rare labels for no
    reason. So z is the score less the mean score over the labels of the task.

    Parameters
    ----------
    gamma : float
        At least 0. 0.3 is the default of the authors' code.
    tau : float
        At least 0.

    Raises
    ------
    PlanError
        If an option is below 0.

    References
    ----------
    Kini et al. (2021), "Label-Imbalanced and Group-Sensitive Classification under Overparameterization"
    (the VS-loss, with their Delta = 1/d and iota = tau log q). Ye et al. (2020), "Identifying and Compensating
    for Feature Deviation in Imbalanced Deep Learning".

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 16, "sad": 1}}), weights="natural")
    >>> priors = LabelPriors.of(plan, "mood")
    >>> VectorScaling(gamma=0.5).factors(priors).tolist()
    [1.0, 0.25]
    """

    name = "vector_scaling"

    gamma: float = 0.3
    tau: float = 1.0

    def __post_init__(self) -> None:
        checked_number("gamma", self.gamma, least=0, hint="0 is LogitAdjusted.")
        checked_number("tau", self.tau, least=0, hint="Use 1 for equal shares.")

    @property
    def replaces_target(self) -> bool:
        """The shift aims at equal shares."""
        return True

    @property
    def assumes_natural_shares(self) -> bool:
        """Factors are of counts."""
        return self.gamma > 0

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        factors, shift = self.factors(priors), adjustment(priors, self.tau)

        def value(scores: Tensor, targets: Tensor) -> Tensor:
            centred = scores - scores.mean(dim=1, keepdim=True)
            return cross_entropy(centred * scores.new_tensor(factors), targets, shift)

        return LabelTerms(value, priors.undoing)

    def factors(self, priors: LabelPriors) -> FloatArray:
        """Return 1 / d_c; a label without examples has that of the rarest."""
        n = floored(priors.counts.astype(np.float64))
        return (n / n.max()) ** self.gamma
