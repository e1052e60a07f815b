"""-log (q_y e^(z_y) / sum_k q_k e^(z_k)): balanced softmax (Ren et al. 2020, equation 4)."""

from dataclasses import dataclass

from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.logit_adjusted import LogitAdjusted
from equipoise.losses.labels.priors import FloatArray, LabelPriors


@dataclass(frozen=True)
class BalancedSoftmax(LabelLoss):
    """-log (q_y e^(z_y) / sum_k q_k e^(z_k)), with q the shares drawn: `LogitAdjusted` with tau = 1.

    The paper has counts instead of q; with natural draws they differ by a common factor.

    References
    ----------
    Ren et al. (2020), "Balanced Meta-Softmax for Long-Tailed Visual Recognition", equation 4.

    Examples
    --------
    >>> str(BalancedSoftmax())
    'BalancedSoftmax()'
    """

    name = "balanced_softmax"

    @property
    def replaces_target(self) -> bool:
        """It aims at equal shares."""
        return True

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        return LogitAdjusted(tau=1.0).prepare(priors)

    def learned_prior(self, priors: LabelPriors, /) -> FloatArray:
        """Return equal shares of the drawn labels."""
        return LogitAdjusted(tau=1.0).learned_prior(priors)
