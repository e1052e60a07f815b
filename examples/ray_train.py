"""Train on two workers of Ray Train: python ray_train.py OUT. A second call resumes, as Ray does by itself."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray.train
import torch
from ray.train import Checkpoint, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model

import toy
from equipoise import Shard
from equipoise.loaders import StreamLoader
from equipoise.losses import TokenLoss, step_weight


def work(options: Mapping[str, Any]) -> None:
    """Train on one worker; report the loss of every step."""
    context = ray.train.get_context()
    shard = Shard(context.get_world_rank(), context.get_world_size())
    loader = StreamLoader(  # and never `prepare_data_loader`, which would replace the sampler
        toy.make_dataset(),
        toy.make_sampler,
        batch_size=options["batch_size"],
        accumulation=options["accumulation"],
        shard=shard,
        collate_fn=toy.collate,
        num_workers=options["workers"],
    )
    plain = toy.make_model()
    model = prepare_model(plain)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    if found := ray.train.get_checkpoint():
        with found.as_directory() as folder:
            state = torch.load(Path(folder, "state.pt"), weights_only=True)
        plain.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])

    loss = TokenLoss()
    while loader.step < options["steps"]:
        for batches in loader.steps():
            weight = step_weight(loss.weight(batch["labels"], batch["example_weight"]) for batch in batches)
            value = torch.zeros(())
            for batch in batches:
                inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
                part = loss(model(**inputs).logits, batch["labels"], batch["example_weight"]).total / weight
                (part * shard.world_size).backward()  # DDP takes the mean over the ranks
                value += part.detach()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            metrics = {"step": loader.step, "loss": step_weight([value]).item()}
            with tempfile.TemporaryDirectory() as folder:
                saved = None
                if shard.rank == 0 and (loader.step % options["save_every"] == 0 or loader.step == options["steps"]):
                    state = {"model": plain.state_dict(), "optimizer": optimizer.state_dict()}
                    torch.save(state | {"loader": loader.state_dict()}, Path(folder, "state.pt"))
                    saved = Checkpoint.from_directory(folder)
                ray.train.report(metrics, checkpoint=saved)
            if loader.step == options["steps"]:
                break


def main(arguments: Sequence[str] | None = None, workers: int = 2) -> ray.train.Result:
    """Train; return what Ray returns."""
    options = toy.parse(__doc__, arguments)
    output = options.output.resolve()
    trainer = TorchTrainer(
        work,
        train_loop_config=vars(options) | {"output": str(output)},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=False),
        run_config=RunConfig(name=output.name, storage_path=str(output.parent)),
    )
    return trainer.fit()


if __name__ == "__main__":
    print(main().metrics)
