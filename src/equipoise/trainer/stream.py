"""The stream of a sampler under a Trainer: which draws a step takes, its epochs, and its position in a checkpoint."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from torch.utils.data import IterableDataset, RandomSampler
from transformers import TrainerCallback, TrainerState, TrainingArguments

from equipoise.base.states import differences, refusing_damaged
from equipoise.errors import ConfigError, StateError
from equipoise.loaders.checks import check_rows, inner_sampler
from equipoise.samplers import PlanSampler
from equipoise.trainer.arguments import global_batch
from equipoise.trainer.checkpoints.position import FILE_NAME, StreamPosition


class EpochSampler(Protocol):
    """A sampler whose order is a function of its seed and its epoch.

    One that also has `state_dict(position=...)` and `load_state_dict`, as `PlanSampler` has, is checked
    when a run is resumed.
    """

    def __iter__(self) -> Iterator[int]:
        """Return the row numbers of the epoch."""
        ...

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""


class Part(TrainerCallback):
    """A member of a Trainer that takes part in its events, and in the saving and resuming of a checkpoint."""

    def save(self, checkpoint: Path) -> None:
        """Write what this rank has to keep into a checkpoint; called on every rank."""

    def resume(self, checkpoint: Path) -> None:
        """Take over from a checkpoint, or raise StateError if it does not fit."""

    def ended(self, state: TrainerState) -> bool:
        """Whether training ended here, before its last step: a run that is resumed here has no step left."""
        return False


class Stream(Part):
    """The stream of a sampler, cut into the optimiser steps of a Trainer; the sampler is that of `StreamMixin`.

    Without a dataset or without a sampler there is nothing to train on, and the Trainer can only evaluate.

    Raises
    ------
    ConfigError
        If the dataset has no numbered rows, or the sampler is sharded already, draws from another dataset, or its
        epoch is not whole steps.
    """

    OF = "sampler"
    """What the state in its position is of."""

    def __init__(self, sampler: EpochSampler | None, dataset: Any, args: TrainingArguments) -> None:
        self.sampler = cast(EpochSampler, sampler)
        self._begun: Mapping[str, Any] | None = None  # the state of the sampler when training first began
        if dataset is not None and sampler is not None:
            self.fit(dataset, args)

    def fit(self, dataset: Any, args: TrainingArguments) -> None:
        """Cut the stream into the steps that the arguments ask for now; errors as in the class."""
        if isinstance(dataset, IterableDataset):
            raise ConfigError(
                "not-indexable",
                f"`train_dataset` must be a dataset with numbered rows, found {type(dataset).__name__}: a sampler "
                "chooses rows by number. Data that are read in order are passed as a ShardedStream, with sampler=None.",
            )
        missing = [name for name, value in (("train_dataset", dataset), ("sampler", self.sampler)) if value is None]
        if missing:
            listed = " and ".join(f"`{name}`" for name in missing)
            reason = f"`train()` needs {listed}, found None: this Trainer can only evaluate. Pass both to train."
            raise ConfigError("nothing-to-train-on", reason)
        shard, batch = getattr(inner_sampler(self.sampler), "shard", None), global_batch(args)
        if shard is not None and shard.world_size > 1:
            raise ConfigError(
                "sharded-sampler",
                f"`sampler` must draw the whole stream, found {shard}: the Trainer splits it again, and most draws "
                "would be lost. Build it with Shard(0, 1).",
            )
        check_rows(self.sampler, batch, len(dataset))
        self._start = StreamPosition(0, batch, len(self.sampler), len(dataset), sampler=None)

    def in_place_of(self, theirs: Any, hook: str, trainer: object) -> EpochSampler:
        """Return the sampler for that of a Trainer's hook, which must be a plain shuffle of all rows.

        Raises
        ------
        ConfigError
            If the method of the Trainer needs an order of its own.
        """
        if type(theirs) is not RandomSampler and theirs is not self.sampler:
            raise ConfigError(
                "own-order",
                f"`{hook}` of {owner(trainer, hook).__name__} makes a {type(theirs).__name__}, as its method needs an "
                "order of its own, which no other `sampler` keeps. Train it without StreamMixin.",
            )
        return self.sampler

    def check_loader(self, loader: Any, args: TrainingArguments, trainer: object) -> None:
        """Raise ConfigError unless a training loader draws from the sampler, in batches of the arguments' size."""
        inner = loader
        while inner is not None and inner is not self.sampler:
            # Of a loader with batches of its own, `sampler` is not asked.
            found = (getattr(inner, name, None) for name in ("batch_sampler", "sampler"))
            inner = next((each for each in found if each is not None), None)
        if inner is None or len(loader) * args.train_batch_size * args.world_size != len(self.sampler):
            what = "does not draw from `sampler`" if inner is None else "has batches of another size than the arguments"
            hook = "get_train_dataloader"
            raise ConfigError(
                "own-loader",
                f"the loader of `{hook}` of {owner(trainer, hook).__name__} {what}, so training would not follow the "
                "plan. Let it take `self._get_train_sampler()`, or write a loop on `equipoise.loaders.StreamLoader`.",
            )

    def planned_steps(self, args: TrainingArguments) -> int:
        """Return how many optimiser steps a whole run has."""
        steps_per_epoch = len(self.sampler) // self._start.global_batch
        return args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * steps_per_epoch)

    def facts(self, args: TrainingArguments, resume: str | os.PathLike[str] | bool | None) -> dict[str, Any]:
        """Return what all ranks of a training must have alike."""
        state = self.at(0).sampler or {}
        return {
            "output_dir": str(Path(cast(str, args.output_dir)).absolute()),
            "resume_from_checkpoint": resume if isinstance(resume, bool | None) else os.fspath(resume),
            "seed": args.seed,
            "per_device_train_batch_size": args.per_device_train_batch_size,
            "gradient_accumulation_steps": args.gradient_accumulation_steps,
            "optimiser steps": self.planned_steps(args),
            "rows of train_dataset": self._start.examples,
            "draws of an epoch": self._start.draws_per_epoch,
            # A plan is long, and its digest tells as well that it differs.
            **{
                f"{self.OF} {name}": value if len(text) <= 80 else hashlib.sha256(text.encode()).hexdigest()
                for name, value, text in ((name, value, json.dumps(value)) for name, value in state.items())
            },
        }

    def at(self, step: int) -> StreamPosition:
        """Return the position after `step` optimiser steps, as a checkpoint holds it."""
        here = replace(self._start, step=step)
        if hasattr(self.sampler, "state_dict"):
            # The loader draws ahead of training, so the sampler is told where training is. A resumed Trainer skips
            # the batches from the start of the epoch by itself.
            first = here.epoch * len(self.sampler)
            here = replace(here, sampler=cast(Any, self.sampler).state_dict(position=first))
        return here

    def resume(self, checkpoint: Path) -> None:
        """Let the sampler take over from a checkpoint of this stream.

        Raises
        ------
        StateError
            If it is of another plan, seed, dataset, global batch or format.
        """
        saved = StreamPosition.read(checkpoint)
        saved.check_same_stream(self._start)
        if (saved.sampler is None) is hasattr(self.sampler, "state_dict"):
            found = "no state" if saved.sampler is None else "the state"
            raise StateError(
                "other-stream",
                f"The checkpoint of step {saved.step} cannot be resumed: it has {found} of a sampler, unlike this run. "
                "Use the sampler that the run was started with, or start a new run.",
            )
        if saved.sampler is not None and hasattr(self.sampler, "load_state_dict"):
            with refusing_damaged(checkpoint / FILE_NAME):
                cast(Any, self.sampler).load_state_dict(saved.sampler)
                now = self.at(saved.step).sampler
                if now != saved.sampler:
                    changes = "; ".join(differences(saved.sampler, now or {}))
                    message = f"the state of the sampler is not that of step {saved.step}: {changes}."
                    raise StateError("damaged-state", message)
        inner = inner_sampler(self.sampler)
        if isinstance(inner, PlanSampler):
            inner.trained_until(saved.step * saved.global_batch)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Begin another training, such as a trial of a search, without the plans that were decided in one before."""
        if state.global_step or not hasattr(self.sampler, "load_state_dict"):
            return
        begun = self.at(0).sampler
        self._begun = self._begun or begun
        if begun != self._begun:
            cast(Any, self.sampler).load_state_dict(self._begun)

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Move the sampler to the epoch of the next step.

        After a resume inside an epoch the Trainer's own `set_epoch` does not reach the sampler on more than one rank:
        skipping batches nests it one level deeper than the Trainer looks.
        """
        self.sampler.set_epoch(replace(self._start, step=state.global_step).epoch)


def owner(trainer: object, hook: str) -> type:
    """Return the class of other people that overrides a hook of a Trainer, or that of the Trainer itself."""
    bases = [base for base in type(trainer).__mro__ if not base.__module__.startswith("equipoise.")]
    return next((base for base in bases if hook in vars(base)), type(trainer))
