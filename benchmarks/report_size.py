"""Size of the report of a comparison of twenty tasks, with all default candidates and few draws."""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from equipoise.compare.engine import compare
from equipoise.compare.report import write_report
from equipoise.config import (
    CompareConfig,
    ComparisonConfig,
    DataConfig,
    ModelConfig,
    PlanConfig,
    TrainingConfig,
    default_trials,
)
from results import record

TASKS = 20
MEGABYTE = 1e6


def rows() -> list[dict[str, str]]:
    """Return rows of twenty tasks of two to ten labels, each half as frequent as the one before, but at least 30."""
    words = np.random.default_rng(0)
    return [
        {
            "task": f"task {task + 1:02}",
            "input": f"finding {label if words.random() < 0.8 else words.integers(10)} of note {words.integers(10**6)}",
            "target": f"label {label}",
        }
        for task in range(TASKS)
        for label in range(2 + task % 9)
        for _ in range(max(30, 120 >> label))
    ]


def size(folder: Path, draws: int, settings: CompareConfig) -> tuple[float, dict[str, float]]:
    """Compare in a folder; return the bytes of the page, and those of its files of numbers."""
    data = folder / "rows.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows()), encoding="utf-8")
    config = ComparisonConfig(
        data=DataConfig(source=str(data)),
        model=ModelConfig(name="tiny"),
        plan=PlanConfig(draws=draws, allow_repeats=True),
        training=TrainingConfig(batch_size=8, max_input=32, max_target=8, window=8, log_every=5, validate_every=20),
        compare=settings,
    )
    compare(config, folder / "out", command="equipoise compare rows.jsonl", log=print)
    page = write_report(folder / "out")
    return page.stat().st_size, {name: (folder / "out" / name).stat().st_size for name in ("report.md", "report.json")}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two candidates and one seed; records nothing")
    options = parser.parse_args()
    quick = CompareConfig(candidates=("sqrt",), seeds=1, stages=1)
    settings = quick if options.quick else CompareConfig(first_seeds=1)
    labels = sum(2 + task % 9 for task in range(TASKS))
    with tempfile.TemporaryDirectory() as folder:
        page, others = size(Path(folder), 360, settings)
    text = "\n".join(
        [
            "## Size of a report",
            "",
            f"Of `equipoise compare` on {TASKS} tasks with {labels} labels, {len(default_trials())} candidates (the"
            f" default) and five seeds: `report.html` {page / MEGABYTE:.2f} MB, with all of its pictures; "
            + ", ".join(f"`{name}` {bytes_ / MEGABYTE:.2f} MB" for name, bytes_ in others.items())
            + ". The tasks are invented, the trainings short, and the earlier stages have one seed.",
        ]
    )
    print(text)
    if not options.quick:
        record("report size", "python benchmarks/report_size.py", ["torch", "transformers", "matplotlib"], text)


if __name__ == "__main__":
    main()
