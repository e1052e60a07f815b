"""The interface between a trainer and a loss."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor, nn

Batch = Mapping[str, Tensor]
"""A batch of the `Collator`."""


class TrainingLoss(Protocol):
    """The loss of a step is the sum of the totals of its rows over the sum of their weights.

    Both sums go over all micro-batches and ranks. A trainer needs the weights of the whole step before the
    first backward pass, so they are known without the model.
    """

    def weights(self, batch: Batch, progress: float) -> Tensor:
        """Return the weight of each row, without a forward pass and without gradient.

        Parameters
        ----------
        batch : mapping of str to Tensor
            A batch of the collator.
        progress : float
            The share of the training that is done, in [0, 1].

        Returns
        -------
        Tensor of float32, shape (rows,)
            0 for a row without a target.
        """
        ...

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Return the weighted loss of each row, by one forward pass.

        Parameters
        ----------
        model : torch.nn.Module
            A model that `equipoise.models.text_model` knows, not wrapped.
        batch, progress
            As for `weights`.
        wrapped : torch.nn.Module, optional
            The module to call instead of `model`: the same model wrapped, for example by DDP.

        Returns
        -------
        Tensor, shape (rows,)
            In float32 at least, with gradient.
        """
        ...
