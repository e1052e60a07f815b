"""Runs with feedback on tiny data, in processes of their own that may be killed at a step."""

import json
import multiprocessing as mp
import os
import random
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from equipoise.config import RunConfig, make_config
from tests.support import faults

DRAWS, BATCH = 288, 8
TIMES = ("runtime", "per_second")


def write_inputs(folder: Path, *, dropout: float = 0.0, text: bool = False) -> None:
    """Write rows of two tasks with labels, and of an open-ended one, and a tiny model."""
    from transformers import ByT5Tokenizer

    some, lines = random.Random(0), []
    for number in range(300):
        task = "tone" if number % 3 else "topic"
        label = ("good" if number % 5 else "bad") if task == "tone" else ("art" if number % 2 else "law")
        word = label if some.random() < 0.7 else "x"
        line = {"task": task, "input": f"{word} {number}", "target": label}
        lines.append(line | {"split": ("train", "validation", "test")[number // 6 % 3]})
    if text:
        lines += [
            {"task": "say", "input": f"{n}", "target": f"word {n}", "split": ("train", "validation")[n % 2]}
            for n in range(30)
        ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    faults.hf_jobs.tiny_t5(dropout=dropout).save_pretrained(folder / "model")
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder / "model")


def configured(folder: Path, feedback: Any, training: Any = None, **plan: Any) -> RunConfig:
    """A run of 36 steps that may change its plan after every second batch."""
    chosen = {"batch_size": BATCH, "batches": "quota", "window": 2, "learning_rate": 0.02, "save_every": 7}
    return make_config(
        {
            "data": {"source": str(folder / "rows.jsonl")},
            "model": {"name": str(folder / "model")},
            "plan": {"draws": DRAWS, "allow_repeats": True, "feedback": feedback, **plan},
            "training": chosen | {"log_every": 3} | (training or {}),
            "trainer": {"use_cpu": True, "optim": "adafactor"},
        }
    )


def train_apart(config: RunConfig, out: Path, *, ranks: int = 1, die_at: int | None = None) -> list[int]:
    """Start or resume a run in new processes, and return their exit codes; with `die_at` they are killed in a step."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.warm"])
    store = str(out.with_name(f"{out.name}.store-{len(list(out.parent.iterdir()))}"))
    started = [context.Process(target=_sit, args=(config, out, rank, ranks, store, die_at)) for rank in range(ranks)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode or 0 for process in started]


def _sit(config: RunConfig, out: Path, rank: int, ranks: int, store: str, die_at: int | None) -> None:
    code = 1
    try:
        import torch

        from equipoise.runs.train import train
        from equipoise.trainer import EquipoiseTrainer

        if ranks > 1:
            world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
            os.environ.update({name: str(value) for name, value in world.items()})
            torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
        recorded(EquipoiseTrainer, out, rank, die_at)
        train(config, out, resume=True)
        code = 0
    except BaseException as error:  # noqa: BLE001 - the log is what the test shows
        traceback.print_exception(error)
    finally:
        sys.stderr.flush()
        os._exit(code)


def recorded(trainer: Any, out: Path, rank: int, die_at: int | None) -> None:
    """Let a Trainer append the rows of every step to a file; the process kills itself in step `die_at`."""
    step = trainer.training_step

    def training_step(self: Any, model: Any, inputs: Any, *args: Any) -> Any:
        with out.with_name(f"{out.name}.rows-{rank}").open("a") as file:
            file.write(json.dumps([self.state.global_step, inputs["row"].tolist()]) + "\n")
        if self.state.global_step == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, model, inputs, *args)

    trainer.training_step = training_step


def rows_of(out: Path, ranks: int = 1) -> list[list[int]]:
    """Return the rows of each step, sorted; of a step that was taken again, the last ones."""
    steps: dict[int, list[int]] = {}
    for rank in range(ranks):
        lines = [json.loads(line) for line in out.with_name(f"{out.name}.rows-{rank}").read_text().splitlines()]
        for step, rows in dict(lines).items():
            steps[step] = sorted(steps.get(step, []) + rows)
    return [steps[step] for step in sorted(steps)]


def decisions_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "feedback.json").read_text())
