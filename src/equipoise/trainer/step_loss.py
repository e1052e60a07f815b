"""The loss of one optimiser step, over all its micro-batches and ranks, with its tasks weighed against each other."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from transformers import TrainerState, TrainingArguments

from equipoise.base.files import write_atomically
from equipoise.base.plain_json import read_json
from equipoise.base.states import refusing_damaged
from equipoise.errors import ConfigError, StateError
from equipoise.losses import TokenLoss, WeightedSum, step_weight
from equipoise.losses.tasks import Sum, TaskWeighting, means, sum_by_task
from equipoise.losses.tasks.base import FloatArray
from equipoise.losses.tasks.gradients import Gradients
from equipoise.losses.training import Batch, StagedTrainingLoss, TokenTrainingLoss, TrainingLoss
from equipoise.trainer.stream import Part
from equipoise.trainer.task_losses import TaskLosses

FILE_NAME = "equipoise_tasks.json"


class StepLoss(Part):
    """The loss of one optimiser step: the sum of the losses of its draws over the sum of their weights.

    Parameters
    ----------
    loss : TokenLoss or TrainingLoss
        Losses and weights of rows.
    method : TaskWeighting or None
        How tasks weigh against each other; None and `Sum` leave them as they are drawn.
    accelerator : accelerate.Accelerator
        The Trainer's.

    Attributes
    ----------
    watched : TaskLosses or None
        Adds up the losses of each task, where something asks for them.

    Raises
    ------
    ConfigError
        If the method cannot be used with the precision or the number of ranks.
    """

    def __init__(self, loss: TokenLoss | TrainingLoss, method: TaskWeighting | None, accelerator: Accelerator) -> None:
        self.loss: TrainingLoss = TokenTrainingLoss(loss) if isinstance(loss, TokenLoss) else loss
        self.method = None if isinstance(method, Sum) else method
        self.watched: TaskLosses | None = None
        self._accelerator = accelerator
        gradients = isinstance(method, Gradients)
        if self.method is None:
            return
        self._initial = self.method.state_dict()
        if accelerator.mixed_precision == "fp16" and (gradients or self.method.parameters()):
            raise ConfigError(
                "float16-weighting",
                f"`task_weighting` {self.method.name} cannot be used with `fp16`: its gradients do not pass through "
                "the scaler of the loss. Use `bf16`, or float32.",
            )
        if gradients and accelerator.num_processes > 1:
            raise ConfigError(
                "several-ranks",
                f"`task_weighting` gradients needs one process, found {accelerator.num_processes}: the Jacobians of "
                "several ranks are not combined. Use one process with accumulation, which is exact.",
            )
        self._cuda = [accelerator.device] if accelerator.device.type == "cuda" else []
        self._weights = np.full(len(self.method.tasks), np.nan)

    def begin(self, batches: Sequence[Batch], model: nn.Module, state: TrainerState) -> Tensor:
        """Begin a step with its micro-batches on this rank; return the weight of the whole step on all ranks."""
        self._batches, self._model, self._step, self._left = batches, model, state.global_step, len(batches)
        self._progress = progress(state)
        by_row = [self.loss.weights(batch, self._progress) for batch in batches]
        if self.method is not None:
            self._totals = torch.zeros(len(self.method.tasks), device=self._accelerator.device)
            here = self._totals.clone()
            for weights, batch in zip(by_row, batches, strict=True):
                here += self._by_task(weights, batch).to(here.device)
            self._task_weights = self._over_ranks(here)
            if not self.method.needs_losses:
                self._set_coefficients(None)
        return step_weight(by_row, lambda weight: self._reduced(weight.to(self._accelerator.device)))

    def share(self, inputs: Batch, weight: Tensor, wrapped: nn.Module) -> Tensor:
        """Compute the share of a micro-batch in the loss of its step, a scalar with gradient.

        `weight` is that of the whole step, from `begin`; `wrapped` is the model as DDP wraps it; a gradient method
        writes the gradients of its parameters itself.
        """
        method = self.method
        if method is not None and method.needs_losses and self._left == len(self._batches):
            # Before the first backward pass of the step, as its weights depend on its losses.
            self._random = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, self._cuda)]
            self._set_coefficients(self._measure())
        totals = self.loss.totals(self._model, inputs, self._progress, wrapped=wrapped)
        self._left -= 1
        if self.watched is not None:
            self.watched.add(totals, self.loss.weights(inputs, self._progress), inputs)
        if method is None:
            return WeightedSum(totals.sum(), weight).mean()
        by_task = self._by_task(totals, inputs)
        if method.follows_losses:
            self._totals += by_task.detach()
        by_task = by_task * self._coefficients
        if not isinstance(method, Gradients):
            return by_task.sum()
        parameters = [each for each in wrapped.parameters() if each.requires_grad]
        present = torch.from_numpy(np.flatnonzero(self._task_weights > 0)).to(by_task.device)
        method.method.backward(by_task[present], parameters)
        if self._left == 0:
            method.method.finish(parameters)
        return by_task.sum().detach().requires_grad_()  # the gradient is there: the Trainer's pass must add nothing

    def sum_of(self, inputs: Batch, model: nn.Module, state: TrainerState, wrapped: nn.Module | None) -> WeightedSum:
        """Compute the loss of a batch by itself, without weights of tasks."""
        return _sum_of(self.loss, inputs, model, progress(state), wrapped)

    def validated(self, inputs: Batch, model: nn.Module, state: TrainerState) -> WeightedSum:
        """Compute the loss of a batch of validation rows, which are not drawn by a plan."""
        done = progress(state)
        loss = self.loss.validating(done) if isinstance(self.loss, StagedTrainingLoss) else self.loss
        return _sum_of(loss, inputs, model, done, None)

    def parameters(self) -> list[nn.Parameter]:
        """Return what the method has to train itself."""
        return [] if self.method is None else self.method.parameters()

    @property
    def logged(self) -> dict[str, float]:
        """The task weights of the last step, for the log."""
        if self.method is None or isinstance(self.method, Gradients):
            return {}
        return {f"task_weight/{task}": w for task, w in zip(self.method.tasks, self._weights.tolist(), strict=True)}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Begin a run, or another trial, with the weights of tasks that the method was made with."""
        if self.method is not None and state.global_step == 0:
            self.method.load_state_dict(self._initial)

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Pass the totals of the step to the method, which sets the gradients of its own parameters."""
        if self.method is not None and self.method.follows_losses:
            self.method.update(self._over_ranks(self._totals), self._task_weights)

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Measure the losses of the same examples again."""
        if self.method is not None and self.method.needs_losses:
            self.method.after_step(self._measure())

    def save(self, checkpoint: Path) -> None:
        """Write the state of the method, on the first rank: it is the same on all."""
        if self.method is not None and self._accelerator.is_main_process:
            with write_atomically(checkpoint / FILE_NAME) as temporary:
                temporary.write_text(json.dumps(self.method.state_dict(), indent=2) + "\n", encoding="utf-8")

    def resume(self, checkpoint: Path) -> None:
        """Take over the weights of the tasks.

        Raises
        ------
        StateError
            If the checkpoint has another weighting of tasks, or none.
        """
        path = checkpoint / FILE_NAME
        if (self.method is not None) != path.is_file():
            found = "has" if path.is_file() else "has no"
            raise StateError(
                "other-weighting",
                f"`{checkpoint}` {found} weights of tasks, unlike this run. "
                "Set the `task_weighting` that the run was started with, or start a new run.",
            )
        if self.method is not None:
            with refusing_damaged(path):
                self.method.load_state_dict(read_json(path, StateError, "Resume from another checkpoint."))

    def _by_task(self, values: Tensor, batch: Batch) -> Tensor:
        return sum_by_task(values, batch["task_id"], len(cast(TaskWeighting, self.method).tasks))

    def _set_coefficients(self, losses: FloatArray | None) -> None:
        chosen = cast(TaskWeighting, self.method).coefficients(self._step, self._task_weights, losses)
        self._weights = chosen * self._task_weights
        self._coefficients = torch.tensor(chosen, dtype=torch.float32, device=self._accelerator.device)

    def _measure(self) -> FloatArray:
        """Compute the losses with the random numbers of the step's own passes: dropout falls on the same units."""
        totals = torch.zeros_like(self._totals)
        with torch.random.fork_rng(devices=self._cuda), torch.no_grad():
            torch.set_rng_state(self._random[0])
            for device, state in zip(self._cuda, self._random[1:], strict=True):
                torch.cuda.set_rng_state(state, device)
            for batch in self._batches:
                totals += self._by_task(self.loss.totals(self._model, batch, self._progress), batch)
        return means(self._over_ranks(totals), self._task_weights)

    def _reduced(self, sums: Tensor) -> Tensor:
        return cast(Tensor, self._accelerator.reduce(sums, "sum"))

    def _over_ranks(self, sums: Tensor) -> FloatArray:
        return self._reduced(sums).cpu().numpy().astype(np.float64)


def _sum_of(loss: TrainingLoss, inputs: Batch, model: nn.Module, done: float, wrapped: nn.Module | None) -> WeightedSum:
    totals = loss.totals(model, inputs, done, wrapped=wrapped)
    return WeightedSum(totals.sum(), loss.weights(inputs, done).sum())


def progress(state: TrainerState) -> float:
    """Return the share of the planned steps that is done; the same for all micro-batches of a step."""
    return min(1.0, state.global_step / max(1, state.max_steps))
