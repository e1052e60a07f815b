"""The weight of an optimiser step, over all its micro-batches and ranks."""

from collections.abc import Callable, Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def step_weight(weights: Iterable[Tensor], over_ranks: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Add up the weights of a step's micro-batches, over all ranks.

    Divide the total of every micro-batch by it and multiply by the number of ranks, over which DDP and FSDP take the
    mean of the gradients: then loss and gradient of the step are those of its draws, however they are cut.

    Parameters
    ----------
    weights : iterable of Tensor
        The weights of the micro-batches of this rank, summed or by row.
    over_ranks : callable, optional
        Sums a tensor over the ranks. By default torch.distributed's `all_reduce`, and nothing in a single process.

    Returns
    -------
    Tensor
        Scalar, the same on all ranks.

    Examples
    --------
    Two micro-batches, one row more in the first; their shares add up to the mean over all five rows:

    >>> losses = [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0])]
    >>> weight = step_weight(torch.ones_like(part) for part in losses)
    >>> sum(part.sum() / weight for part in losses)
    tensor(3.)
    """
    sums = [each.sum() for each in weights]
    weight = torch.stack(sums).sum() if sums else torch.zeros(())
    return (over_ranks or _sum_over_ranks)(weight)


def _sum_over_ranks(value: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
