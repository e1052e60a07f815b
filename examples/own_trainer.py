"""Train with a Trainer of your own: python own_trainer.py OUT, or torchrun --nproc-per-node 2 own_trainer.py OUT."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

import toy
from equipoise.trainer import StreamMixin


class MyTrainer(StreamMixin, Seq2SeqTrainer):
    """A Trainer on the stream of a sampler; with its own loss, here the mean over all target tokens of a step."""

    def compute_loss(
        self, model: nn.Module, inputs: Mapping[str, Tensor], return_outputs: bool = False, **counted: Any
    ) -> Any:
        """Return the share of a micro-batch in the loss of its step."""
        scores = model(**{name: inputs[name] for name in ("input_ids", "attention_mask", "labels")}).logits
        # The Trainer has counted the target tokens of the step, over its micro-batches and all ranks.
        total = cross_entropy(scores.flatten(0, 1), inputs["labels"].flatten(), reduction="sum")
        loss = total / counted["num_items_in_batch"] * self.accelerator.num_processes  # DDP takes the mean over ranks
        return (loss, {"logits": scores}) if return_outputs else loss


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    args = Seq2SeqTrainingArguments(
        str(options.output),
        max_steps=options.steps,
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.accumulation,
        dataloader_num_workers=options.workers,
        save_strategy="steps",
        save_steps=options.save_every,
        logging_steps=1,
        learning_rate=1e-2,
        lr_scheduler_type="constant",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = MyTrainer(
        toy.make_model(),
        args,
        train_dataset=toy.make_dataset(),
        data_collator=toy.collate,
        sampler=toy.make_sampler(),  # the only new line
    )
    trainer.train(resume_from_checkpoint=options.resume)
    trainer.save_model(str(options.output))
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


if __name__ == "__main__":
    print(main())
