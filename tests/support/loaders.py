"""Loaders over each of the samplers, and training with real frameworks that records the rows of each step."""

from itertools import chain, islice

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader

from equipoise import LengthSorted, Mixed, OneTask, PlanSampler, Quota, Shard, TokenBatches
from tests.support.plans import codes_of, imbalanced

ROWS, EPOCH, EPOCHS = 1096, 200, range(3)
BATCH, PER_STEP = 5, 4  # rows of a batch, and batches of an optimiser step: ranks x accumulation
STEP = BATCH * PER_STEP
LENGTHS = np.minimum(np.random.default_rng(1).lognormal(3, 1, ROWS).astype(int) + 1, 120)
TOKENS = ("tokens", "tokens_of_one_task")
ONE_TASK = ("one_task", "tokens_of_one_task")
KINDS = ("mixed", "quota", "one_task", "sorted", "batch_sampler", *TOKENS)


def make(kind, shard=Shard()):  # noqa: B008 - frozen
    """Return the sampler for the loader, whose state is saved."""
    plan, index = imbalanced()
    batches = OneTask(STEP) if kind in ONE_TASK else Quota(STEP) if kind == "quota" else Mixed()
    sampler = PlanSampler(plan, index, 3, EPOCH, shard, batches=batches)
    if kind == "sorted":
        return LengthSorted(sampler, LENGTHS, STEP, window=5)
    return TokenBatches(sampler, LENGTHS, 120, PER_STEP, window=100) if kind in TOKENS else sampler


def load(kind, sampler, workers=0, loader=DataLoader):
    """A loader of row numbers."""
    # A process that was itself spawned would spawn its workers too, and each would import torch.
    options = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    if kind in TOKENS:
        return loader(range(ROWS), batch_sampler=sampler, **options)
    if kind == "batch_sampler":
        return loader(range(ROWS), batch_sampler=BatchSampler(sampler, BATCH, drop_last=True), **options)
    return loader(range(ROWS), batch_size=BATCH, sampler=sampler, **options)


def alone(kind):
    """Batches of each epoch in one process, from the samplers alone."""
    sampler, epochs = make(kind), []
    for epoch in EPOCHS:
        sampler.set_epoch(epoch)
        rows = list(sampler)
        epochs.append(rows if kind in TOKENS else [rows[at : at + BATCH] for at in range(0, EPOCH, BATCH)])
    return epochs


def steps_alone(kind, first=0):
    """Rows of each optimiser step of all epochs, sorted, from the step `first` on."""
    batches = [batch for epoch in alone(kind) for batch in epoch]
    steps = [batches[at : at + PER_STEP] for at in range(0, len(batches), PER_STEP)]
    return [sorted(chain(*step)) for step in steps[first:]]


def steps_of(*ranks):
    """Rows of each optimiser step, sorted, from what each rank saw."""
    steps = {}
    for seen in ranks:
        assert [(epoch, step) for epoch, step, _ in seen] == [(epoch, step) for epoch, step, _ in ranks[0]]
        for _, step, rows in seen:
            steps.setdefault(step, []).extend(rows)
    return [sorted(steps[step]) for step in sorted(steps)]


def batches_of(seen):
    """Batches of each epoch that one rank saw."""
    return [[rows for epoch, _, rows in seen if epoch == number] for number in sorted({epoch for epoch, *_ in seen})]


def tasks_of(rows):
    plan, index = imbalanced()
    return set(plan.task_numbers[codes_of(index)[rows]].tolist())


def state_after(kind, steps):
    """State of a run that was stopped after some optimiser steps, all in one epoch after the first."""
    sampler = make(kind)
    if kind not in TOKENS:
        return sampler.state_dict(position=steps * STEP)
    sampler.set_epoch(1)
    return sampler.state_dict(batches=steps * PER_STEP - len(alone(kind)[0]))


def new_accelerator(accumulation, **configuration):
    """Make one that knows nothing of others in the process: a loader broken off at its last batch ends their steps."""
    from accelerate import Accelerator
    from accelerate.state import GradientState
    from accelerate.utils import DataLoaderConfiguration

    GradientState._reset_state()
    return Accelerator(
        cpu=True,
        gradient_accumulation_steps=accumulation,
        dataloader_config=DataLoaderConfiguration(**configuration),
    )


def prepare(kind, sampler, ranks=1, workers=0, **configuration):
    accelerator = new_accelerator(PER_STEP // ranks, **configuration)
    model = torch.nn.Linear(1, 1)
    return accelerator, *accelerator.prepare(
        model, torch.optim.SGD(model.parameters(), 1e-6), load(kind, sampler, workers)
    )


def train(accelerator, model, optimizer, loader, epochs=EPOCHS, stop=None):
    """Return (epoch, optimiser step, rows) of each batch of this rank, at most the first `stop`."""

    def run():
        step = 0
        for epoch in epochs:
            for batch in loader:
                with accelerator.accumulate(model):
                    accelerator.backward(model(batch[:, None].float()).mean())
                    optimizer.step()
                    optimizer.zero_grad()
                yield epoch, step, batch.tolist()
                step += accelerator.sync_gradients

    return list(islice(run(), stop))


def lightning_fit(
    kind, *, ranks=1, workers=0, given=None, read=None, keep=True, save=None, resume=None, more=(), **options
):
    """Train with Lightning, and return (epoch, optimiser step, rows) of each batch of this rank.

    `given` is a sampler to use as it is; `read` makes a stream that is read instead; `save` = (hook, optimiser step,
    path) saves there and stops; `keep` says whether the sampler's state is in what is saved; `more` are further
    callbacks. Without `given`, and unless told not to keep it, the data module is that of
    `equipoise.loaders.lightning`, for the samplers that it takes.
    """
    from lightning import Callback, LightningDataModule, LightningModule, Trainer

    from equipoise.loaders import StreamCallback, StreamDataModule

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.seen = torch.nn.Linear(1, 1), []

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 1e-6)

        def training_step(self, batch, number):
            self.seen.append((self.current_epoch, self.global_step, batch.tolist()))
            return self.layer(batch[:, None].float()).mean()

    class Data(LightningDataModule):
        def setup(self, stage):
            self.sampler = given or make(kind, Shard(self.trainer.global_rank, self.trainer.world_size))

        def train_dataloader(self):
            return load(kind, self.sampler, workers)

        def state_dict(self):
            if not keep:
                return {}
            return self.sampler.state_dict(position=self.trainer.global_step * STEP)

        def load_state_dict(self, state):
            self.sampler.load_state_dict(state)

    class Save(Callback):
        def on_train_batch_end(self, trainer, *_):
            self.save("batch", trainer)

        def on_train_epoch_end(self, trainer, *_):
            self.save("epoch", trainer)

        def save(self, hook, trainer):
            if save and save[:2] == (hook, trainer.global_step) and not trainer.should_stop:
                trainer.save_checkpoint(save[2])
                trainer.should_stop = True

    own = given is None and keep and kind != "batch_sampler"
    data = Data()
    if own:
        loading = {"batch_size": None if kind in TOKENS else BATCH, "num_workers": workers}
        loading["multiprocessing_context"] = "fork" if workers else None
        data = StreamDataModule(range(ROWS), lambda shard: make(kind, shard), **loading)
        if read is not None:
            data = StreamDataModule(read(), **loading)
    module = Module()
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    usual = {"max_epochs": len(EPOCHS), "use_distributed_sampler": False, "reload_dataloaders_every_n_epochs": 1}
    trainer = Trainer(
        accelerator="cpu",
        accumulate_grad_batches=PER_STEP // ranks,
        logger=False,
        callbacks=[*([StreamCallback()] if own else []), Save(), *more],
        **quiet | usual | options,
    )
    trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True if resume else None)
    return module.seen
