"""Trainings of a T5 of the size of T5-small, with random weights, and how long they take."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.comparisons.texts import Texts
from benchmarks.gpu.machine import Setting
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, SequentialSampler
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, T5Config, T5ForConditionalGeneration, TrainerCallback

from equipoise.collate import Collator
from equipoise.trainer import EquipoiseTrainer, training_arguments

SMALL = {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8}
TINY = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
FOR_THE_MODEL = ("input_ids", "attention_mask", "labels")


def make_model(setting: Setting) -> T5ForConditionalGeneration:
    """Make it on the device."""
    sizes = TINY if setting.quick else SMALL
    model = T5ForConditionalGeneration(T5Config(vocab_size=32128, decoder_start_token_id=0, pad_token_id=0, **sizes))
    return model.to(setting.device)


@dataclass(frozen=True)
class Measured:
    """One training: its seconds, and the tokens of its batches, padding included or not."""

    seconds: float
    tokens: int
    padded: int

    @property
    def rate(self) -> float:
        """Tokens a second that are no padding."""
        return self.tokens / self.seconds


@dataclass
class Counting:
    """Collate batches, and count their tokens; without the columns that a model does not know unless `all_columns`."""

    all_columns: bool = True
    collate: Collator = field(default_factory=lambda: Collator(pad_id=0))
    tokens: int = 0
    padded: int = 0

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Collate a batch."""
        batch = self.collate(items)
        self.tokens += int(batch["attention_mask"].sum() + (batch["labels"] != -100).sum())
        self.padded += batch["input_ids"].numel() + batch["labels"].numel()
        return batch if self.all_columns else {name: batch[name] for name in FOR_THE_MODEL}


class Drawn(Dataset[dict[str, Any]]):
    """The rows that were drawn, as a dataset of their own."""

    def __init__(self, texts: Texts, rows: NDArray[np.int64]) -> None:
        self._examples, self._rows = texts.encoded, rows.tolist()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self._examples[self._rows[place]]


class Clock(TrainerCallback):
    """The seconds from before the first step to after the last."""

    def __init__(self, setting: Setting) -> None:
        self._setting, self.start, self.end = setting, 0.0, 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        self._setting.wait()
        self.start = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Stop after the last."""
        if state.global_step == state.max_steps:
            self._setting.wait()
            self.end = time.perf_counter()


class InOrder(Seq2SeqTrainer):
    """The Trainer of transformers, on rows in their order."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:  # noqa: ARG002
        return SequentialSampler(self.train_dataset)


def options_of(setting: Setting, batch: int, steps: int) -> dict[str, Any]:
    """Return the arguments that all Trainers share."""
    return {
        "max_steps": steps,
        "per_device_train_batch_size": batch,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "constant",
        "bf16": setting.on_gpu,
        "use_cpu": not setting.on_gpu,
        "dataloader_pin_memory": setting.on_gpu,
    }


def theirs(
    setting: Setting,
    model: Any,
    rows: Dataset[Any],
    options: Mapping[str, Any],
    base: type = Seq2SeqTrainer,
    **more: Any,
) -> Callable[[], Measured]:
    """Train with the Trainer of transformers."""

    def run() -> Measured:
        collate, clock = Counting(all_columns=False), Clock(setting)
        args = Seq2SeqTrainingArguments(str(setting.new_folder()), remove_unused_columns=False, **options, **more)
        trainer = base(model, args, train_dataset=rows, data_collator=collate, callbacks=[clock])
        trainer.train()
        return Measured(clock.end - clock.start, collate.tokens, collate.padded)

    return run


def ours(
    setting: Setting, model: Any, texts: Texts, make_sampler: Callable[[], Any], options: Mapping[str, Any]
) -> Callable[[], Measured]:
    """Train with EquipoiseTrainer."""

    def run() -> Measured:
        collate, clock = Counting(), Clock(setting)
        args = training_arguments(Path(setting.new_folder()), options)
        trainer: Any = EquipoiseTrainer
        trainer(model, args, texts.encoded, make_sampler(), collate, callbacks=[clock]).train()
        return Measured(clock.end - clock.start, collate.tokens, collate.padded)

    return run


def few_rows(texts: Texts, rows: int) -> Texts:
    """Return the first rows of each label, for a run in tiny sizes."""
    pairs = zip(*(texts.records.column(name).to_pylist() for name in ("task", "target")), strict=True)
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for row, pair in enumerate(pairs):
        seen[pair] += 1
        if seen[pair] <= rows:
            chosen.append(row)
    return Texts(texts.title, texts.records.take(np.array(chosen)), texts.options)
