"""What a trainer needs of a loss."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor, nn

Batch = Mapping[str, Tensor]
"""What `Collator` gives."""


class Objective(Protocol):
    """The loss of a step is the sum of the totals of its rows over the sum of their masses.

    Both sums go over all micro-batches and ranks. A trainer needs the masses of the whole step before the
    first backward pass, so they are known without the model.
    """

    def masses(self, batch: Batch, progress: float) -> Tensor:
        """Give the mass of each row, without a forward pass and without gradient.

        Parameters
        ----------
        batch : mapping of str to Tensor
            A batch of the collator.
        progress : float
            The share of the training that is done, in [0, 1].

        Returns
        -------
        Tensor of shape (rows,)
            In float32; 0 for a row without a target.
        """
        ...

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Give the weighted loss of each row, by one forward pass.

        Parameters
        ----------
        model : torch.nn.Module
            A Hugging Face encoder-decoder model.
        batch, progress
            As for `masses`.
        wrapped : torch.nn.Module, optional
            What to call instead of `model`: the same model wrapped, for example by DDP.

        Returns
        -------
        Tensor of shape (rows,)
            In float32 at least, with gradient.
        """
        ...
