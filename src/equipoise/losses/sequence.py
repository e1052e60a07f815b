"""A weighted sum of losses with its weight, and what the losses of target sequences share."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Per = Literal["sequence", "token"]

IGNORED = -100


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of losses and the sum of the weights, which divides it.

    Add those of all micro-batches and ranks, then divide once: the result does not depend on how the
    examples were cut.

    Attributes
    ----------
    total : Tensor
        Scalar, the weighted sum of the losses. The gradient flows through it.
    weight : Tensor
        Scalar, the sum of the weights. It has no gradient.

    Examples
    --------
    >>> import torch
    >>> parts = WeightedSum(torch.tensor(6.0), torch.tensor(2.0)) + WeightedSum(torch.tensor(3.0), torch.tensor(1.0))
    >>> parts.mean()
    tensor(3.)
    """

    total: Tensor
    weight: Tensor

    def __add__(self, other: "WeightedSum") -> "WeightedSum":
        return WeightedSum(self.total + other.total, self.weight + other.weight)

    def mean(self) -> Tensor:
        """Return `total / weight`, and 0 (with a zero gradient) where the weight is 0.

        Returns
        -------
        Tensor
            Scalar.
        """
        return self.total / torch.where(self.weight > 0, self.weight, torch.ones_like(self.weight))
