"""The losses of the draws of each task, from what training computes anyway."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.losses.tasks import sum_by_task
from equipoise.losses.training import Batch


class TaskLosses:
    """The sums of the losses and of the weights of the draws of each task on this rank, since they were last set.

    Parameters
    ----------
    tasks : int
        The number of tasks.
    device : torch.device
        Where training computes: adding up waits for nothing.

    Attributes
    ----------
    sums : Tensor of float64, shape (2, tasks)
        Losses, and weights.

    Examples
    --------
    >>> losses = TaskLosses(2, torch.device("cpu"))
    >>> batch = {"task_id": torch.tensor([0, 1, 1])}
    >>> losses.add(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 0.5, 0.5]), batch)
    >>> losses.sums.tolist()
    [[1.0, 6.0], [1.0, 1.0]]
    """

    def __init__(self, tasks: int, device: torch.device) -> None:
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self.sums = torch.zeros(2, tasks, dtype=dtype, device=device)

    def add(self, totals: Tensor, weights: Tensor, batch: Batch) -> None:
        """Count the rows of a micro-batch: their weighted losses, and their weights."""
        both = [
            sum_by_task(each.detach().to(self.sums), batch["task_id"], self.sums.shape[1]) for each in (totals, weights)
        ]
        self.sums += torch.stack(both)

    def over_ranks(self, reduced: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
        """Return the sums over all ranks, shape (2, tasks)."""
        return reduced(self.sums.clone()).cpu().numpy().astype(np.float64)

    def set(self, sums: Sequence[Sequence[float]] | None) -> None:
        """Begin with some sums, on one rank for all; by default with none."""
        self.sums.zero_()
        if sums is not None:
            self.sums += torch.tensor(sums, dtype=self.sums.dtype, device=self.sums.device)
