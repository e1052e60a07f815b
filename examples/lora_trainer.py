"""Train adapters of PEFT with your Trainer: python lora_trainer.py OUT."""

from collections.abc import Mapping, Sequence

from peft import LoraConfig, get_peft_model
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

import toy
import toy_decoder
from equipoise.trainer import StreamMixin


class MyTrainer(StreamMixin, Trainer):
    """Your Trainer, on the stream of a sampler."""


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    tokenizer = toy_decoder.make_tokenizer()

    def encode(row: Mapping[str, str]) -> dict[str, list[int]]:
        prompt, target = tokenizer(row["prompt"]).input_ids, tokenizer(f"{row['completion']}</s>").input_ids
        return {"input_ids": prompt + target, "labels": [-100] * len(prompt) + target}

    texts = toy_decoder.make_texts()
    adapters = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    trainer = MyTrainer(
        get_peft_model(toy_decoder.make_model(), adapters),
        TrainingArguments(
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
            dataloader_pin_memory=False,
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=texts.map(encode, remove_columns=texts.column_names),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        sampler=toy.make_sampler(),  # the only new line
    )
    trainer.train(resume_from_checkpoint=options.resume)
    trainer.save_model(str(options.output))
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


if __name__ == "__main__":
    print(main())
