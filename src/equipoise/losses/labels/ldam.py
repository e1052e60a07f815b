"""-log softmax(s (z - D_y e_y))_y, D_c = K / n_c^(1/4): margins, then class weights (Cao et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.cross_entropy import cross_entropy
from equipoise.losses.labels.priors import FloatArray, LabelPriors, floored
from equipoise.weights import EffectiveNumber

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LDAM(LabelLoss):
    """Cross-entropy in which the true label must win by a margin, and class weights late in the training.

    The margin of label c is D_c = K / n_c^(1/4), with K such that the rarest label's is `max_margin`. From
    `reweight_from` on, examples get effective-number weights with `beta`, which take into account what the
    sampler has done already (deferred re-weighting, DRW).

    In the paper the logits are cosine similarities, in [-1, 1], scaled by s = 30. Scores of label
    texts are log-likelihoods in nats; they are not normalised here, and the margin is in nats times s.
    The default of s is therefore 1.

    Parameters
    ----------
    max_margin : float
        The margin of the rarest label, at least 0. The paper uses 0.5.
    scale : float
        s, above 0.
    reweight_from : float
        The share of the training after which class weights apply; 0 is from the beginning, 1 never. The
        paper's 160 of 200 epochs are 0.8.
    beta : float
        In [0, 1), of `EffectiveNumber`.

    Raises
    ------
    PlanError
        If an option is out of its range.

    References
    ----------
    Cao et al. (2019), "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", section
    3.2 for the loss and algorithm 1 for its schedule.

    Examples
    --------
    >>> import torch
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 16, "sad": 1}}), weights="natural")
    >>> priors = LabelPriors.of(plan, "mood")
    >>> LDAM().margins(priors).tolist()
    [0.25, 0.5]
    >>> terms = LDAM().prepare(priors)
    >>> terms.weights(torch.tensor([1]), progress=0.5).item(), round(terms.weights(torch.tensor([1]), 0.9).item(), 2)
    (1.0, 8.5)
    """

    name = "ldam"

    max_margin: float = 0.5
    scale: float = 1.0
    reweight_from: float = 0.8
    beta: float = 0.9999

    def __post_init__(self) -> None:
        checked_number("max_margin", self.max_margin, least=0, hint="The paper uses 0.5.")
        checked_number("scale", self.scale, above=0, hint="Use 1 for log-likelihoods.")
        if checked_number("reweight_from", self.reweight_from, least=0, hint="The paper uses 0.8.") > 1:
            raise PlanError(
                "out-of-range", f"`reweight_from` must be in [0, 1], found {self.reweight_from!r}. The paper uses 0.8."
            )
        EffectiveNumber(beta=self.beta)

    @property
    def replaces_target(self) -> bool:
        """The late class weights decide which shares the loss sees."""
        return self.reweight_from < 1

    @property
    def assumes_natural_shares(self) -> bool:
        """Margins are of counts."""
        return self.max_margin > 0

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        margins = self.margins(priors)

        def value(scores: Tensor, targets: Tensor) -> Tensor:
            of_true = scores.new_tensor(margins)[targets]
            return cross_entropy(self.scale * scores.scatter_add(1, targets[:, None], -of_true[:, None]), targets)

        ones = np.ones(len(priors.labels))
        if self.reweight_from == 1:
            return LabelTerms(value, ones)
        return LabelTerms(value, ones, priors.weights_by(EffectiveNumber(beta=self.beta)), self.reweight_from)

    def margins(self, priors: LabelPriors) -> FloatArray:
        """Return D_c in units of the scores; a label without examples has that of the rarest."""
        n = floored(priors.counts.astype(np.float64))
        return self.max_margin * (n.min() / n) ** 0.25
