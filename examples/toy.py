"""The data and model of the examples: a T5 of a few thousand weights on two imbalanced tasks. Replace them by yours."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration

from equipoise import Census, Plan, PlanSampler, Records, Shard, StratumIndex, Task, rates
from equipoise.collate import Collator, EncodedExamples

TASKS = {
    "tone": Task("tone", "classification", ("bad", "good")),
    "topic": Task("topic", "classification", ("art", "sports")),
}
NAMES = ["tone" if row % 5 else "topic" for row in range(90)]
LABELS = [TASKS[name].labels[row % 4 > 0] for row, name in enumerate(NAMES)]

# Draw both tasks equally often, and weight the losses back to the shares of the data.
plan = Plan.build(
    Census.from_labels(NAMES, LABELS), weights="natural", rates=rates.Equal(), target_rates=rates.Proportional()
)
index = StratumIndex.from_labels(plan, NAMES, LABELS)
collate = Collator(pad_id=0)
DRAWS_PER_EPOCH = 32  # whole optimiser steps: a multiple of batch size x accumulation x ranks


def make_sampler(shard: Shard = Shard()) -> PlanSampler:  # noqa: B008 - frozen
    return PlanSampler(plan, index, seed=0, draws_per_epoch=DRAWS_PER_EPOCH, shard=shard)


def make_dataset() -> EncodedExamples:
    inputs = [f"{row}: {'word ' * (row % 4)}" for row in range(len(NAMES))]
    records = Records.from_dict({"task": NAMES, "input": inputs, "target": LABELS})
    return EncodedExamples.encode(records, TASKS, ByT5Tokenizer(extra_ids=0), plan=plan)


def make_model() -> T5ForConditionalGeneration:
    torch.manual_seed(0)  # the same weights on every rank
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 2}
    return T5ForConditionalGeneration(
        T5Config(vocab_size=259, dropout_rate=0.0, decoder_start_token_id=0, pad_token_id=0, **sizes)
    )


def parse(description: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("output", type=Path, help="directory of the checkpoints")
    parser.add_argument("--steps", type=int, default=12, help="optimiser steps in all")
    parser.add_argument("--batch-size", type=int, default=4, help="rows of a batch of one rank")
    parser.add_argument("--accumulation", type=int, default=1, help="batches of an optimiser step")
    parser.add_argument("--workers", type=int, default=0, help="processes that read ahead")
    parser.add_argument("--save-every", type=int, default=2, help="steps between checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    return parser.parse_args(arguments)
