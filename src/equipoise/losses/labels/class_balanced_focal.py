"""Focal loss with effective-number class weights: -(1 - p_y)^gamma log p_y / E_y (Cui et al. 2019)."""

from dataclasses import dataclass
from functools import partial

from equipoise.base.schemes import checked_number
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.focal import focal
from equipoise.losses.labels.priors import LabelPriors
from equipoise.weights import EffectiveNumber


@dataclass(frozen=True)
class ClassBalancedFocal(LabelLoss):
    r"""-(1 - p_y)^gamma log p_y, p = softmax(z), with class weights (1 - beta) / (1 - beta^n_y).

    The weights take into account what the sampler has done already, as in `Weighted`. The factor (1 - p_y)^gamma
    is of the unweighted probability.

    The paper's equation 13 is the sum of C focal losses, of sigmoid(z_c) and with the bias of the classifier
    initialised to -log(C - 1). Log-likelihoods of label texts are at most 0 and have no bias, so no sigmoid of them
    exceeds 1/2 and every example would stay hard. Here it is a softmax instead.

    Parameters
    ----------
    beta : float
        In [0, 1), of `EffectiveNumber`.
    gamma : float
        At least 0, of `Focal`.

    Raises
    ------
    PlanError
        If an option is out of its range.

    References
    ----------
    Cui et al. (2019), "Class-Balanced Loss Based on Effective Number of Samples", equations 2 and 13.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 3, "sad": 1}}), weights="natural")
    >>> terms = ClassBalancedFocal(beta=0.5).prepare(LabelPriors.of(plan, "mood"))
    >>> weights = terms.class_weights  # 1 / 1.75 to 1, on average 1 over the examples
    >>> round(float(weights[1] / weights[0]), 4), round(float(weights @ [0.75, 0.25]), 4)
    (1.75, 1.0)
    """

    name = "class_balanced_focal"

    beta: float = 0.999
    gamma: float = 0.5

    def __post_init__(self) -> None:
        EffectiveNumber(beta=self.beta)
        checked_number("gamma", self.gamma, least=0, hint="The paper uses 0.5 to 2; 0 is cross-entropy.")

    @property
    def replaces_target(self) -> bool:
        """The effective numbers decide which shares the loss sees."""
        return True

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        return LabelTerms(partial(focal, gamma=self.gamma), priors.weights_by(EffectiveNumber(beta=self.beta)))
