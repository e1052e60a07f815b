"""-(1 - p_y)^gamma log p_y: focal loss, the softmax form (Lin et al. 2017, equation 4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.cross_entropy import cross_entropy
from equipoise.losses.labels.priors import LabelPriors

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Focal(LabelLoss):
    """-(1 - p_y)^gamma log p_y, with p = softmax(z).

    Easy examples count less, whatever their label. It does not correct imbalance by itself, and its softmax
    is not a posterior: it is less confident than the data.

    Parameters
    ----------
    gamma : float
        At least 0; 0 is cross-entropy, the paper uses 2.

    Raises
    ------
    PlanError
        If `gamma` is below 0.

    References
    ----------
    Lin et al. (2017), "Focal Loss for Dense Object Detection", equation 4. The paper's alpha is a class
    weight; see `ClassBalancedFocal`.

    Examples
    --------
    >>> import torch
    >>> even = focal(torch.zeros(1, 2), torch.tensor([0]), gamma=2)  # 0.5^2 log 2
    >>> round(even.item(), 4)
    0.1733
    """

    name = "focal"

    gamma: float = 2.0

    def __post_init__(self) -> None:
        checked_number("gamma", self.gamma, least=0, hint="The paper uses 2; 0 is cross-entropy.")

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        return LabelTerms(partial(focal, gamma=self.gamma), np.ones(len(priors.labels)))


def focal(scores: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """Return -(1 - p_y)^gamma log p_y of each example; never NaN, however confident the scores are."""
    from torch.nn import functional

    if scores.shape[1] == 1:
        return cross_entropy(scores, targets)  # p is 1: nothing to focus on
    column = targets[:, None]
    # Of label y against all others it is a problem of two classes, with the logit
    # d = log(1 - p_y) - log p_y; both logarithms are exact however near p_y is to 0 or 1.
    others = scores.scatter(1, column, -float("inf")).logsumexp(dim=1)
    against = others - scores.gather(1, column)[:, 0]
    return (gamma * functional.logsigmoid(against)).exp() * -functional.logsigmoid(-against)
