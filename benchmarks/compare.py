"""Whether `equipoise compare` finds what training everything in full finds, for less, and whether that is any good."""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from comparisons.linear import BASELINES
from comparisons.method_runs import Job, scores_of
from comparisons.methods import SOURCES
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.result import Result
from equipoise.config import ComparisonConfig, default_trials, save_config
from equipoise.metrics import Estimate, evaluate
from equipoise.statistics import mean_interval
from results import record

CORRECTION = {"none": "plain", "calibrated": "probabilities", "tau": "tau"}  # here, and in the benchmark of methods


def compare(source: str, work: Path, processes: int) -> Result:
    """Run the command with the defaults in several processes; go on if it was cut short."""
    work.mkdir(parents=True, exist_ok=True)
    records = SOURCES[source].records()
    config, out = work / f"{source}.yaml", work / source
    run = SOURCES[source].run(records)
    save_config(ComparisonConfig(**{name: getattr(run, name) for name in run.__dataclass_fields__}), config)
    command = [sys.executable, "-m", "equipoise", "compare", str(config), "--out", str(out)]
    started = [subprocess.Popen(command) for _ in range(processes)]
    for process in started:
        if process.wait():
            raise SystemExit(f"{command} failed")
    return ComparisonDirectory.open(out).read_result()


def costs(result: Result) -> dict[str, tuple[float, float]]:
    """What the comparison cost, and all trainings in full with all seeds would, each draw as in its longest runs.

    What any run takes before its first step, by the runs of natural sampling, which have all lengths, counts once; and
    the validation loss, which only full runs compute, as in those of natural sampling.
    """
    last = result.stages[-1]
    natural = [run for run in result.runs if run.training == result.baseline]
    short = [run for run in natural if run.draws < last.draws]
    slope, start = np.polyfit([run.draws for run in short], [run.seconds["training"] for run in short], 1).tolist()
    start = max(0.0, start)
    whole = [run.seconds["training"] for run in natural if run.draws == last.draws]
    watching = max(0.0, sum(whole) / len(whole) - start - slope * last.draws)
    full = dict.fromkeys(("draws", "teraFLOPs of training", "seconds of training", "seconds of scoring"), 0.0)
    for training in {run.training for run in result.runs}:
        longest = max(run.draws for run in result.runs if run.training == training)
        runs = [run for run in result.runs if (run.training, run.draws) == (training, longest)]
        a_run = sum(run.seconds["training"] for run in runs) / len(runs)
        full["draws"] += last.draws
        full["teraFLOPs of training"] += runs[0].flops / longest * last.draws / 1e12
        full["seconds of training"] += start + max(0.0, a_run - start) * last.draws / longest
        full["seconds of training"] += watching if longest < last.draws else 0.0
        full["seconds of scoring"] += scoring_in_full(result)
    spent = {
        "draws": sum(run.draws for run in result.runs),
        "teraFLOPs of training": sum(run.flops for run in result.runs) / 1e12,
        "seconds of training": sum(run.seconds["training"] for run in result.runs),
        "seconds of scoring": sum(run.seconds["scoring"] for run in result.runs),
    }
    found = {name: (spent[name], full[name] * len(last.seeds)) for name in full}
    timed = [found[f"seconds of {what}"] for what in ("training", "scoring")]
    return found | {"seconds in all": (sum(here for here, _ in timed), sum(there for _, there in timed))}


def scoring_in_full(result: Result) -> float:
    """Seconds of scoring the validation and test rows of one run."""
    runs = [run for run in result.runs if run.draws == result.stages[-1].draws]
    return sum(run.seconds["scoring"] for run in runs) / len(runs)


def best_in_full(source: str, seeds: int, work: Path) -> tuple[str, Estimate, dict[str, Estimate]]:
    """The candidate with the best test macro-F1 when all are trained in full, and those of all."""
    found: dict[str, Estimate] = {}
    for training in default_trials():
        each = [scores_of(Job(source, training, seed), work) for seed in range(seeds)]
        for correction, name in CORRECTION.items():
            candidate = training if correction == "none" else f"{training} + {correction}"
            found[candidate] = mean_interval([scores[name]["macro_f1"] for scores in each])
    best = max(found, key=lambda name: found[name].value)
    return best, found[best], found


def section(source: str, result: Result, seeds: int, work: Path) -> str:
    last = result.stages[-1]
    records = SOURCES[source].records()
    best, value, found = best_in_full(source, seeds, work)
    name = result.recommended
    trainings = len(result.stages[0].scores) // len(CORRECTION)
    lines = [f"## `equipoise compare` on {SOURCES[source].title}, {last.draws:,} draws in full", ""]
    lines.append(
        f"Defaults: {trainings} trainings with three corrections each, three stages, {len(last.seeds)} seeds in full,"
        " macro-F1. Test rows, mean over the tasks; mean over the seeds and its 95 % t-interval."
    )
    lines += ["", "| | macro-F1 | balanced accuracy |", "|---|---|---|"]
    rows = {"natural sampling as trained": result.baseline, f"recommended: {name}": name}
    if result.best != name:
        rows[f"best on validation rows: {result.best}"] = result.best
    for title, candidate in rows.items():
        test = result.finalists[candidate].test
        cells = [str(mean_interval(test[metric])) for metric in ("macro_f1", "balanced_accuracy")]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    baselines = {
        name: evaluate(BASELINES[name].predictions(records), bootstrap=0).mean for name in ("tfidf", "tfidf-balanced")
    }
    for baseline, scores in baselines.items():
        title = f"{BASELINES[baseline].title}, on all training rows"
        lines.append(f"| {title} | {scores['macro_f1']} | {scores['balanced_accuracy']} |")
    linear = baselines["tfidf-balanced"]["macro_f1"].value
    gains = [value - linear for value in result.finalists[name].test["macro_f1"]]
    lines += ["", f"Recommended minus logistic regression with balanced weights, macro-F1: {mean_interval(gains)}."]
    if name in result.versus:
        versus = result.versus[name]
        lines[-1] += (
            f" Minus natural sampling: {versus.seeds['macro_f1']} over seeds, {versus.groups['macro_f1']} over groups"
            f" ({result.shown})."
        )
    rounds = (f"after {stage.draws:,} draws {', '.join(stage.kept)} were kept" for stage in result.stages[:-1])
    lines += ["", f"Of {trainings} trainings, {'; '.join(rounds)}.", ""]
    lines += [
        "| cost | of the comparison | of all trainings in full, with as many seeds | times |",
        "|---|---|---|---|",
    ]
    for what, (here, there) in costs(result).items():
        lines.append(f"| {what} | {here:,.0f} | {there:,.0f} | {there / here:.1f} |")
    lines += ["", f"Trained in full with {seeds} seeds each, the best candidate on test rows was {best}: {value}."]
    lines[-1] += f" There the recommended one had {found[name]}, the best on validation rows {found[result.best]}."
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--seeds", type=int, default=3, help="of the trainings in full that it is checked against")
    parser.add_argument("--work", type=Path, default=Path("compare-runs"), help="keeps comparisons; go on by the same")
    parser.add_argument("--methods", type=Path, default=Path("methods-runs"), help="the runs of methods.py")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    for source in options.sources:
        result = compare(source, options.work, options.processes)
        text = section(source, result, options.seeds, options.methods)
        print(text)
        packages = ["torch", "transformers", "scikit-learn", "scipy"]
        record(f"compare: {source}", "python benchmarks/compare.py", packages, text)


if __name__ == "__main__":
    main()
