"""Rows a second whose labels are scored, by the number of labels."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from benchmarks.comparisons.label_counts import BATCH_TOKENS, COUNTS, TOKENS, coded
from benchmarks.comparisons.summary import Spread, table
from benchmarks.gpu.machine import Setting
from benchmarks.gpu.trainings import make_model
from numpy.typing import NDArray

from equipoise.models import LabelScorer, load_tokenizer

REPEATS = 3
SECONDS = 1.0  # of a run, about


def section(setting: Setting) -> str:
    """Score all labels, and decode under their constraint."""
    torch.manual_seed(0)
    model, tokenizer = make_model(setting).eval(), load_tokenizer("tiny")
    lines = []
    for count in COUNTS[:2] if setting.quick else COUNTS:
        of = coded(tokenizer, count)
        name = of.task.name
        scorer = LabelScorer(model, tokenizer, {name: of.task})
        ways: list[Callable[[Any], Any]] = [
            lambda rows, scorer=scorer, name=name: scorer.log_probs(name, rows, batch_tokens=BATCH_TOKENS),
            lambda rows, scorer=scorer, name=name: scorer.constrained_generate(name, rows, batch_tokens=BATCH_TOKENS),
        ]
        found = (Spread.of(rates(setting, answer, of.inputs)) for answer in ways)
        lines.append([f"{count:,}", f"{scorer.prefixes(name):,}", *(f"{each:,.3g}" for each in found)])
    head = ("labels", "distinct prefixes", "scores of all labels", "constrained")
    return f"""## Scoring labels

Rows a second of the same model, float32, inputs of {TOKENS} tokens, labels the ICD-10-CM codes with the most terms; by
`log_probs` (`score`) and `constrained_generate`, with random weights. {REPEATS} runs; median (least to most).

{table(head, lines)}"""


def rates(setting: Setting, answer: Callable[[Any], Any], inputs: NDArray[np.int64]) -> list[float]:
    """Answer as many rows as take about some seconds, several times over; rows a second."""
    seconds = 0.01 if setting.quick else SECONDS
    rows = 4
    while True:
        answer(inputs[:rows])  # what is done once is not measured
        setting.wait()
        start = time.perf_counter()
        answer(inputs[:rows])
        setting.wait()
        taken = time.perf_counter() - start
        if taken > seconds / 8 or rows == len(inputs):
            break
        rows = min(4 * rows, len(inputs))
    rows = int(np.clip(rows * seconds / taken, 4, len(inputs)))
    found = []
    for _ in range(1 if setting.quick else REPEATS):
        start = time.perf_counter()
        answer(inputs[:rows])
        setting.wait()
        found.append(rows / (time.perf_counter() - start))
    return found
