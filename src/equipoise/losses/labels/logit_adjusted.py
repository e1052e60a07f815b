"""-log softmax(z + tau log(q/a))_y: logit adjustment from q to aimed-at shares a (Menon et al. 2021, equation 10)."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.cross_entropy import cross_entropy
from equipoise.losses.labels.priors import FloatArray, LabelPriors, floored

Aim = Literal["uniform", "target"]


@dataclass(frozen=True)
class LogitAdjusted(LabelLoss):
    r"""-log softmax(z + tau log(q/a))_y, with q the shares drawn and a those aimed at.

    Under draws from q the optimum is z + tau log(q/a) = log p_q(y|x), up to a constant. So softmax(z) is the
    posterior under shares proportional to q^(1 - tau) a^tau: at tau = 1 under a. Uniform a is the paper's
    loss (log a is then a constant) and argmax z minimises the balanced error.

    The prior is that of the draws, not of the counts: after a sampler that has balanced the labels nothing is left
    to adjust. The correction is by logits alone. Where the plan has a target, the label's
    part q/p* is taken out of the importance weights; the task's part stays.

    Parameters
    ----------
    tau : float
        The share of the adjustment; 1 is all of it, 0 is cross-entropy on the draws.
    aim : {"uniform", "target"}
        Equal shares of the labels inside the task, or those of the plan's target p*.

    Raises
    ------
    PlanError
        If `tau` is below 0, or `aim` is neither.

    References
    ----------
    Menon et al. (2021), "Long-tail learning via logit adjustment", equation 10.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 3, "sad": 1}}), weights="natural")
    >>> priors = LabelPriors.of(plan, "mood")
    >>> [LogitAdjusted(tau=tau).learned_prior(priors).round(6).tolist() for tau in (0, 1)]
    [[0.75, 0.25], [0.5, 0.5]]
    """

    name = "logit_adjusted"

    tau: float = 1.0
    aim: Aim = "uniform"

    def __post_init__(self) -> None:
        checked_number("tau", self.tau, least=0, hint="Use 1 for the aimed-at shares, less for part of the way.")
        if self.aim not in get_args(Aim):
            raise PlanError(
                "unknown-aim",
                f'`aim` must be "uniform" or "target", found {self.aim!r}. Use "uniform" for equal shares.',
            )

    @property
    def replaces_target(self) -> bool:
        """Unless it aims at the target."""
        return self.aim == "uniform"

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        return LabelTerms(partial(cross_entropy, shift=adjustment(priors, self.tau, self.aim)), priors.undoing)

    def learned_prior(self, priors: LabelPriors, /) -> FloatArray:
        """Return q^(1 - tau) a^tau, normalised; 0 for labels that are never drawn."""
        log_q = np.log(floored(priors.drawn))
        logs = log_q - adjustment(priors, self.tau, self.aim)
        prior = np.where(priors.drawn > 0, np.exp(logs - logs.max()), 0.0)
        return prior / prior.sum()


def adjustment(priors: LabelPriors, tau: float, aim: Aim = "uniform") -> FloatArray:
    """Return tau log(q/a) of each label: 0 everywhere when what is drawn is what is aimed at.

    a is equal shares over the drawn labels, or p*. A label that is never drawn or never aimed at counts as the rarest
    that is; see `floored`.
    """
    drawn = np.log(floored(priors.drawn))
    aimed = np.log(floored(priors.target)) if aim == "target" else -np.log(np.count_nonzero(priors.drawn))
    return tau * (drawn - aimed)
