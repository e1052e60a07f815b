"""-log softmax(z)_y: the log loss over the labels of the task."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.priors import FloatArray, LabelPriors


@dataclass(frozen=True)
class CrossEntropy(LabelLoss):
    """-log softmax(z)_y. The shares of the labels stay those that the plan aims at.

    Examples
    --------
    >>> str(CrossEntropy())
    'CrossEntropy()'
    """

    name = "cross_entropy"

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        return LabelTerms(cross_entropy, np.ones(len(priors.labels)))

    def learned_prior(self, priors: LabelPriors, /) -> FloatArray:
        """Return p*."""
        return priors.target


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return -log softmax(z)_y of each example."""
    return functional.cross_entropy(scores, targets, reduction="none")
