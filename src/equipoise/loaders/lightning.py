"""A stream under Lightning: a data module, the callback that goes with it, and a loss of whole steps."""
# ruff: noqa: ARG002 - the signatures are Lightning's

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, cast

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import Dataset, Sampler

from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.loaders.drawn import MakeSampler
from equipoise.loaders.loader import StreamLoader
from equipoise.loaders.read import Read
from equipoise.losses import WeightedSum, step_weight
from equipoise.samplers import TokenBatches


class StreamDataModule(LightningDataModule):
    """A data module whose training loader is that of a stream, and whose position is in every checkpoint.

    The Trainer needs a `StreamCallback()` and ``use_distributed_sampler=False``. Add `val_dataloader` and others in a
    subclass.

    Parameters
    ----------
    dataset, make_sampler, batch_size, **options
        As for `StreamLoader`.

    Attributes
    ----------
    stream : StreamLoader
        Set in `setup`, where the ranks are known.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 7, "yes": 5}}), weights="natural")
    >>> index = StratumIndex.from_sizes(plan)
    >>> data = StreamDataModule(range(12), lambda shard: PlanSampler(plan, index, shard=shard), batch_size=4)
    """

    stream: StreamLoader

    def __init__(
        self,
        dataset: Dataset[Any],
        make_sampler: MakeSampler | None = None,
        *,
        batch_size: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._make = partial(StreamLoader, dataset, make_sampler, batch_size=batch_size, **options)

    def setup(self, stage: str) -> None:
        """Make the sampler of this rank.

        Raises
        ------
        ConfigError
            If the Trainer has no `StreamCallback`, or the sampler does not fit.
        """
        if stage != "fit":
            return
        trainer = cast(Any, self.trainer)
        if not any(isinstance(each, StreamCallback) for each in trainer.callbacks):
            raise ConfigError(
                "no-callback",
                "`callbacks` of the Trainer must hold a StreamCallback(), found none: the batches that are trained on "
                "would not be counted.",
            )
        shard = Shard(trainer.global_rank, trainer.world_size)
        self.stream = self._make(accumulation=trainer.accumulate_grad_batches, shard=shard)
        if not isinstance(self.stream.sampler, TokenBatches | None):
            cast(Any, self.stream.loader).batch_sampler.sampler = _FromHere(self.stream)

    def train_dataloader(self) -> Iterable[Any]:
        """Return the loader of this rank."""
        return self.stream.loader

    def teardown(self, stage: str) -> None:
        """Stop the workers of a `ShardedStream`, which has no end: Lightning holds its loader in a cycle."""
        if stage == "fit" and isinstance(self.stream.loader, Read):
            self.stream.loader.stop()

    def on_exception(self, exception: BaseException) -> None:
        """Do so when training fails, too."""
        if hasattr(self, "stream"):
            self.teardown("fit")

    def state_dict(self) -> dict[str, Any]:
        """Return the position of training in the stream; Lightning writes it into every checkpoint."""
        return self.stream.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume there in `fit`; other stages read a checkpoint too, and have no stream."""
        if cast(Any, self.trainer).state.fn == "fit":
            self.stream.load_state_dict(state_dict)


class _FromHere(Sampler[int]):
    """The draws from the next batch to the end of its epoch of the stream.

    Lightning names each epoch to a sampler, and its epochs are other ones if `limit_train_batches` cuts them.
    """

    def __init__(self, stream: StreamLoader) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[int]:
        self._stream.continue_here()
        return iter(cast(Any, self._stream.sampler))

    def __len__(self) -> int:
        return len(cast(Any, self._stream.sampler))


class StreamCallback(Callback):
    """Set the epoch of the stream of a `StreamDataModule`, and count the batches that were trained on.

    Examples
    --------
    >>> trainer = Trainer(callbacks=[StreamCallback()], use_distributed_sampler=False, accelerator="cpu", logger=False)
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a Trainer that uses another sampler, the number of batches of another epoch, or parts of steps.

        A `ShardedStream` has no end, so the Trainer must have one.

        Raises
        ------
        ConfigError
            If it does.
        """
        stream, loader = _stream(trainer), cast(Any, trainer.train_dataloader)
        for saving in trainer.checkpoint_callbacks:
            # A resumed ModelCheckpoint does not know that its step is saved, and would save again inside the next one.
            cast(Any, saving)._last_global_step_saved = trainer.global_step
        reloaded: int = cast(Any, trainer).reload_dataloaders_every_n_epochs
        if stream.sampler is None:
            _check_end(trainer)
            return
        if stream.sampler not in (loader.sampler, loader.batch_sampler):
            raise ConfigError(
                "distributed-sampler",
                "`use_distributed_sampler` of the Trainer must be False, found True: the sampler already draws the "
                "part of each rank, and Lightning would shuffle and split that again.",
            )
        if isinstance(stream.sampler, TokenBatches) and reloaded != 1:
            raise ConfigError(
                "not-reloaded",
                "`reload_dataloaders_every_n_epochs` of the Trainer must be 1 with TokenBatches, found "
                f"{reloaded}: an epoch with more batches than the first would be cut short.",
            )

        batches, limit = trainer.num_training_batches, trainer.limit_train_batches
        if cast(Any, trainer).fast_dev_run or batches >= len(stream):
            return
        if isinstance(stream.sampler, TokenBatches) or batches % trainer.accumulate_grad_batches:
            raise ConfigError(
                "cut-epoch",
                f"`limit_train_batches` of the Trainer must be 1.0 with TokenBatches, and else a multiple of "
                f"`accumulate_grad_batches` ({trainer.accumulate_grad_batches}), found {limit!r} ({batches} of "
                f"{len(stream)} batches): an optimiser step would be cut short. For shorter epochs build the sampler "
                "with a smaller draws_per_epoch.",
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the next draws: an epoch that `limit_train_batches` cut is resumed in the next one.

        Lightning does not call this when it resumes inside an epoch, which the state knows.

        Raises
        ------
        ConfigError
            If an epoch was broken off inside an optimiser step, by the module for example.
        """
        stream = _stream(trainer)
        if stream.batches_in_step:
            raise ConfigError(
                "cut-epoch",
                f"Epochs must end with an optimiser step, found one that was broken off after {stream.batches_in_step} "
                f"of the {stream.accumulation} micro-batches of step {stream.step}.",
            )
        if stream.sampler is None:
            return
        if stream.step == 0 or isinstance(stream.sampler, TokenBatches):  # others begin where training is
            stream.set_epoch(trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch, before a `ModelCheckpoint`, which is called last, saves."""
        _stream(trainer).batch_done()


class StepLoss(LightningModule):
    """A LightningModule whose weighted loss is that of whole optimiser steps, however they are split.

    Return ``self.share(part)`` from `training_step`. Before the optimiser's step, and before gradients are clipped,
    the gradients are divided by the weight of all micro-batches on all ranks.

    Attributes
    ----------
    step_loss : Tensor
        Loss of the last step, the same on all ranks; log it in `on_train_batch_end`.

    Examples
    --------
    >>> from equipoise.losses import TokenLoss
    >>> class Model(StepLoss):
    ...     def training_step(self, batch, batch_idx):
    ...         return self.share(TokenLoss()(self(batch), batch["labels"], batch["example_weight"]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._totals: list[Tensor] = []
        self._weights: list[Tensor] = []
        self.step_loss = torch.zeros(())

    def share(self, part: WeightedSum) -> Tensor:
        """Return the loss of one micro-batch for `training_step` to return.

        Parameters
        ----------
        part : WeightedSum
            From a `TokenLoss` or any other loss: a sum, and the weight that divides it.

        Returns
        -------
        Tensor
            Scalar.
        """
        self._totals.append(part.total.detach())
        self._weights.append(part.weight)
        # Lightning divides by the accumulation, and the mean over ranks by their number.
        return part.total * (self.trainer.accumulate_grad_batches * self.trainer.world_size)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Divide the gradients by the weight of the step."""
        whole = WeightedSum(step_weight(self._totals), step_weight(self._weights))
        self._totals.clear()
        self._weights.clear()
        self.step_loss = whole.mean()
        weight = whole.weight.item() or 1.0
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(weight)


def _check_end(trainer: Trainer) -> None:
    """Raise ConfigError if a stream without an end would be read for ever, or in epochs that cut a step."""
    batches, accumulation = trainer.num_training_batches, trainer.accumulate_grad_batches
    if batches == float("inf") and trainer.max_steps < 0:
        raise ConfigError(
            "no-end",
            "`max_steps` of the Trainer must be set with a ShardedStream, which has no end, found -1. Or set the "
            "batches of an epoch, `limit_train_batches`, as an integer.",
        )
    if batches != float("inf") and batches % accumulation and not cast(Any, trainer).fast_dev_run:
        raise ConfigError(
            "cut-epoch",
            f"`limit_train_batches` of the Trainer must be a multiple of `accumulate_grad_batches` ({accumulation}), "
            f"found {batches}: an optimiser step would be cut short.",
        )


def _stream(trainer: Trainer) -> StreamLoader:
    data: Any = getattr(trainer, "datamodule", None)
    if not isinstance(data, StreamDataModule):
        raise ConfigError(
            "no-stream",
            f"`datamodule` must be a StreamDataModule with StreamCallback, found {type(data).__name__}. "
            "Pass it to `fit`.",
        )
    return data.stream
