"""Sums of rows by task."""

from torch import Tensor


def sum_by_task(rows: Tensor, task_id: Tensor, tasks: int) -> Tensor:
    """Add the losses, or the weights, of the rows of each task.

    Parameters
    ----------
    rows : Tensor, shape (rows,)
        One number for each row; the gradient flows.
    task_id : Tensor, shape (rows,)
        Number of each row's task.
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
