"""Peak memory and CPU seconds of what follows scoring: metrics with their intervals, the file, and reading it again."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from comparisons.memory import PeakMemory
from equipoise.metrics import TaskPredictions, evaluate, read_predictions, write_predictions
from results import record

CASES = ((1_000_000, 20, 20), (100_000, 1_000, 1))
RESAMPLES = 1000
ROWS_OF_GROUP = 4


def predictions(rows: int, labels: int, tasks: int) -> dict[str, TaskPredictions]:
    """Rows in even parts for the tasks, and in groups of four; the n-th label has 1/n of the rows of the first."""
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, labels + 1)
    found: dict[str, TaskPredictions] = {}
    for task in range(tasks):
        names = tuple(f"label {number} of task {task}" for number in range(labels))
        count = rows // tasks
        true = random.choice(labels, count, p=shares / shares.sum())
        probabilities = np.empty((count, labels), np.float32)
        for first in range(0, count, 1000):
            some = slice(first, min(first + 1000, count))
            odds = random.gamma(0.2, size=(some.stop - first, labels))
            odds[np.arange(len(odds)), true[some]] += 0.5
            probabilities[some] = odds / odds.sum(axis=1, keepdims=True)
        said = probabilities.argmax(axis=1)
        groups = [f"group {number}" for number in random.integers(0, max(1, rows // ROWS_OF_GROUP), count).tolist()]
        found[f"task {task}"] = TaskPredictions(
            f"task {task}", [names[k] for k in true], [names[k] for k in said], names, probabilities, groups
        )
    return found


def measured(rows: int, labels: int, tasks: int) -> None:
    """Print for each step CPU seconds and the greatest resident memory in MB, and the size of the file in MB."""
    held = predictions(rows, labels, tasks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        steps: list[Callable[[], object]] = [
            lambda: evaluate(held, bootstrap=RESAMPLES),
            lambda: write_predictions(held.values(), path),
            lambda: (held.clear(), read_predictions(path)),
        ]
        for step in steps:
            start = time.process_time()
            with PeakMemory() as peak:
                step()
            print(f"{time.process_time() - start:.1f} {peak.total / 1e6:,.0f}")
        print(f"{path.stat().st_size / 1e6:,.0f}")


def section() -> str:
    lines = [
        "## Metrics, intervals and files of many predictions",
        "",
        (
            f"{RESAMPLES:,} resamples of groups of {ROWS_OF_GROUP} rows; each case in a process of its own. CPU"
            " seconds, then the greatest resident memory of the process in MB, with the predictions and all imported"
            " libraries in it."
        ),
        "",
        "| rows x labels | tasks | metrics and intervals | writing | reading | MB of the file |",
        "|---|---|---|---|---|---|",
    ]
    for rows, labels, tasks in CASES:
        command = [sys.executable, __file__, "--one", str(rows), str(labels), str(tasks)]
        *steps, size = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        cells = [f"{seconds} s, {peak} MB" for seconds, peak in (step.split() for step in steps)]
        lines.append(f"| {rows:,} x {labels:,} | {tasks} | {' | '.join(cells)} | {size} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measured(*options.one)
        return
    text = section()
    print(text)
    record("predictions", "python benchmarks/predictions.py", ["numpy", "scipy", "pyarrow", "scikit-learn"], text)


if __name__ == "__main__":
    main()
