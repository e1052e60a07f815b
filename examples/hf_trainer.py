"""Train with `EquipoiseTrainer`: python hf_trainer.py OUT, or torchrun --nproc-per-node 2 hf_trainer.py OUT."""

from collections.abc import Sequence

import toy
from equipoise.trainer import EquipoiseTrainer, training_arguments


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    args = training_arguments(
        options.output,
        {
            "max_steps": options.steps,
            "per_device_train_batch_size": options.batch_size,
            "gradient_accumulation_steps": options.accumulation,
            "dataloader_num_workers": options.workers,
            "save_strategy": "steps",
            "save_steps": options.save_every,
            "logging_steps": 1,
            "learning_rate": 1e-2,
            "lr_scheduler_type": "constant",
            "use_cpu": True,
        },
    )
    trainer = EquipoiseTrainer(
        toy.make_model(),
        args,
        train_dataset=toy.make_dataset(),
        sampler=toy.make_sampler(),  # the whole stream: the Trainer splits it over the ranks
        data_collator=toy.collate,
    )
    trainer.train(resume_from_checkpoint=options.resume)
    trainer.save_model(options.output)
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


if __name__ == "__main__":
    print(main())
