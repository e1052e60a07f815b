"""Train in a loop under accelerate: python accelerate_loop.py OUT, or accelerate launch accelerate_loop.py OUT."""

from collections.abc import Sequence

import torch
from accelerate import Accelerator

import toy
from equipoise.loaders import prepare_loader
from equipoise.losses import TokenLoss, step_weight


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=options.accumulation)
    model = toy.make_model()
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0))
    loader = prepare_loader(
        accelerator,
        toy.make_dataset(),
        toy.make_sampler,
        batch_size=options.batch_size,
        collate_fn=toy.collate,
        num_workers=options.workers,
    )
    folders = options.output.glob("checkpoint-*")
    if options.resume and (newest := max(folders, key=lambda path: int(path.name[11:]), default=None)):
        accelerator.load_state(str(newest))

    loss, losses = TokenLoss(), []
    while loader.step < options.steps:
        for batches in loader.steps():
            # Loss and gradient are those of the whole step, however it is split over micro-batches and ranks.
            weight = step_weight(loss.weight(batch["labels"], batch["example_weight"]) for batch in batches)
            value = torch.zeros((), device=accelerator.device)
            for batch in batches:
                with accelerator.accumulate(model):
                    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
                    part = loss(model(**inputs).logits, batch["labels"], batch["example_weight"]).total / weight
                    value += part.detach()
                    # accelerate divides by the accumulation, DDP by the ranks
                    accelerator.backward(part * options.accumulation * accelerator.num_processes)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    optimizer.zero_grad()
            losses.append(accelerator.reduce(value, "sum").item())
            if loader.step % options.save_every == 0 or loader.step == options.steps:
                save(accelerator, options.output / f"checkpoint-{loader.step}")
            if loader.step == options.steps:
                break
    accelerator.unwrap_model(model).save_pretrained(options.output, is_main_process=accelerator.is_main_process)
    return losses


def save(accelerator: Accelerator, folder: toy.Path) -> None:
    """Write a checkpoint that has its name only once it is whole."""
    unfinished = folder.with_name(f"unfinished-{folder.name}")
    accelerator.save_state(str(unfinished))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        unfinished.rename(folder)
    accelerator.wait_for_everyone()


if __name__ == "__main__":
    print(main())
