"""Tasks against tasks on the Trainer: weights beside the loss, their state in every checkpoint."""
# ruff: noqa: ARG002 - the signatures are those of Trainer and TrainerCallback

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import Seq2SeqTrainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from equipoise.base.files import read_text, write_atomically
from equipoise.base.plain_json import parse_json
from equipoise.errors import ConfigError, StateError
from equipoise.losses import SumMass
from equipoise.losses.objectives import Objective
from equipoise.losses.tasks import Sum, TasksLoss
from equipoise.losses.tasks.gradients import Gradients
from equipoise.trainer.step_of_tasks import StepOfTasks

FILE_NAME = "equipoise_tasks.json"


class TasksCallback(TrainerCallback):
    """Call a `StepOfTasks` around the optimiser, and write its state into every checkpoint."""

    def __init__(self, step: StepOfTasks) -> None:
        self.step = step

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Gradients of the method's own parameters."""
        self.step.before_optimizer()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Losses after the step."""
        self.step.after_optimizer()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the state; it is the same on all ranks."""
        if state.is_world_process_zero:
            path = Path(cast(str, args.output_dir)) / f"checkpoint-{state.global_step}" / FILE_NAME
            with write_atomically(path) as temporary:
                temporary.write_text(json.dumps(self.step.method.state_dict(), indent=2) + "\n", encoding="utf-8")


class TasksTrainer(Seq2SeqTrainer):
    """A `Seq2SeqTrainer` whose tasks may weigh otherwise than they are drawn.

    A subclass sets `objective` and calls `weigh_tasks` when it is made, `begin_step` when it has fetched the
    micro-batches of a step, and `share` in `compute_loss`.
    """

    objective: Objective
    step_of_tasks: StepOfTasks | None = None

    @property
    def progress(self) -> float:
        """The share of the planned steps that is done; the same for all micro-batches of a step."""
        return min(1.0, self.state.global_step / max(1, self.state.max_steps))

    def weigh_tasks(self, method: TasksLoss | None) -> None:
        """Weigh tasks by a method from now on.

        Parameters
        ----------
        method : TasksLoss or None
            None and `Sum` leave the tasks as they are drawn.

        Raises
        ------
        ConfigError
            If the method cannot be used with the precision or the number of ranks.
        """
        if method is None or isinstance(method, Sum):
            return
        if self.args.fp16 and (method.parameters() or isinstance(method, Gradients)):
            raise ConfigError(
                f"`tasks_loss` {method.name} cannot be used with `fp16`: its gradients do not go through the scaler "
                "of the loss. Use `bf16`, or float32."
            )
        if isinstance(method, Gradients) and self.accelerator.num_processes > 1:
            raise ConfigError(
                "`tasks_loss` gradients needs one process, found "
                f"{self.accelerator.num_processes}: the Jacobians of several ranks are not put together. "
                "Use one process with accumulation, which is exact."
            )
        self.step_of_tasks = StepOfTasks(method, self.accelerator, self._totals_of)
        self.add_callback(TasksCallback(self.step_of_tasks))

    def begin_step(self, batches: Sequence[Mapping[str, Tensor]], masses: Sequence[Tensor]) -> None:
        """Take the micro-batches of a step, with the mass of each row."""
        if self.step_of_tasks is not None:
            self.step_of_tasks.begin(batches, masses, self.state.global_step)

    def share(self, totals: Tensor, inputs: Mapping[str, Tensor], mass: Tensor) -> Tensor:
        """Give the share of a micro-batch's rows in the loss of a step of this mass."""
        if self.step_of_tasks is not None:
            return self.step_of_tasks.share(totals, inputs["task_id"])
        return SumMass(totals.sum(), mass).mean()

    def _totals_of(self, batch: Mapping[str, Tensor]) -> Tensor:
        inputs = cast(dict[str, Tensor], self._prepare_inputs(dict(batch)))
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.objective.totals(cast(nn.Module, self.model), inputs, self.progress)

    def resume_tasks(self, checkpoint: Path) -> None:
        """Continue with the weights of a checkpoint.

        Raises
        ------
        StateError
            If the checkpoint weighs tasks otherwise than this Trainer.
        """
        path = checkpoint / FILE_NAME
        if (self.step_of_tasks is not None) != path.is_file():
            found = "weighs" if path.is_file() else "does not weigh"
            raise StateError(
                f"`{checkpoint}` {found} tasks against each other, unlike this run. "
                "Give the `tasks_loss` that the run was started with, or start a new run."
            )
        if self.step_of_tasks is not None:
            state = parse_json(read_text(path, StateError), lambda why: StateError(f"Cannot read `{path}`: {why}."))
            self.step_of_tasks.method.load_state_dict(state)

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Do forward and backward pass of a micro-batch; see `transformers.Trainer`."""
        step = self.step_of_tasks
        if step is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        step.before_pass()
        if not isinstance(step.method, Gradients):
            return super().training_step(model, inputs, num_items_in_batch)
        inputs = cast(dict[str, Any], self._prepare_inputs(inputs))
        with self.compute_loss_context_manager():
            loss = cast(Tensor, self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch))
        step.aggregate(step.method.method, [each for each in model.parameters() if each.requires_grad])
        return loss.detach()

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Make the optimiser, with a group for what the weighting of tasks trains itself."""
        optimizer = super().create_optimizer(model)
        own = [] if self.step_of_tasks is None else self.step_of_tasks.method.parameters()
        known = {id(each) for group in optimizer.param_groups for each in group["params"]}
        if own and id(own[0]) not in known:
            optimizer.add_param_group({"params": own, "weight_decay": 0.0})
        return optimizer

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the weights of the tasks beside the training loss."""
        shown = {} if self.step_of_tasks is None or "loss" not in logs else self.step_of_tasks.logged
        super().log(logs | shown, start_time)
