"""Does the plan help? The demo's two trainings with three seeds, and two scikit-learn baselines, on the test split."""

import argparse
import statistics
import tempfile
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score
from sklearn.pipeline import make_pipeline

from equipoise.data.suite import load_suite
from equipoise.experiment.recipe import DRAWS, NATURAL, PLANNED, demo_config
from results import record
from training import METRICS, interval, run_arms


def linear(text: str, class_weight: str | None) -> dict[str, float]:
    """Mean over the tasks of TF-IDF and logistic regression, one model a task."""
    records = load_suite("multi-diagnosis", text=text)
    scores: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for task in records.tasks:
        train, test = records.where(split="train", task=task), records.where(split="test", task=task)
        model = make_pipeline(
            TfidfVectorizer(token_pattern=r"[^ ,;]+", ngram_range=(1, 2)),
            LogisticRegression(class_weight=class_weight, max_iter=2000),
        )
        model.fit(train.column("input").to_pylist(), train.column("target").to_pylist())
        truth = test.column("target").to_pylist()
        answers = model.predict(test.column("input").to_pylist())
        fixed = {"labels": sorted(set(truth)), "average": "macro", "zero_division": 0}
        scores["macro_f1"].append(f1_score(truth, answers, **fixed))
        scores["balanced_accuracy"].append(recall_score(truth, answers, **fixed))
    return {metric: statistics.mean(values) for metric, values in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {}
    seconds = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            arms = (demo_config(plan, DRAWS, seed) for plan in (NATURAL, PLANNED))
            values, took = run_arms(Path(folder) / "runs", *arms)
        seconds.append(took)
        for row, of_row in values.items():
            for metric, value in of_row.items():
                found.setdefault(row, {}).setdefault(metric, []).append(value)
    names = {
        "natural": "tiny T5, natural sampling",
        "corrected": "the same, predictions corrected afterwards to the plan's label shares",
        "planned": "tiny T5, default plan: equal tasks, square-root class weights",
        "planned minus natural": "plan minus natural",
        "planned minus corrected": "plan minus corrected",
    }
    lines = [
        f"## Sampling on multi-diagnosis, {DRAWS:,} draws",
        "",
        f"Mean over the 8 tasks on the full natural test split; {options.seeds} seeds, mean and 95 % t-interval.",
        f"One seed, both trainings and their evaluations: {min(seconds):.0f} to {max(seconds):.0f} s.",
        "",
        "| | macro-F1 | balanced accuracy | macro-F1 of each seed |",
        "|---|---|---|---|",
    ]
    for row, title in names.items():
        each = ", ".join(f"{value:.3f}" for value in found[row]["macro_f1"])
        lines.append(f"| {title} | {' | '.join(interval(found[row][metric]) for metric in METRICS)} | {each} |")
    for text in ("binned", "numbers"):
        for weight in (None, "balanced"):
            scores = linear(text, weight)
            title = f"TF-IDF + logistic regression, class_weight={weight}, {text} text, all training rows"
            lines.append(f"| {title} | {' | '.join(f'{scores[metric]:.3f}' for metric in METRICS)} | |")
    record("sampling", "python benchmarks/sampling.py", ["torch", "transformers", "scikit-learn"], "\n".join(lines))


if __name__ == "__main__":
    main()
