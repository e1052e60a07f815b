"""One training of generated rows that are tokenised before it or as they are drawn, in a process of its own."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from transformers import TrainerCallback

from equipoise.config import RunConfig, make_config
from equipoise.runs import tokens
from equipoise.runs.prepare import encode, prepare
from equipoise.runs.train import train_prepared
from equipoise.trainer import EquipoiseTrainer

BATCH = 32
BEFORE, DRAWN = "all before the first step", "as drawn"


def write_rows(path: Path, rows: int, seed: int = 0) -> None:
    """Write training rows of 20 tasks of Zipf sizes with 2 to 20 labels, texts of 20 to 200 words."""
    random = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(random.choice(letters, random.integers(2, 9))) for _ in range(5000)])
    share = 1 / np.arange(1, 21)
    of_task = random.choice(20, rows, p=share / share.sum())
    labels = random.integers(0, 2 + of_task % 19)
    texts = [" ".join(words[random.integers(0, 5000, count)]) for count in random.integers(20, 200, rows)]
    columns = {
        "task": [f"task {number}" for number in of_task],
        "input": texts,
        "target": [f"label {number}" for number in labels],
        "split": ["train"] * rows,
    }
    pq.write_table(pa.table(columns), path)


def config_of(rows: Path, draws: int, window: int, workers: int) -> RunConfig:
    """Return the configuration of a training of the built-in tiny T5, 64 input and 16 target tokens at most."""
    training = {"batch_size": BATCH, "max_input": 64, "max_target": 16, "window": window}
    return make_config(
        {
            "data": {"source": str(rows)},
            "training": {**training, "save_every": 1_000_000, "log_every": 1_000_000},
            "plan": {"draws": draws, "weights": "sqrt", "allow_repeats": True},
            "trainer": {"use_cpu": True, "dataloader_num_workers": workers},
        }
    )


class _Timed(TrainerCallback):
    """Notes when the first step begins and ends."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        if not self.first:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self.first = {"cpu": time.process_time(), "wall": time.perf_counter(), "peak": usage.ru_maxrss / 1024}


def measure(rows: Path, draws: int, window: int, workers: int, how: str, cache: Path | None) -> dict[str, float]:
    """Train, and return CPU seconds and peak memory (MB) up to the first step, and the seconds of the steps."""
    began = time.process_time()
    prepared = prepare(config_of(rows, draws, window, workers))
    timed = _Timed()
    create = EquipoiseTrainer.__init__

    def with_times(self: EquipoiseTrainer, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        self.add_callback(timed)

    EquipoiseTrainer.__init__ = with_times
    train = EquipoiseTrainer.train
    ended: list[float] = []

    def to_the_end(self: EquipoiseTrainer, *args: Any, **kwargs: Any) -> Any:
        done = train(self, *args, **kwargs)
        ended.append(time.perf_counter())
        return done

    EquipoiseTrainer.train = to_the_end
    encoded = encode(prepared.config, prepared.train, prepared.tasks) if how == BEFORE else None
    tokens.MOSTLY = 2.0  # never all before
    with tempfile.TemporaryDirectory() as folder:
        train_prepared(prepared, Path(folder) / "run", encoded=encoded, cache=cache)
    return {
        "cpu": timed.first["cpu"] - began,
        "peak": timed.first["peak"],
        "steps": ended[0] - timed.first["wall"],
        "peak in all": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "cpu in all": time.process_time() - began,
    }


def in_a_process(*arguments: Any) -> dict[str, float]:
    """Measure in a new process, which shares nothing with others."""
    plain = json.dumps([str(each) if isinstance(each, Path) else each for each in arguments])
    command = [sys.executable, "-W", "ignore", "-m", "comparisons.drawn_rows", plain]
    # The model has one core, as it would have a GPU, and leaves the others to those who read and tokenise.
    one = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=Path(__file__).parents[1], env=one, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    source, *numbers, how_given, cache_given = json.loads(sys.argv[1])
    print(json.dumps(measure(Path(source), *numbers, how_given, cache_given and Path(cache_given))))
