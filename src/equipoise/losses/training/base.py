"""The interface between a trainer and a loss, and the label priors of each task of a run."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from equipoise.data import Task
from equipoise.errors import ConfigError, PlanError, PlanWarning
from equipoise.losses.labels import LabelLoss, LabelPriors, double_correction
from equipoise.plan import Plan

T = TypeVar("T")
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


def task_priors(loss: LabelLoss, plan: Plan, tasks: Mapping[str, Task]) -> tuple[LabelPriors | None, ...]:
    """Return the priors of each task by task id, that is by the sorted names; None if open-ended or never drawn.

    Arguments, errors and warnings are those of `LabelTrainingLoss.build`.
    """
    unknown = sorted(loss.named_tasks - set(tasks))
    if unknown:
        raise PlanError("unknown-task", f"{loss} names unknown tasks: {', '.join(unknown)}. Known: {', '.join(tasks)}.")
    drawn = {plan.strata[place].task for place in np.flatnonzero(plan.target_masses)}
    of_tasks: list[LabelPriors | None] = []
    for name, task in sorted(tasks.items()):
        if task.kind == "open" or name not in drawn:
            of_tasks.append(None)
            continue
        priors = LabelPriors.of(plan, name, task.labels)
        message = double_correction(loss, priors)
        if message is not None:
            warnings.warn(PlanWarning("double-correction", message), stacklevel=3)
        of_tasks.append(priors)
    if not any(of_tasks):
        raise ConfigError(
            "no-labels", f"{loss} needs a task with labels, found none that is drawn. Use a loss of level sequence."
        )
    return tuple(of_tasks)


def rows_by_task(batch: Batch, of_tasks: Sequence[T | None]) -> Iterator[tuple[Tensor, T]]:
    """Yield the rows with a label of each task in a batch, and what `of_tasks` holds for the task, if anything."""
    for number, held in enumerate(of_tasks):
        rows = torch.nonzero((batch["task_id"] == number) & (batch["label_id"] >= 0)).flatten()
        if held is not None and len(rows):
            yield rows, held
