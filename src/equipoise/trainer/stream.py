"""The stream of a sampler under the Trainer: its epochs, and its position in every checkpoint."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from equipoise.errors import ConfigError, RunError
from equipoise.loaders.checks import check_rows, inner_sampler
from equipoise.trainer.checkpoints.folders import finish
from equipoise.trainer.checkpoints.position import StreamPosition


class EpochSampler(Protocol):
    """A sampler whose order is a function of its seed and its epoch.

    One that also has `state_dict(position=...)` and `load_state_dict`, as `PlanSampler` has, is checked
    when a run is resumed.
    """

    def __iter__(self) -> Iterator[int]:
        """Give the row numbers of the epoch."""
        ...

    def __len__(self) -> int:
        """Count them."""
        ...

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        ...


class StreamCallback(TrainerCallback):
    """Keep the sampler at the epoch of training, and complete every checkpoint with its position.

    After a resume inside an epoch the Trainer's own `set_epoch` no longer reaches the sampler on more
    than one rank: skipping batches nests it one level deeper than the Trainer looks.
    """

    def __init__(
        self, sampler: EpochSampler, start: StreamPosition, accelerator: Accelerator, keep: int | None = None
    ) -> None:
        self.sampler = sampler
        self.start = start
        self.accelerator = accelerator
        self.keep = keep

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move the sampler to the epoch that holds the next step."""
        self.sampler.set_epoch(replace(self.start, step=state.global_step).epoch)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Complete the checkpoint once every rank has written its part of it."""
        self.accelerator.wait_for_everyone()
        failed: list[RunError | None] = [None]
        if state.is_world_process_zero:
            try:
                self._finish(args, state)
            except RunError as error:
                failed = [error]
        broadcast_object_list(failed)  # the others would wait for the first rank in the next step
        if failed[0] is not None:
            raise failed[0]

    def _finish(self, args: TrainingArguments, state: TrainerState) -> None:
        here = replace(self.start, step=state.global_step)
        if hasattr(self.sampler, "state_dict"):
            # The loader draws ahead of training, so the sampler is told where training is. The Trainer
            # skips from the start of the epoch on its own.
            first = here.epoch * here.draws_per_epoch
            here = replace(here, sampler=cast(Any, self.sampler).state_dict(position=first))
        folder = Path(cast(str, args.output_dir)) / f"checkpoint-{state.global_step}"
        finish(here, folder, keep=self.keep, best=state.best_model_checkpoint)


def check_sampler(sampler: EpochSampler, batch: int, examples: int) -> None:
    """Refuse a sampler whose stream would not be cut into the steps of this run.

    Parameters
    ----------
    sampler : EpochSampler
        What the Trainer is to draw from.
    batch : int
        Draws per optimiser step.
    examples : int
        Length of the training set.

    Raises
    ------
    ConfigError
        If it is sharded already, points into another dataset, or its epoch is not whole steps.
    """
    shard = getattr(inner_sampler(sampler), "shard", None)
    if shard is not None and shard.world_size > 1:
        raise ConfigError(
            f"`sampler` must give the whole stream, found {shard}: the Trainer cuts it again, and most draws would "
            "be lost. Build it with Shard(0, 1)."
        )
    check_rows(sampler, batch, examples)
