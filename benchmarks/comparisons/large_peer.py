"""The usual way to train on a file: `load_dataset`, `map` of the tokenizer, Seq2SeqTrainer. Ends at the first step."""

import sys
from pathlib import Path

import datasets
from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback

from equipoise.config import make_config
from equipoise.models import load_model


def main() -> None:
    file, folder, mark, limit = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    model, tokenizer = load_model(make_config({"data": {"source": file}}))

    def encode(rows: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        prompts = [f"{task}: {text}" for task, text in zip(rows["task"], rows["input"], strict=True)]
        encoded = tokenizer(prompts, max_length=limit, truncation=True)
        targets = tokenizer(text_target=rows["target"], max_length=16, truncation=True)
        return {"input_ids": encoded["input_ids"], "labels": targets["input_ids"]}

    class Mark(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            mark.touch()

    kind = {".parquet": "parquet", ".jsonl": "json"}[Path(file).suffix]
    rows = datasets.load_dataset(kind, data_files=file, split="train", cache_dir=str(folder / "peer-cache"))
    train = rows.train_test_split(train_size=0.7, seed=0)["train"]
    train = train.map(encode, batched=True, remove_columns=train.column_names)
    arguments = Seq2SeqTrainingArguments(
        str(folder / "peer"),
        per_device_train_batch_size=32,
        max_steps=50,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
    )
    collator = DataCollatorForSeq2Seq(tokenizer)
    Seq2SeqTrainer(model, arguments, data_collator=collator, train_dataset=train, callbacks=[Mark()]).train()


main()
