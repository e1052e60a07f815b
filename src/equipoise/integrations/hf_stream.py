"""The stream of a sampler under the Trainer: its epochs, and its position in every checkpoint."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from accelerate import Accelerator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from equipoise.errors import ConfigError
from equipoise.integrations.checkpoints import StreamPosition
from equipoise.integrations.hf_arguments import whole_steps


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
    """Keep the sampler at the epoch of training, and write its position into every checkpoint.

    After a resume inside an epoch the Trainer's own `set_epoch` no longer reaches the sampler on more
    than one rank: skipping batches nests it one level deeper than the Trainer looks.
    """

    def __init__(self, sampler: EpochSampler, start: StreamPosition, accelerator: Accelerator) -> None:
        self.sampler = sampler
        self.start = start
        self.accelerator = accelerator

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move the sampler to the epoch that holds the next step."""
        self.sampler.set_epoch(replace(self.start, step=state.global_step).epoch)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the position once every rank has written its part of the checkpoint."""
        self.accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            here = replace(self.start, step=state.global_step)
            if hasattr(self.sampler, "state_dict"):
                # The loader draws ahead of training, so the sampler is told where training is. The Trainer
                # skips from the start of the epoch on its own.
                first = here.epoch * here.draws_per_epoch
                here = replace(here, sampler=cast(Any, self.sampler).state_dict(position=first))
            here.write(Path(cast(str, args.output_dir)) / f"checkpoint-{state.global_step}")


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
    inner = getattr(sampler, "sampler", sampler)  # LengthSorted holds the sampler whose order it changes
    shard = getattr(inner, "shard", None)
    if shard is not None and shard.world_size > 1:
        raise ConfigError(
            f"`sampler` must give the whole stream, found {shard}: the Trainer cuts it again, and most draws would "
            "be lost. Build it with Shard(0, 1)."
        )
    index = getattr(inner, "index", None)
    if index is not None and len(index) != examples:
        raise ConfigError(
            f"`sampler` must draw from the rows of `train_dataset`, found an index of {len(index)} rows and "
            f"{examples} examples. Build both from the same records."
        )
    # LengthSorted, and Quota and OneTask batches, are made for one global batch.
    for holder in (sampler, getattr(inner, "batches", None)):
        made_for = getattr(holder, "global_batch", batch)
        if made_for != batch:
            raise ConfigError(
                f"`global_batch` of the sampler must be that of the run, {batch} draws (batch size x accumulation x "
                f"ranks), found {made_for}. Build it with global_batch={batch}."
            )
    draws = len(sampler)
    if draws == 0 or draws % batch:
        raise ConfigError(
            f"`sampler` must give whole optimiser steps of {batch} draws (batch size x accumulation x ranks), found "
            f"{draws} draws per epoch. Use draws_per_epoch={whole_steps(draws, batch)}."
        )
