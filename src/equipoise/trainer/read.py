"""A stream that is read in order under a Trainer: its batches, and its position in a checkpoint."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from accelerate.utils import send_to_device
from transformers import Trainer, TrainerState, TrainingArguments

from equipoise.base.states import refusing_damaged
from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.iterable import ShardedStream
from equipoise.loaders import StreamLoader
from equipoise.loaders.read import Read
from equipoise.trainer.arguments import global_batch
from equipoise.trainer.checkpoints.position import FILE_NAME, StreamPosition
from equipoise.trainer.stream import Stream, owner

_WORKERS = ("num_workers", "pin_memory", "prefetch_factor", "multiprocessing_context", "in_order")


class ReadStream(Stream):
    """A `ShardedStream` under a Trainer, which divides it no further.

    Its epochs follow each other without an end, so to the Trainer all `max_steps` are one epoch.

    Raises
    ------
    ConfigError
        If there is a sampler, no end, a stream that is divided already, or another loader or other options would change
        what is trained on.
    """

    OF = "stream"

    def __init__(self, stream: ShardedStream, sampler: object, args: TrainingArguments, collate: Any) -> None:
        if sampler is not None:
            reason = f"`sampler` must be None with a ShardedStream, found a {type(sampler).__name__}"
            raise ConfigError("not-indexable", f"{reason}: a stream is read in its order. Leave it out.")
        self._collate = collate
        super().__init__(None, None, args)
        self.fit(stream, args)

    def fit(self, dataset: Any, args: TrainingArguments) -> None:
        """Begin the stream, in steps of the size that the arguments ask for now; errors as in the class."""
        check_end(args, dataset)
        if args.remove_unused_columns:
            raise ConfigError(
                "owned-option",
                "`remove_unused_columns` must be False with a ShardedStream, found True: its `transform` makes the "
                "columns, and the loss may need more of them than the model.",
            )
        options = {
            name: getattr(args, f"dataloader_{name}") for name in _WORKERS if hasattr(args, f"dataloader_{name}")
        }
        self._loader = StreamLoader(
            dataset,
            batch_size=args.train_batch_size,
            accumulation=args.gradient_accumulation_steps,
            shard=Shard(args.process_index, args.world_size),
            collate_fn=self._collate,
            **options,
        )
        self._start = StreamPosition(0, global_batch(args), None, None, sampler=None)

    def loader_for(self, trainer: Trainer) -> "OnDevice":
        """Return the batches of this rank, from the next step on."""
        hook, args = "get_train_dataloader", trainer.args
        theirs = owner(trainer, hook)
        if theirs is not Trainer:
            raise ConfigError(
                "own-loader",
                f"`{hook}` of {theirs.__name__} makes a loader of its own, which does not keep the place in a "
                "ShardedStream. Train without it, or write a loop on `equipoise.loaders.StreamLoader`.",
            )
        if (
            self._start.global_batch != global_batch(args)
            or self._loader.accumulation != args.gradient_accumulation_steps
        ):
            self.fit(trainer.train_dataset, args)  # a trial has another batch size
        return OnDevice(self._loader, args.device)

    def planned_steps(self, args: TrainingArguments) -> int:
        """Return how many optimiser steps a whole run has."""
        return args.max_steps

    def at(self, step: int) -> StreamPosition:
        """Return the position after the steps that were done, as a checkpoint holds it."""
        return replace(self._start, step=step, sampler=self._loader.state_dict()[self.OF])

    def resume(self, checkpoint: Path) -> None:
        """Take over from a checkpoint of this stream.

        Raises
        ------
        StateError
            If it is of another stream, other settings of its stages, another global batch or format.
        """
        saved = StreamPosition.read(checkpoint)
        saved.check_same_stream(self._start)
        with refusing_damaged(checkpoint / FILE_NAME):
            self._loader.load_state_dict(
                {"step": saved.step, "global_batch": saved.global_batch, self.OF: saved.sampler}
            )

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Leave the stream where it is: its epochs are not those of the Trainer."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Count the batches of the step."""
        for _batch in range(self._loader.accumulation):
            self._loader.batch_done()
        # The Trainer counts batches from where it resumed, as it need not skip any.
        state.epoch = state.global_step / state.max_steps

    def on_train_end(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Stop the workers of a stream that has no end: the Trainer holds its loader in a cycle."""
        cast(Read, self._loader.loader).stop()


class OnDevice:
    """The batches of a loader on a device, which accelerate, that would divide them once more, does not see."""

    def __init__(self, loader: StreamLoader, device: Any) -> None:
        self._batches, self._device = loader.loader, device

    def __iter__(self) -> Iterator[Any]:
        """Yield them from the next one on."""
        for batch in self._batches:
            yield send_to_device(batch, self._device)


def check_end(args: Any, dataset: object) -> None:
    """Raise ConfigError if a stream without an end would be trained on without `max_steps`."""
    if isinstance(dataset, ShardedStream) and isinstance(args, TrainingArguments) and args.max_steps <= 0:
        raise ConfigError(
            "no-end",
            f"trainer option `max_steps` must be set with a ShardedStream, whose length nobody knows, found "
            f"{args.max_steps}. Set it: examples x epochs / {global_batch(args)} (batch size x accumulation x ranks).",
        )
