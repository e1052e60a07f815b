"""What a step of EquipoiseTrainer costs beside one of Seq2SeqTrainer, on the same batches."""

import numpy as np
from benchmarks.comparisons.arms import take_turns
from benchmarks.comparisons.summary import Spread, table
from benchmarks.comparisons.texts import multi_diagnosis
from benchmarks.gpu.machine import Setting
from benchmarks.gpu.trainings import Drawn, InOrder, few_rows, make_model, options_of, ours, theirs


def section(setting: Setting) -> str:
    """Train on the same batches in the same order, in turn."""
    batch, steps, first, rounds = (4, 2, 0, 1) if setting.quick else (16, 100, 1, 5)
    texts = multi_diagnosis("binned")
    texts = few_rows(texts, 2) if setting.quick else texts
    rows = np.fromiter(texts.sampler(batch * steps), np.int64)
    options = options_of(setting, batch, steps)
    arms = {
        "Seq2SeqTrainer": theirs(setting, make_model(setting), Drawn(texts, rows), options, InOrder),
        "EquipoiseTrainer": ours(setting, make_model(setting), texts, lambda: texts.sampler(batch * steps), options),
    }
    runs = {name: each[first:] for name, each in take_turns(first + rounds, arms).items()}
    steps_of = {name: [1000 * run.seconds / steps for run in each] for name, each in runs.items()}
    assert len({each[0].padded for each in runs.values()}) == 1, "the batches are not the same"
    more = [ours - theirs for ours, theirs in zip(*reversed(steps_of.values()), strict=True)]
    lines = [[name, f"{Spread.of(each):.2f}"] for name, each in steps_of.items()]
    lines.append(["difference, round by round", f"{Spread.of(more):.2f}"])
    return f"""## The cost of a step

The model of the section before, batches of {batch} rows of at most {int(texts.inputs.max())} input tokens, so that
the GPU waits for Python; {steps} steps, the same batches in the same order. EquipoiseTrainer weights the loss, checks
the stream and writes a log. {rounds} rounds, in turn, after {first} that is not counted; median (least to most).

{table(["", "milliseconds a step"], lines)}"""
