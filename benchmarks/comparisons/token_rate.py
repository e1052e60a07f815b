"""Training tokens a second: the built-in tiny T5 on batches sorted by length beside plain shuffling, on a CPU."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch.optim import AdamW

from equipoise import LengthSorted, TokenBatches
from equipoise.collate import Collator
from equipoise.models import load_model

from .arms import take_turns
from .padding import batches_of
from .summary import Section, Spread, ratios, table
from .texts import BATCH, WINDOW, Texts, icd_notes, multi_diagnosis

REPEATS = 5

Batch = Sequence[int]


def section(*, quick: bool) -> Section:
    torch.set_num_threads(1)
    window = 10 if quick else WINDOW
    datasets = [multi_diagnosis("numbers"), icd_notes(short=True)]
    lines = [line for texts in datasets for line in _of(texts, window)]
    head = ("", "", "non-padding tokens a second", "times plain shuffling, run by run", "examples a second")
    text = f"""## Training tokens a second, one CPU core

The built-in tiny T5 (3.5 million parameters, float32), forward, backward and AdamW in a plain loop, collation
included, on one window of {window * BATCH:,} draws, the same examples in all three. {REPEATS} runs each, in turn
(A B C A B C ...): a run takes every {REPEATS}th batch in the order of their padded tokens, so that runs are alike and
make up the window together; median (least to most). Tokens are those of inputs and targets without padding.
LengthSorted and TokenBatches are given input lengths; texts and budget are those of the section on padding.

{table(head, lines)}

What differs: nothing but the batches. The same was not measured on a GPU."""
    return Section(text, ["equipoise", "torch", "transformers"])


def _of(texts: Texts, window: int) -> Iterator[list[str]]:
    draws = window * BATCH
    arms: dict[str, Iterable[Batch]] = {
        "plain shuffling": batches_of(texts.sampler(draws)),
        "LengthSorted": batches_of(LengthSorted(texts.sampler(draws), texts.inputs, BATCH, window)),
        "TokenBatches": TokenBatches(texts.sampler(draws), texts.inputs, texts.budget(), window=draws),
    }
    runs = take_turns(REPEATS, {name: _arm(texts, batches) for name, batches in arms.items()})
    rates = {name: [tokens / seconds for tokens, _, seconds in each] for name, each in runs.items()}
    plain = rates["plain shuffling"]
    for name, of_arm in rates.items():
        yield [
            texts.title,
            name,
            f"{Spread.of(of_arm):,.0f}",
            f"{ratios(of_arm, plain):.2f}" if of_arm is not plain else "",
            f"{Spread.of(examples / seconds for _, examples, seconds in runs[name]):,.0f}",
        ]


def _arm(texts: Texts, batches: Iterable[Batch]) -> Callable[[], tuple[int, int, float]]:
    """Train a model of its own on the next part of the batches: tokens, examples and seconds."""
    model, tokenizer = load_model("tiny")
    assert isinstance(tokenizer.pad_token_id, int)
    collate = Collator(tokenizer.pad_token_id)
    optimizer = AdamW(model.parameters(), lr=1e-3)
    model.train()

    def step(rows: Batch) -> None:
        batch = collate(texts.encoded.__getitems__(rows))
        model(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")}).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    by_size = sorted(batches, key=lambda rows: len(rows) * (texts.inputs[rows].max() + texts.targets[rows].max()))
    parts = iter([by_size[first::REPEATS] for first in range(REPEATS)])

    def run() -> tuple[int, int, float]:
        part = next(parts)
        start = time.perf_counter()
        for rows in part:
            step(rows)
        seconds = time.perf_counter() - start
        every = np.concatenate(part)
        return int(texts.inputs[every].sum() + texts.targets[every].sum()), len(every), seconds

    step(by_size[0])  # what is done once is not measured
    return run
