"""-log softmax(z)_y: the log loss over the labels of the task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.priors import FloatArray, LabelPriors

if TYPE_CHECKING:
    from torch import Tensor


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


def cross_entropy(scores: Tensor, targets: Tensor, shift: FloatArray | None = None) -> Tensor:
    """Return -log softmax(z + shift)_y of each example."""
    from torch.nn import functional

    shifted = scores if shift is None else scores + scores.new_tensor(shift)
    return functional.cross_entropy(shifted, targets, reduction="none")
