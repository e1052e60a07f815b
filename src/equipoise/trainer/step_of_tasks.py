"""One optimiser step under a TasksLoss: the masses before it, its totals after, over all micro-batches and ranks."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from equipoise.losses.tasks import TasksLoss, means, sum_by_task
from equipoise.losses.tasks.base import FloatArray
from equipoise.losses.tasks.gradients import GradientMethod, Gradients


class StepOfTasks:
    """What a TasksLoss has to know of one optimiser step, over all micro-batches and ranks.

    Parameters
    ----------
    method : TasksLoss
        How tasks weigh against each other.
    accelerator : accelerate.Accelerator
        The Trainer's.
    totals_of : callable
        From a batch to the weighted loss of each row, by one forward pass without gradient.
    """

    def __init__(
        self, method: TasksLoss, accelerator: Accelerator, totals_of: Callable[[Mapping[str, Tensor]], Tensor]
    ) -> None:
        self.method = method
        self._accelerator = accelerator
        self._totals_of = totals_of
        self._weights = np.full(len(method.tasks), np.nan)

    def begin(self, batches: Sequence[Mapping[str, Tensor]], masses: Sequence[Tensor], step: int) -> None:
        """Take the micro-batches of a step, with the mass of each row."""
        device, tasks = self._accelerator.device, len(self.method.tasks)
        self._batches, self._step, self._left = batches, step, len(batches)
        self._totals = torch.zeros(tasks, device=device)
        here = torch.zeros(tasks, device=device)
        for mass, batch in zip(masses, batches, strict=True):
            here += sum_by_task(mass, batch["task_id"], tasks).to(device)
        self._masses = self._over_ranks(here)
        if not self.method.needs_losses:
            self._set_coefficients(None)

    def before_pass(self) -> None:
        """Measure the losses of the step before its first backward pass, where the weights depend on them."""
        if self.method.needs_losses and self._left == len(self._batches):
            self._numbers = _RandomNumbers(self._accelerator.device)
            self._set_coefficients(self._measure())

    def share(self, totals: Tensor, task_id: Tensor) -> Tensor:
        """Give the share of a micro-batch's rows in the objective of the step."""
        self._left -= 1
        self.by_task = sum_by_task(totals, task_id, len(self.method.tasks))
        if self.method.follows_losses:
            self._totals += self.by_task.detach()
        self.by_task = self.by_task * self._coefficients
        return self.by_task.sum()

    def before_optimizer(self) -> None:
        """Hand over the totals of the step."""
        if self.method.follows_losses:
            self.method.update(self._over_ranks(self._totals), self._masses)

    def after_optimizer(self) -> None:
        """Measure the losses of the same examples again."""
        if self.method.needs_losses:
            self.method.after_step(self._measure())

    def aggregate(self, method: GradientMethod, parameters: Sequence[Tensor]) -> None:
        """Add the last micro-batch's rows of the Jacobian; after the last one, write the gradient."""
        present = torch.from_numpy(np.flatnonzero(self._masses > 0)).to(self.by_task.device)
        method.backward(self.by_task[present], parameters)
        if self._left == 0:
            method.finish(parameters)

    @property
    def logged(self) -> dict[str, float]:
        """The weights of the last step, for the log."""
        if isinstance(self.method, Gradients):
            return {}
        return {f"task_weight/{task}": w for task, w in zip(self.method.tasks, self._weights.tolist(), strict=True)}

    def _set_coefficients(self, losses: FloatArray | None) -> None:
        chosen = self.method.coefficients(self._step, self._masses, losses)
        self._weights = chosen * self._masses
        self._coefficients = torch.tensor(chosen, dtype=torch.float32, device=self._accelerator.device)

    def _measure(self) -> FloatArray:
        """Compute the losses with the random numbers of the step's own passes, which stay as they are."""
        totals = torch.zeros_like(self._totals)
        with self._numbers.again():
            for batch in self._batches:
                totals += sum_by_task(self._totals_of(batch), batch["task_id"], len(totals))
        return means(self._over_ranks(totals), self._masses)

    def _over_ranks(self, sums: Tensor) -> FloatArray:
        return cast(Tensor, self._accelerator.reduce(sums, "sum")).cpu().numpy().astype(np.float64)


class _RandomNumbers:
    """The place that the generators are at, to be there again: dropout then falls on the same units."""

    def __init__(self, device: torch.device) -> None:
        self._devices = [device] if device.type == "cuda" else []
        self._host = torch.get_rng_state()
        self._here = [torch.cuda.get_rng_state(each) for each in self._devices]

    @contextmanager
    def again(self) -> Generator[None]:
        with torch.random.fork_rng(devices=self._devices):
            torch.set_rng_state(self._host)
            for device, state in zip(self._devices, self._here, strict=True):
                torch.cuda.set_rng_state(state, device)
            yield
