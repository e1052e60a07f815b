"""Weighted sums of losses: of a batch, of the rows of each task, and the weight of a step over all ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


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

    def __add__(self, other: WeightedSum) -> WeightedSum:
        return WeightedSum(self.total + other.total, self.weight + other.weight)

    def mean(self) -> Tensor:
        """Return `total / weight`, and 0 (with a zero gradient) where the weight is 0."""
        return self.total / self.weight.where(self.weight > 0, 1)


def exact(values: Tensor) -> Tensor:
    """Return the values in float32, or float64 where they are."""
    return values if values.is_floating_point() and values.element_size() == 8 else values.float()


def sum_by_task(rows: Tensor, task_id: Tensor, tasks: int) -> Tensor:
    """Add the losses, or the weights, of the rows of each task.

    Parameters
    ----------
    rows : Tensor, shape (rows,)
        One number for each row; the gradient flows.
    task_id : Tensor, shape (rows,)
        The number of each row's task.
    tasks : int
        The number of tasks.

    Returns
    -------
    Tensor, shape (tasks,)
        0 for a task without a row.

    Examples
    --------
    >>> import torch
    >>> sum_by_task(torch.tensor([5.0, 7.0, 11.0]), torch.tensor([0, 2, 2]), 3)
    tensor([ 5.,  0., 18.])
    """
    return rows.new_zeros(tasks).index_add(0, task_id.to(rows.device), rows)


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

    >>> import torch
    >>> losses = [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0])]
    >>> weight = step_weight(torch.ones_like(part) for part in losses)
    >>> sum(part.sum() / weight for part in losses)
    tensor(3.)
    """
    import torch
    from torch import distributed

    sums = [each.sum() for each in weights]
    weight = torch.stack(sums).sum() if sums else torch.zeros(())
    if over_ranks is not None:
        return over_ranks(weight)
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(weight)
    return weight
