"""CPU seconds of `equipoise compare` with its defaults, and of training and scoring every candidate in full."""

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch

from compare import costs
from comparisons.methods import SOURCES
from equipoise.compare import runs as of_comparisons
from equipoise.compare.engine import compare
from equipoise.compare.result import Result
from equipoise.config import CompareConfig, ComparisonConfig
from results import record

SOURCE = "multi-diagnosis"


def comparison(out: Path, settings: CompareConfig) -> Result:
    """Compare in this process; the seconds of its runs are those of the CPU, whatever else the machine does."""
    torch.set_num_threads(1)
    of_comparisons.time = SimpleNamespace(perf_counter=time.process_time, sleep=time.sleep)  # type: ignore[attr-defined]
    run = SOURCES[SOURCE].run(SOURCES[SOURCE].records())
    held = {name: getattr(run, name) for name in run.__dataclass_fields__}
    return compare(ComparisonConfig(**held, compare=settings), out, command="", log=print)


def measured(work: Path) -> Result:
    """Run the three stages with one seed."""
    return comparison(work, CompareConfig(seeds=1, first_seeds=1))


def as_often(result: Result) -> Result:
    """Return the result with the runs of its one seed as often as the defaults have seeds."""
    defaults = CompareConfig()
    *earlier, last = result.stages
    times = {stage.draws: defaults.first_seeds for stage in earlier} | {last.draws: defaults.seeds}
    runs = tuple(run for run in result.runs for _ in range(times[run.draws]))
    return replace(result, runs=runs, stages=(*earlier, replace(last, seeds=tuple(range(defaults.seeds)))))


def section(result: Result) -> str:
    last = result.stages[-1]
    lines = [
        f"## CPU seconds of `equipoise compare` on {SOURCES[SOURCE].title}, {last.draws:,} draws in full",
        "",
        "Defaults: three corrections, three stages, two seeds in the first two of them and five in the last. One seed",
        "was measured, and counted as often: another changes the order of the draws alone. All in full is calculated",
        "from these runs, as in the section on multi-diagnosis: each draw of a training as in its longest runs, what",
        "comes before the first step and the validation loss as in natural sampling, scoring as in the last stage. The",
        "machine did other work at the same time.",
        "",
        "| draws of a run | runs | validation rows scored | CPU seconds of training | of scoring |",
        "|---|---|---|---|---|",
    ]
    for stage in result.stages:
        runs = [run for run in result.runs if run.draws == stage.draws]
        training, scoring = (sum(run.seconds[part] for run in runs) for part in ("training", "scoring"))
        rows = stage.rows or result.rows["validation"]
        lines.append(f"| {stage.draws:,} | {len(runs)} | {rows:,} | {training:,.0f} | {scoring:,.0f} |")
    lines += ["", "| | of the comparison | of all in full | times |", "|---|---|---|---|"]
    for what, (here, there) in costs(result).items():
        lines.append(f"| {what} | {here:,.0f} | {there:,.0f} | {there / here:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("compare-cost-runs"), help="keeps the runs")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measured(options.work)
        return
    command = [sys.executable, __file__, "--work", str(options.work), "--one"]
    started = [subprocess.Popen(command) for _ in range(options.processes)]
    ended = [process.wait() for process in started]
    if any(ended):
        raise SystemExit(f"{command} failed")
    text = section(as_often(measured(options.work)))
    print(text)
    record("compare: cost", "python benchmarks/compare_cost.py", ["torch", "transformers"], text)


if __name__ == "__main__":
    main()
