"""Train with Lightning: python lightning_module.py OUT, or torchrun --nproc-per-node 2 lightning_module.py OUT."""

import os
from collections.abc import Mapping, Sequence

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

import toy
from equipoise.loaders import StepLoss, StreamCallback, StreamDataModule
from equipoise.losses import TokenLoss


class Model(StepLoss):
    """The weighted loss of whole optimiser steps, however they are split over micro-batches and ranks."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.loss, self.losses = toy.make_model(), TokenLoss(), []

    def training_step(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the share of a micro-batch in the loss of its step."""
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
        return self.share(self.loss(self.model(**inputs).logits, batch["labels"], batch["example_weight"]))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the gradients by the weight of the step."""
        super().on_before_optimizer_step(optimizer)
        self.losses.append(self.step_loss.item())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make the optimiser."""
        return torch.optim.AdamW(self.parameters(), lr=1e-2, weight_decay=0.0)


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    data = StreamDataModule(
        toy.make_dataset(),
        toy.make_sampler,
        batch_size=options.batch_size,
        collate_fn=toy.collate,
        num_workers=options.workers,
    )
    saving = ModelCheckpoint(
        options.output, every_n_train_steps=options.save_every, save_on_train_epoch_end=False, save_last=True
    )
    ranks, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    trainer = Trainer(
        accelerator="cpu",
        devices=here,
        num_nodes=ranks // here,
        strategy="ddp" if ranks > 1 else "auto",
        max_steps=options.steps,
        accumulate_grad_batches=options.accumulation,
        gradient_clip_val=1.0,
        use_distributed_sampler=False,
        callbacks=[StreamCallback(), saving],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Model()
    trainer.fit(
        module, datamodule=data, ckpt_path=options.output / "last.ckpt" if options.resume else None, weights_only=True
    )
    module.model.save_pretrained(options.output, is_main_process=trainer.is_global_zero)
    return module.losses


if __name__ == "__main__":
    print(main())
