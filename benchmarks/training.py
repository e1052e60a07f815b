"""What the benchmarks that train share: train two arms, average over seeds."""

import statistics
import time
from pathlib import Path

from scipy import stats

from equipoise.config import RunConfig
from equipoise.experiment.demo import run_demo

METRICS = ("macro_f1", "balanced_accuracy")


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
