"""CPU seconds of `equipoise compare` with its defaults, and of training and scoring every candidate in full."""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch

from comparisons.methods import SOURCES
from equipoise.compare import runs
from equipoise.compare.engine import compare
from equipoise.compare.result import Result
from equipoise.config import CompareConfig, ComparisonConfig
from results import record

SOURCE = "multi-diagnosis"
PARTS = ("training", "scoring")


def comparison(out: Path, settings: CompareConfig) -> Result:
    """Compare in this process; the seconds of its runs are those of the CPU, whatever else the machine does."""
    torch.set_num_threads(1)
    runs.time = SimpleNamespace(perf_counter=time.process_time, sleep=time.sleep)  # type: ignore[attr-defined]
    run = SOURCES[SOURCE].run(SOURCES[SOURCE].records())
    held = {name: getattr(run, name) for name in run.__dataclass_fields__}
    return compare(ComparisonConfig(**held, compare=settings), out, command="", log=print)


def both(work: Path) -> tuple[Result, Result]:
    """Run successive halving, and one stage in which all are trained in full; with one seed each."""
    one = CompareConfig(seeds=1, first_seeds=1)
    return comparison(work / "halving", one), comparison(work / "full", replace(one, stages=1))


def section(halving: Result, full: Result) -> str:
    defaults = CompareConfig()
    seeds = [defaults.first_seeds] * (len(halving.stages) - 1) + [defaults.seeds]
    spent, in_full = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0.0)
    for times, stage in zip(seeds, halving.stages, strict=True):
        for run in halving.runs:
            if run.draws == stage.draws:
                for part in PARTS:
                    spent[part] += times * run.seconds[part]
    # Of all in full only the finalists' test rows are scored by the command: each run is given what they took.
    last = [run for run in halving.runs if run.draws == halving.stages[-1].draws]
    scoring = sum(run.seconds["scoring"] for run in last) / len(last)
    for run in full.runs:
        in_full["training"] += defaults.seeds * run.seconds["training"]
        in_full["scoring"] += defaults.seeds * scoring
    lines = [
        f"## CPU seconds of `equipoise compare` on {SOURCES[SOURCE].title}, {last[0].draws:,} draws in full",
        "",
        (
            f"Defaults: {len(full.runs)} trainings with three corrections each, three stages,"
            f" {defaults.first_seeds} seeds in the first two and {defaults.seeds} in the last. One seed was measured"
            " and counted as often; the runs of another differ in the order of the draws alone."
        ),
        "",
        "| draws of a run | runs | validation rows scored | CPU seconds of training | of scoring |",
        "|---|---|---|---|---|",
    ]
    for times, stage in zip(seeds, halving.stages, strict=True):
        of_stage = [run for run in halving.runs if run.draws == stage.draws]
        training, scored = (times * sum(run.seconds[part] for run in of_stage) for part in PARTS)
        rows = f"{stage.rows or halving.rows['validation']:,}"
        cells = [f"{each:,.0f}" for each in (stage.draws, times * len(of_stage), training, scored)]
        lines.append(f"| {' | '.join([*cells[:2], rows, *cells[2:]])} |")
    lines += ["", "| CPU seconds | of the comparison | of all in full | times |", "|---|---|---|---|"]
    for part in PARTS:
        lines.append(f"| {part} | {spent[part]:,.0f} | {in_full[part]:,.0f} | {in_full[part] / spent[part]:.1f} |")
    here, there = sum(spent.values()), sum(in_full.values())
    lines.append(f"| in all | {here:,.0f} | {there:,.0f} | {there / here:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=Path("compare-cost-runs"), help="keeps the runs; resumed by the same"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        both(options.work)
        return
    command = [sys.executable, __file__, "--work", str(options.work), "--one"]
    started = [subprocess.Popen(command, env=os.environ) for _ in range(options.processes)]
    ended = [process.wait() for process in started]
    if any(ended):
        raise SystemExit(f"{command} failed")
    text = section(*both(options.work))
    print(text)
    record("compare: cost", "python benchmarks/compare_cost.py", ["torch", "transformers"], text)


if __name__ == "__main__":
    main()
