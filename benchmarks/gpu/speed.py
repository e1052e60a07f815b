"""Training tokens a second on texts of uneven length: batches by length beside those of transformers."""

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from benchmarks.comparisons.arms import take_turns
from benchmarks.comparisons.summary import Spread, met, ratios, table
from benchmarks.comparisons.texts import Texts, icd_notes, multi_diagnosis
from benchmarks.gpu.machine import Setting
from benchmarks.gpu.trainings import (
    FOR_THE_MODEL,
    Counting,
    Drawn,
    Measured,
    few_rows,
    make_model,
    options_of,
    ours,
    theirs,
)
from transformers import Seq2SeqTrainingArguments

from equipoise import LengthSorted, TokenBatches
from equipoise.loaders import StreamLoader

BAR = 1.5
DEFAULT = "Seq2SeqTrainer, default"
# The option had another name in the first versions of transformers 5.
KNOWN = {field.name for field in fields(Seq2SeqTrainingArguments)}
GROUPED: dict[str, Any] = (
    {"train_sampling_strategy": "group_by_length"} if "train_sampling_strategy" in KNOWN else {"group_by_length": True}
)


def section(setting: Setting) -> str:
    """Train on the same drawn rows in every way, in turn."""
    batch, steps, first, rounds = (8, 2, 0, 1) if setting.quick else (64, 64, 1, 5)
    texts = few_rows(multi_diagnosis("binned"), 2) if setting.quick else icd_notes(short=True)
    rows = np.fromiter(texts.sampler(batch * steps), np.int64)
    drawn, options = Drawn(texts, rows), options_of(setting, batch, steps)
    budget = max(round(batch * float(texts.inputs[rows].mean())), int(texts.inputs.max()))

    def by_length(_shard: Any = None) -> Any:
        return LengthSorted(texts.sampler(batch * steps), texts.encoded.lengths, batch, steps)

    def by_tokens(_shard: Any) -> Any:
        return TokenBatches(texts.sampler(batch * steps), texts.inputs, budget, window=batch * steps)

    arms = {
        DEFAULT: theirs(setting, make_model(setting), drawn, options),
        "Seq2SeqTrainer, group_by_length": theirs(setting, make_model(setting), drawn, options, **GROUPED),
        "EquipoiseTrainer, LengthSorted": ours(setting, make_model(setting), texts, by_length, options),
        "a loop, plain shuffling": loop(setting, texts, lambda _shard: texts.sampler(batch * steps), batch),
        "a loop, LengthSorted": loop(setting, texts, by_length, batch),
        "a loop, TokenBatches": loop(setting, texts, by_tokens, None),
    }
    # What is done once is not measured.
    runs = {name: each[first:] for name, each in take_turns(first + rounds, arms).items()}
    lines = [_line(name, each, runs[DEFAULT]) for name, each in runs.items()]
    head = ("", "tokens a second", "times the default", f"at least {BAR}", "padding, %", "seconds a run")
    lengths = texts.inputs[rows]
    precision = "bfloat16 autocast" if setting.on_gpu else "float32"
    size = "tiny" if setting.quick else "the size of T5-small, 60 million parameters"
    return f"""## Training tokens a second

T5 ({size}, random weights), {precision}, fused AdamW; {texts.title}, inputs of
{lengths.min()} to {lengths.max()} tokens; the same {len(rows):,} drawn rows in all ways, batches of {batch},
or of {budget:,} input tokens in TokenBatches; collated by the same code in the process that trains.
{rounds} rounds, in turn, after {first} that is not counted; median (least to most). Tokens are those of inputs and
targets without padding; ratios are of the runs of one round. A Trainer takes no batches of a token budget, so a plain
loop (`StreamLoader`) shows them, beside two others in the same loop.

{table(head, lines)}"""


def _line(name: str, runs: list[Measured], plain: list[Measured]) -> list[str]:
    rates = [run.rate for run in runs]
    times = ratios(rates, [run.rate for run in plain])
    ours_here = not name.startswith("Seq2SeqTrainer") and "plain" not in name
    return [
        name,
        f"{Spread.of(rates):,.0f}",
        "" if name == DEFAULT else f"{times:.2f}",
        met(times.median >= BAR) if ours_here else "",
        f"{100 * (1 - runs[0].tokens / runs[0].padded):.0f}",
        f"{Spread.of(run.seconds for run in runs):.2f}",
    ]


def loop(
    setting: Setting, texts: Texts, make_sampler: Callable[[Any], Any], batch: int | None
) -> Callable[[], Measured]:
    """Train one epoch of the stream in a plain loop."""
    model = make_model(setting).train()

    def run() -> Measured:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=setting.on_gpu or None)
        collate = Counting()
        loader = StreamLoader(
            texts.encoded, make_sampler, batch_size=batch, collate_fn=collate, pin_memory=setting.on_gpu
        )
        setting.wait()
        start = time.perf_counter()
        for found in loader:
            inputs = {name: found[name].to(setting.device, non_blocking=True) for name in FOR_THE_MODEL}
            with torch.autocast(torch.device(setting.device).type, torch.bfloat16, enabled=setting.on_gpu):
                loss = model(**inputs).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        setting.wait()
        return Measured(time.perf_counter() - start, collate.tokens, collate.padded)

    return run
