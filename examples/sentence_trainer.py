"""Train with sentence-transformers: python sentence_trainer.py OUT."""

from collections.abc import Sequence

import datasets
import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

import toy
import toy_decoder
from equipoise.trainer import StreamMixin


class MyTrainer(StreamMixin, SentenceTransformerTrainer):
    """The Trainer of sentence-transformers, on the stream of a sampler."""


def make_model() -> SentenceTransformer:
    torch.manual_seed(0)  # the same weights on every rank
    words = StaticEmbedding(toy_decoder.make_tokenizer(), embedding_dim=16)
    return SentenceTransformer(modules=[words], device="cpu")


def make_pairs() -> datasets.Dataset:
    """Return texts with a label of their task, and whether it is theirs."""
    names = [toy.TASKS[name].labels[row % 2] for row, name in enumerate(toy.NAMES)]
    scores = [float(name == label) for name, label in zip(names, toy.LABELS, strict=True)]
    texts = toy_decoder.make_texts()["prompt"]
    return datasets.Dataset.from_dict({"text": texts, "label_name": names, "score": scores})


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train; return the loss of every step."""
    options = toy.parse(__doc__, arguments)
    model = make_model()
    trainer = MyTrainer(
        model,
        SentenceTransformerTrainingArguments(
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
        train_dataset=make_pairs(),
        loss=CosineSimilarityLoss(model),
        sampler=toy.make_sampler(),  # the only new line
    )
    trainer.train(resume_from_checkpoint=options.resume)
    model.save_pretrained(str(options.output))
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


if __name__ == "__main__":
    print(main())
