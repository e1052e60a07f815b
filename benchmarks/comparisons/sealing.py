"""Seconds that the training thread waits for the seal of a checkpoint: sealed there, and in a thread beside it."""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import torch
from transformers import T5Config, T5ForConditionalGeneration, TrainerCallback

from equipoise.collate import Collator
from equipoise.trainer import EquipoiseTrainer, checkpointing, training_arguments

from .summary import Section, Spread, table
from .texts import multi_diagnosis

BASE = {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "vocab_size": 32128}
TINY = {"d_model": 64, "d_ff": 128, "num_layers": 2, "num_heads": 2, "vocab_size": 32128}
STEPS, EVERY = 6, 3
REPEATS = 2


class Here(Executor):
    """Do at once what is submitted, in the thread that submits it."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the result."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def section(*, quick: bool) -> Section:
    torch.set_num_threads(1)
    texts = multi_diagnosis("numbers")
    found: dict[str, list[dict[str, Any]]] = {"in the training thread": [], "beside the next steps": []}
    for _ in range(1 if quick else REPEATS):
        for (_name, results), executor in zip(found.items(), (Here, ThreadPoolExecutor), strict=True):
            results.append(_train(texts, TINY if quick else BASE, executor))
    last = found["beside the next steps"][-1]
    lines = [
        [
            name,
            *(f"{Spread.of(each[what] for each in results):.2f}" for what in ("a checkpoint", "at the end", "a step")),
        ]
        for name, results in found.items()
    ]
    head = ("sealed", "seconds that the steps wait for each seal", "seconds at the end", "seconds a step")
    return Section(
        f"""## Sealing a checkpoint

A T5 of {last["parameters"]:,} parameters, AdamW, batches of 1: checkpoints of {last["bytes"] / 1e9:.2f} GB, every
{EVERY} of {STEPS} steps, on one thread of torch. The seal is the SHA-256 of every file and its flush to disk; writing
the files is not counted. The end waits for the last seal, of the last step.
Trainings of each, in turn: {len(found["beside the next steps"])}; median (least to most).

{table(head, lines)}""",
        ["equipoise", "torch", "transformers"],
    )


class Steps(TrainerCallback):
    """Note the seconds of every step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Begin."""
        self._start = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note them."""
        self.seconds.append(time.perf_counter() - self._start)


def _train(texts: Any, shape: dict[str, int], executor: type[Executor]) -> dict[str, Any]:
    """Train a model of its own; return what was measured."""
    checkpointing.ThreadPoolExecutor = cast(Any, executor)
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(decoder_start_token_id=0, **shape))
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "use_cpu": True, "per_device_train_batch_size": 1, "max_steps": STEPS, "optim": "adamw_torch",
            "save_strategy": "steps", "save_steps": EVERY, "save_total_limit": 1, "disable_tqdm": True,
            "logging_strategy": "no",
        }  # fmt: skip
        args = training_arguments(folder, options)
        trainer = EquipoiseTrainer(model, args, texts.encoded, texts.sampler(STEPS), Collator(pad_id=0))
        waits = [_timed(trainer.checkpoints, name) for name in ("on_save", "_sealed")]
        steps = Steps()
        trainer.add_callback(steps)
        trainer.train()
        last = Path(folder) / f"checkpoint-{STEPS}"
        size = sum(path.stat().st_size for path in last.iterdir())
    saves = len(waits[0]) - 1
    return {
        "a checkpoint": (sum(waits[0][:-1]) + sum(waits[1][:-1])) / saves,
        "at the end": waits[0][-1] + waits[1][-1],
        "a step": sum(steps.seconds[1:]) / (STEPS - 1),
        "parameters": sum(each.numel() for each in model.parameters()),
        "bytes": size,
    }


def _timed(owner: Any, name: str) -> list[float]:
    """Replace a method by one that notes its seconds."""
    seconds: list[float] = []
    method = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - start)

    setattr(owner, name, timed)
    return seconds
