"""Fine-tune with TRL: python trl_sft.py OUT."""

from collections.abc import Sequence

from trl import SFTConfig, SFTTrainer

import toy
import toy_decoder
from equipoise.trainer import StreamMixin


class MyTrainer(StreamMixin, SFTTrainer):
    """The Trainer of TRL, on the stream of a sampler."""


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    trainer = MyTrainer(
        toy_decoder.make_model(),
        SFTConfig(
            str(options.output),
            packing=False,  # each example is a row of the plan: none is packed,
            max_length=None,  # cut or dropped
            max_steps=options.steps,
            per_device_train_batch_size=options.batch_size,
            gradient_accumulation_steps=options.accumulation,
            dataloader_num_workers=options.workers,
            save_strategy="steps",
            save_steps=options.save_every,
            logging_steps=1,
            learning_rate=1e-2,
            lr_scheduler_type="constant",
            bf16=False,
            activation_checkpointing=False,
            dataloader_pin_memory=False,
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=toy_decoder.make_texts(),
        processing_class=toy_decoder.make_tokenizer(),
        sampler=toy.make_sampler(),  # the only new line
    )
    trainer.train(resume_from_checkpoint=options.resume)
    trainer.save_model(str(options.output))
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


if __name__ == "__main__":
    print(main())
