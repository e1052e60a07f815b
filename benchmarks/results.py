"""What the benchmarks share: train two arms, average over seeds, write a section of RESULTS.md."""

import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

from scipy import stats

from equipoise.config import RunConfig
from equipoise.experiment.demo import run_demo
from equipoise.files import write_atomically

METRICS = ("macro_f1", "balanced_accuracy")
RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# Measured results\n\nEach section is written by the command that it names. `make bench` runs them all.\n"


def record(name: str, command: str, packages: list[str], text: str) -> None:
    """Replace the section `name` of RESULTS.md, or add it at the end."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPU cores ({platform.machine()}), no GPU"
    section = f"{start}{text.strip()}\n\n`{command}`; {versions}; {machine}.\n{end}"
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    if start in old:
        before, rest = old.split(start)
        new = before + section + rest.split(end)[1]
    else:
        new = f"{old.rstrip()}\n\n{section}"
    with write_atomically(RESULTS) as temporary:
        temporary.write_text(new, encoding="utf-8")


def run_arms(out: Path, natural: RunConfig, planned: RunConfig) -> tuple[dict[str, dict[str, float]], float]:
    """Train and evaluate two arms: {row: {metric: value}} of the mean over tasks, and the seconds that it took."""
    start = time.perf_counter()
    comparison = run_demo(out, natural, planned, print).to_dict()
    rows = dict(comparison["mean"])
    for other in ("natural", "corrected"):
        rows[f"planned minus {other}"] = comparison[f"planned_minus_{other}"]
    values = {row: {metric: estimates[metric]["value"] for metric in METRICS} for row, estimates in rows.items()}
    return values, time.perf_counter() - start


def interval(values: list[float]) -> str:
    """Mean and 95 % t-interval over the seeds."""
    mean = statistics.mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3f} ± {half:.3f}"
