"""The stream of a sampler under Lightning: a data module, the callback that goes with it, and a loss of whole steps."""
# ruff: noqa: ARG002 - the signatures are Lightning's

from functools import partial
from typing import Any, cast

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.loaders.loader import MakeSampler, StreamLoader
from equipoise.losses import SumMass, step_mass
from equipoise.samplers import TokenBatches


class StreamDataModule(LightningDataModule):
    """A data module whose training loader draws from a sampler, and whose place is in every checkpoint.

    Give `StreamCallback()` and ``use_distributed_sampler=False`` to the Trainer. A subclass adds
    `val_dataloader` and the like.

    Parameters
    ----------
    dataset : Dataset
        With numbered rows.
    make_sampler : callable
        From the `Shard` of this rank to its sampler; see `StreamLoader`. An epoch must be whole optimiser steps.
    batch_size : int, optional
        Rows of one batch of one rank; left out with `TokenBatches`.
    **options
        Further options of `torch.utils.data.DataLoader`: `collate_fn`, `num_workers`...

    Attributes
    ----------
    stream : StreamLoader
        Made in `setup`, where the ranks are known.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 7, "yes": 5}}))
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> data = StreamDataModule(range(12), lambda shard: PlanSampler(plan, index, shard=shard), batch_size=4)
    """

    stream: StreamLoader

    def __init__(
        self, dataset: Dataset[Any], make_sampler: MakeSampler, *, batch_size: int | None = None, **options: Any
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
        trainer = _trainer(self)
        if not any(isinstance(each, StreamCallback) for each in cast(Any, trainer).callbacks):
            raise ConfigError(
                "`callbacks` of the Trainer must hold a StreamCallback(), found none: nothing would count what is "
                "trained on."
            )
        shard = Shard(trainer.global_rank, trainer.world_size)
        self.stream = self._make(accumulation=trainer.accumulate_grad_batches, shard=shard)

    def train_dataloader(self) -> DataLoader[Any]:
        """Give the loader of this rank."""
        return self.stream.loader

    def state_dict(self) -> dict[str, Any]:
        """Give the place in the stream where training is; Lightning puts it into every checkpoint."""
        return self.stream.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there, to train; to test or to predict, a checkpoint is read too, and there is no stream."""
        if _trainer(self).state.fn == "fit":
            self.stream.load_state_dict(state_dict)


class StreamCallback(Callback):
    """Tell the stream of a `StreamDataModule` the epoch, and which batches were trained on.

    Examples
    --------
    >>> trainer = Trainer(callbacks=[StreamCallback()], use_distributed_sampler=False, accelerator="cpu", logger=False)
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a Trainer that takes another sampler, or the number of batches of another epoch.

        Raises
        ------
        ConfigError
            If so.
        """
        stream, loader = _stream(trainer), cast(Any, trainer.train_dataloader)
        for saving in trainer.checkpoint_callbacks:
            # It does not know that the step it resumes from is saved, and would save again inside the next one.
            cast(Any, saving)._last_global_step_saved = trainer.global_step
        reloaded: int = cast(Any, trainer).reload_dataloaders_every_n_epochs
        if stream.sampler not in (loader.sampler, loader.batch_sampler):
            raise ConfigError(
                "`use_distributed_sampler` of the Trainer must be False, found True: the sampler gives each rank its "
                "part, and Lightning would shuffle and split that again."
            )
        if isinstance(stream.sampler, TokenBatches) and reloaded != 1:
            raise ConfigError(
                "`reload_dataloaders_every_n_epochs` of the Trainer must be 1 with TokenBatches, found "
                f"{reloaded}: an epoch with more batches than the first would be cut short."
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pass the epoch. Lightning leaves this out where it resumes inside one: there the state says where."""
        _stream(trainer).set_epoch(trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch, before a `ModelCheckpoint` saves: those come last."""
        _stream(trainer).batch_done()


class StepLoss(LightningModule):
    """A LightningModule whose weighted loss is that of whole optimiser steps, however they are cut.

    Return ``self.share(part)`` from `training_step`. Before the optimiser's step, and before gradients are clipped,
    the gradients are divided by the mass of all micro-batches on all ranks.

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
        self._masses: list[Tensor] = []
        self.step_loss = torch.zeros(())

    def share(self, part: SumMass) -> Tensor:
        """Give what `training_step` is to return for the losses of one micro-batch.

        Parameters
        ----------
        part : SumMass
            Of a `TokenLoss`, or of any other loss: the sum, and what divides it.

        Returns
        -------
        Tensor
        """
        self._totals.append(part.total.detach())
        self._masses.append(part.mass)
        trainer = _trainer(self)
        # Lightning divides by the accumulation, and the mean over ranks by their number.
        return part.total * (trainer.accumulate_grad_batches * trainer.world_size)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Divide the gradients by the mass of the step."""
        whole = SumMass(step_mass(self._totals), step_mass(self._masses))
        self._totals.clear()
        self._masses.clear()
        self.step_loss = whole.mean()
        mass = whole.mass.item() or 1.0
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(mass)


def _trainer(owner: LightningDataModule | LightningModule) -> Trainer:
    trainer = owner.trainer
    assert trainer is not None, "Lightning sets it before it calls any hook"
    return trainer


def _stream(trainer: Trainer) -> StreamLoader:
    data: Any = getattr(trainer, "datamodule", None)
    if not isinstance(data, StreamDataModule):
        raise ConfigError(
            f"`datamodule` must be a StreamDataModule with StreamCallback, found {type(data).__name__}. "
            "Pass it to `fit`."
        )
    return data.stream
