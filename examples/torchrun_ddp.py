"""Train in a plain loop: python torchrun_ddp.py OUT, or torchrun --nproc-per-node 2 torchrun_ddp.py OUT."""

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.nn.parallel import DistributedDataParallel

import toy
from equipoise import Shard
from equipoise.loaders import StreamLoader
from equipoise.losses import TokenLoss, step_weight

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)  # weights as one process has them, whatever wraps them


def main(arguments: Sequence[str] | None = None, wrap: type | None = DistributedDataParallel) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    shard = Shard.from_environment(os.environ)
    if shard.world_size > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")
    model = toy.make_model() if shard.world_size == 1 else wrap(toy.make_model())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    loader = StreamLoader(
        toy.make_dataset(),
        toy.make_sampler,
        batch_size=options.batch_size,
        accumulation=options.accumulation,
        shard=shard,
        collate_fn=toy.collate,
        num_workers=options.workers,
    )
    newest = options.output / "newest.pt"
    if options.resume:
        state = torch.load(newest, weights_only=True)
        set_state_dict(
            model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"], options=WHOLE
        )
        loader.load_state_dict(state["loader"])

    loss, losses = TokenLoss(), []
    while loader.step < options.steps:
        for batches in loader.steps():
            # Loss and gradient are those of the whole step, however it is split over micro-batches and ranks.
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
            losses.append(step_weight([value]).item())
            if loader.step % options.save_every == 0 or loader.step == options.steps:
                weights, moments = get_state_dict(model, optimizer, options=WHOLE)  # all ranks take part
                if shard.rank == 0:
                    options.output.mkdir(parents=True, exist_ok=True)
                    unfinished = newest.with_suffix(".unfinished")  # a process killed while writing leaves the last one
                    torch.save({"model": weights, "optimizer": moments, "loader": loader.state_dict()}, unfinished)
                    unfinished.replace(newest)
            if loader.step == options.steps:
                break
    return losses


if __name__ == "__main__":
    print(main())
    if dist.is_initialized():
        dist.destroy_process_group()
