"""Rows a CPU second by each way to predict a label, for 2 to 5,000 labels: ICD-10-CM codes of notes of 64 tokens."""

import gzip
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import AdamW

from equipoise.collate import label_tokens
from equipoise.data import Task
from equipoise.models import LabelScorer, load_model

from .arms import Result, take_turns
from .notes import SOURCE
from .summary import Section, Spread, met, ratios, table

COUNTS = (2, 20, 200, 1000, 5000)
# Scoring all labels in 0.1.0, rows a CPU second on another day, with labels of two words; and how many times that.
BEFORE = {20: 66, 200: 8.8, 1000: 2.3}
BARS = {20: 5, 200: 15, 1000: 50}
TOKENS = 64  # of an input
BATCH = 32
STEPS = 400
REPEATS = 3
SECONDS = 3.0  # of a run, about
MOST_ROWS = 2048
BATCH_TOKENS = 16384  # the default of a run

Answer = Callable[[NDArray[np.int64]], Any]


@dataclass(frozen=True)
class Coded:
    """A task: the codes to tell apart, and inputs of `TOKENS` tokens with the numbers of their codes."""

    task: Task
    inputs: NDArray[np.int64]
    labels: NDArray[np.int64]


def coded(tokenizer: Any, count: int, seed: int = 0) -> Coded:
    """Take the codes with the most terms; an input is the terms of a code in random order, again and again."""
    terms: defaultdict[str, list[str]] = defaultdict(list)
    with gzip.open(SOURCE, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["task"] == "icd_chapter":
                terms[row["code"]].append(row["text"])
    codes = sorted(sorted(terms), key=lambda code: -len(terms[code]))[:count]
    rng = np.random.default_rng(seed)
    labels = rng.integers(count, size=MOST_ROWS)
    texts = []
    for label in labels.tolist():
        of_code = terms[codes[label]]
        chosen = [of_code[place] for place in rng.integers(len(of_code), size=TOKENS // 2)]
        texts.append(f"code of {count}: {'; '.join(chosen)}")
    tokens: list[list[int]] = tokenizer(texts, truncation=True, max_length=TOKENS).input_ids
    return Coded(Task(f"{count}", "classification", tuple(codes)), np.array(tokens), labels)


def train(model: Any, tokenizer: Any, tasks: list[Coded], steps: int) -> float:
    """Train on the rows of all tasks in equal shares; the mean loss of the last steps."""
    targets = {each.task.name: label_tokens(each.task, tokenizer) for each in tasks}
    optimizer = AdamW(model.parameters(), lr=2e-3)
    rng = np.random.default_rng(0)
    losses: list[float] = []
    model.train()
    for _ in range(steps):
        of, places = rng.integers(len(tasks), size=BATCH), rng.integers(MOST_ROWS, size=BATCH)
        drawn = [(tasks[task], place) for task, place in zip(of.tolist(), places.tolist(), strict=True)]
        rows = [torch.tensor(targets[each.task.name][each.labels[row]]) for each, row in drawn]
        labels = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
        inputs = torch.from_numpy(np.stack([each.inputs[row] for each, row in drawn]))
        loss = model(input_ids=inputs, attention_mask=torch.ones_like(inputs), labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return float(np.mean(losses[-20:]))


def section(*, quick: bool) -> Section:
    torch.set_num_threads(1)
    model, tokenizer = load_model("tiny")
    untrained, _ = load_model("tiny")
    tasks = [coded(tokenizer, count) for count in (COUNTS[:2] if quick else COUNTS)]
    loss = train(model, tokenizer, tasks, 2 if quick else STEPS)
    lines = [_of(task, model, untrained, tokenizer, 0.1 if quick else SECONDS) for task in tasks]
    before = ", ".join(f"{rate} rows of {count:,} labels" for count, rate in BEFORE.items())
    head = (
        "labels", "distinct prefixes", "answers", "all labels", "constrained", "generate", "answers / all labels",
        "answers / all labels of 0.1.0", "bar", "prefixes computed a row, answers", "right answers, %",
        "untrained: answers / all labels", "prefixes computed a row",
    )  # fmt: skip
    text = f"""## Answers, and the scores of all labels

Rows a CPU second (user and system, one thread) by each way to predict a label: `best_labels` (the answers of
`method: auto` where it does not score all), `log_probs` (`score`), `constrained_generate` and `generate`, greedy.
{REPEATS} runs each, in turn; median (least to most). The built-in tiny T5 (3.5 million parameters, float32, 32,100
tokens), trained for {STEPS} steps of {BATCH} rows of these inputs (last losses {loss:.2f}); inputs of {TOKENS}
tokens, the terms of an ICD-10-CM code again and again; labels the codes with the most terms, such as K43.6. The
answers are those of `log_probs` on the rows that both predict. How far a search goes depends on how sure the model is:
beside it the same model untrained, which is the worst case. 0.1.0 scored {before} a CPU second,
measured on another day with the model untrained and labels of two words.

{table(head, lines)}

What differs: nothing but the way to predict. The same was not measured on a GPU."""
    return Section(text, ["equipoise", "torch", "transformers"])


def _of(task: Coded, model: Any, untrained: Any, tokenizer: Any, seconds: float) -> list[str]:
    name, count = task.task.name, len(task.task.labels)
    trained, flat = (LabelScorer(each, tokenizer, {name: task.task}) for each in (model, untrained))
    ways = {
        "answers": lambda rows: trained.best_labels(name, rows, batch_tokens=BATCH_TOKENS),
        "all labels": lambda rows: trained.log_probs(name, rows, batch_tokens=BATCH_TOKENS).argmax(axis=1),
        "constrained": lambda rows: trained.constrained_generate(name, rows, batch_tokens=BATCH_TOKENS),
        "generate": lambda rows: trained.generate(rows, labels_of=name, batch_tokens=BATCH_TOKENS),
        "flat answers": lambda rows: flat.best_labels(name, rows, batch_tokens=BATCH_TOKENS),
        "flat all labels": lambda rows: flat.log_probs(name, rows, batch_tokens=BATCH_TOKENS).argmax(axis=1),
    }
    runs = take_turns(REPEATS, {way: _arm(answer, task.inputs, seconds) for way, answer in ways.items()})
    for one, other in (("answers", "all labels"), ("flat answers", "flat all labels")):
        common = min(len(runs[one][0]["answers"]), len(runs[other][0]["answers"]))
        assert (runs[one][0]["answers"][:common] == runs[other][0]["answers"][:common]).all()
    rates = {way: [run["rate"] for run in each] for way, each in runs.items()}
    found = runs["answers"][0]["answers"]
    before, bar = BEFORE.get(count), BARS.get(count)
    times = Spread.of(rates["answers"]).median / before if before else 0.0
    return [
        f"{count:,}",
        f"{trained.prefixes(name):,}",
        *(f"{Spread.of(rates[way]):,.3g}" for way in ("answers", "all labels", "constrained", "generate")),
        f"{ratios(rates['answers'], rates['all labels']):.3g}",
        f"{times:.3g}" if before else "",
        f"{bar}: {met(times >= bar)}" if bar else "",
        f"{_computed(model, ways['answers'], task.inputs):.1f}",
        f"{100 * np.mean(found == task.labels[: len(found)]):.0f}",
        f"{ratios(rates['flat answers'], rates['flat all labels']):.3g}",
        f"{_computed(untrained, ways['flat answers'], task.inputs[:16]):.0f}",
    ]


def _arm(answer: Answer, inputs: NDArray[np.int64], seconds: float) -> Callable[[], Result]:
    """Answer as many rows as take about some seconds."""
    answer(inputs[:2])  # what is done once is not measured
    start = time.process_time()
    answer(inputs[2:6])
    rows = int(np.clip(4 * seconds / (time.process_time() - start), 4, len(inputs)))

    def run() -> Result:
        start = time.process_time()
        answers = answer(inputs[:rows])
        return {"rate": rows / (time.process_time() - start), "answers": np.asarray(answers)}

    return run


def _computed(model: Any, answer: Answer, inputs: NDArray[np.int64]) -> float:
    """Count the positions of the decoder that the output layer sees, a row."""
    seen: list[int] = []
    layer = model.get_output_embeddings()
    hook = layer.register_forward_hook(lambda _, __, logits: seen.append(logits.shape[:-1].numel()))
    answer(inputs[:256])
    hook.remove()
    return sum(seen) / len(np.unique(inputs[:256], axis=0))
