"""Any Trainer on the stream of a sampler: resumed exactly, on one rank and on several."""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer, TrainerState
from transformers.trainer_utils import TrainOutput

from equipoise.errors import RunWarning
from equipoise.iterable import ShardedStream
from equipoise.trainer.arguments import check_owned
from equipoise.trainer.checkpointing import Checkpoints, refusing_damage
from equipoise.trainer.launch import refuse_unseen
from equipoise.trainer.ranks import Ranks
from equipoise.trainer.read import ReadStream, check_end
from equipoise.trainer.stream import EpochSampler, Part, Stream
from equipoise.trainer.unlogged import UnloggedLosses

_Base = Trainer if TYPE_CHECKING else object  # it stands before a Trainer, which may be any subclass


class StreamMixin(_Base):
    """What puts a `Trainer` on the stream of a sampler; model, loss and evaluation stay the Trainer's.

    ``class MyTrainer(StreamMixin, Seq2SeqTrainer)`` takes one argument more, `sampler`. Optimiser step k trains on
    draws [k G, (k + 1) G) of the stream, with G = batch size x accumulation x ranks. Every checkpoint holds the
    position in the stream, and `train(resume_from_checkpoint=...)` resumes exactly there, in any epoch and on another
    number of ranks if G stays the same.

    Data that can only be read in order are a `ShardedStream` as `train_dataset`, with ``sampler=None`` and `max_steps`:
    step k trains on its examples [k G, (k + 1) G), one epoch of it after the other.

    Parameters
    ----------
    *args, **kwargs
        Those of the Trainer; `train_dataset` among them.
    sampler : sampler with `set_epoch`, or None
        `PlanSampler`, `WeightedSampler`, `LengthSorted`, or any other whose order is a function of seed and epoch.
        It must draw the whole stream (`Shard(0, 1)`), which the Trainer splits over the ranks, and its length must be
        whole optimiser steps (`whole_steps`). None, like `train_dataset=None`, for a Trainer that only evaluates.

    Attributes
    ----------
    stream : Stream
        The sampler, and the position of each step in its stream.
    unlogged : UnloggedLosses
        The losses since the last log.
    checkpoints : Checkpoints
        Finds, writes and seals the checkpoints.

    Raises
    ------
    ConfigError
        If an argument would break the stream, the sampler does not fit the dataset or the steps, or the Trainer's
        method needs an order of its own, as TRL's GRPO does.

    Notes
    -----
    The loss is the Trainer's: transformers divides by the target tokens of the step only where the model's loss takes
    `num_items_in_batch`. Where it does not, as with T5, micro-batches and ranks of different lengths get other weights
    than in one batch; divide in your own `compute_loss`, or use `EquipoiseTrainer`.

    Examples
    --------
    >>> from transformers import Seq2SeqTrainer
    >>> class MyTrainer(StreamMixin, Seq2SeqTrainer):
    ...     pass
    """

    _making_train_loader = False

    def __init__(self, *args: Any, sampler: EpochSampler | None, **kwargs: Any) -> None:
        check_end(kwargs.get("args"), kwargs.get("train_dataset"))
        super().__init__(*args, **kwargs)
        check_owned(self.args)
        refuse_unseen(self.args, os.environ)
        self.parts: list[Part] = []
        if isinstance(self.train_dataset, ShardedStream):
            self.stream: Stream = ReadStream(self.train_dataset, sampler, self.args, self.data_collator)
        else:
            self.stream = Stream(sampler, self.train_dataset, self.args)
            if self.train_dataset is not None:
                self._get_train_sampler()  # refuses a method that needs an order of its own
        self.unlogged = UnloggedLosses(self.args)
        self.checkpoints = Checkpoints(self.stream, self.args, self.accelerator)
        for part in (self.stream, self.unlogged, self.checkpoints):
            self.add_part(part)

    def add_part(self, part: Part) -> None:
        """Let a part take part in the events of training, and in the saving and resuming of a checkpoint."""
        self.parts.append(part)
        self.add_callback(part)

    def train(
        self,
        resume_from_checkpoint: str | os.PathLike[str] | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Train, from the start or from a checkpoint.

        Parameters
        ----------
        resume_from_checkpoint : str, path-like, bool or None
            A checkpoint's folder; or True for the newest whole one in `args.output_dir`, and for a start
            from step 0 when none was completed yet.
        trial, ignore_keys_for_eval
            As in `transformers.Trainer`. The checkpoints of a trial are in its own folder, `run-<number>`.

        Returns
        -------
        transformers.trainer_utils.TrainOutput
            Steps done, mean training loss of all of them, metrics.

        Raises
        ------
        ConfigError
            If there is no training set or no sampler, or the Trainer's loader does not draw from the sampler.
        RunError
            If the output directory cannot be written, or holds another run and none was to be resumed; if ranks differ
            in what they would train; or if another rank has failed, which ends all.
        StateError
            If the checkpoint is damaged, or of another plan, seed, dataset, global batch or format.
        """
        ranks = Ranks.present(self.args.ddp_timeout)
        with ranks.ending_together():
            self.stream.fit(self.train_dataset, self.args)
            self.checkpoints.use(Path(self._get_output_dir(trial)))
            if ranks.size > 1:
                ranks.agree(self.stream.facts(self.args, resume_from_checkpoint))
            with self.checkpoints.locked():
                checkpoint = self.checkpoints.find(resume_from_checkpoint)
                with refusing_damage(checkpoint):
                    return self._train_from(checkpoint, trial, ignore_keys_for_eval)

    def _train_from(self, checkpoint: Path | None, trial: Any, ignore_keys_for_eval: list[str] | None) -> TrainOutput:
        self.unlogged.begin(None)
        if checkpoint is not None:
            state = self.checkpoints.read_state(checkpoint)
            for part in self.parts:
                part.resume(checkpoint)
            done = state.global_step >= self.stream.planned_steps(self.args)
            if done or any(part.ended(state) for part in self.parts):
                return self._finished(checkpoint, state)
        # Last of all callbacks: it seals the checkpoint. The Trainer would remove older ones before that, and at its
        # end even the newest.
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        self.checkpoints.keep = limit
        # A stream that is read in order begins at the checkpoint by itself: the Trainer must skip nothing of it.
        skips, self.args.ignore_data_skip = self.args.ignore_data_skip, isinstance(self.stream, ReadStream)
        self.remove_callback(self.checkpoints)
        self.add_callback(self.checkpoints)
        try:
            with self.checkpoints.sealing():
                done = super().train(None if checkpoint is None else str(checkpoint), trial, ignore_keys_for_eval)
        finally:
            self.args.save_total_limit, self.args.ignore_data_skip = limit, skips
        mean = self.unlogged.mean(self.state)
        return done._replace(training_loss=mean, metrics=done.metrics | {"train_loss": mean})

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """Do the forward and backward pass of a micro-batch; see `transformers.Trainer`."""
        return self.unlogged.add(super().training_step(*args, **kwargs), self.state.global_step)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log; the mean training loss is that of an uninterrupted run."""
        if "train_loss" in logs:
            logs = logs | {"train_loss": self.unlogged.mean(self.state)}
        super().log(self.unlogged.log(logs, self.state.global_step), *args, **kwargs)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the Trainer's loader, which must draw from the sampler; or that of a `ShardedStream`."""
        if isinstance(self.stream, ReadStream):
            return cast(DataLoader[Any], self.stream.loader_for(self))
        self.stream.fit(self.train_dataset, self.args)  # a trial may have another batch size
        self._making_train_loader = True
        try:
            loader = super().get_train_dataloader()
        finally:
            self._making_train_loader = False
        self.stream.check_loader(loader, self.args, self)
        return loader

    def get_batch_sampler(self, *args: Any, **kwargs: Any) -> Any:
        """Return batches of the sampler, for the Trainers of sentence-transformers, which have this hook alone."""
        batches = cast(Any, super()).get_batch_sampler(*args, **kwargs)
        if self._making_train_loader:
            batches.sampler = self.stream.in_place_of(batches.sampler, "get_batch_sampler", self)
        return batches

    def num_examples(self, dataloader: DataLoader[Any]) -> int:
        """Return how many examples one pass of a loader has: draws in training, not dataset rows."""
        dataset = dataloader.dataset
        return len(self.stream.sampler) if dataset is self.train_dataset else len(cast(Any, dataset))

    # What follows leans on private methods of transformers, as no public one would do. ARCHITECTURE.md has them all
    # and tests/unit/trainer/test_transformers.py checks that they are still there and called.

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        # An own loader in `get_train_dataloader` would be a copy, and replace that of other people's Trainers.
        theirs = super()._get_train_sampler(train_dataset)
        return cast(Sampler[int], self.stream.in_place_of(theirs, "_get_train_sampler", self))

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        # `on_save` comes after all files, and `save_model` before only some, where others override it.
        with self.checkpoints.saving(self.state.global_step) as folder:
            super()._save_checkpoint(model, trial)
            for part in self.parts:
                part.save(folder)

    def _finished(self, checkpoint: Path, state: TrainerState) -> TrainOutput:
        """Load a checkpoint after which no step is left: the Trainer would train one more, inside an epoch."""
        source = self.checkpoints.best or checkpoint
        best = state.best_model_checkpoint if self.args.load_best_model_at_end else None
        if best is not None and self.checkpoints.best is None:
            message = f"The best checkpoint, `{best}`, is missing. The model is that of the last, `{checkpoint}`."
            warnings.warn(RunWarning("no-best-checkpoint", message), stacklevel=5)
        self._load_from_checkpoint(str(source))  # only `train` calls it
        self.state = state
        return TrainOutput(state.global_step, self.unlogged.mean(state), {})
