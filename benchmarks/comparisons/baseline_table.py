"""The table of linear models, and the predictions that it is made of."""

from collections.abc import Mapping
from pathlib import Path

from equipoise.base.files import write_atomically
from equipoise.metrics import METRICS, Scores, TaskPredictions, read_predictions, write_predictions

from .linear import BASELINES
from .methods import SOURCES
from .summary import table

SHOWN = ("macro_f1", "balanced_accuracy", "log_loss")


def predictions_of(source: str, baseline: str, work: Path) -> dict[str, TaskPredictions]:
    """Predict the test rows, or read what was predicted before: `SOURCE-BASELINE.parquet`, as runs write theirs."""
    file = work / f"{source}-{baseline}.parquet"
    if not file.exists():
        found = BASELINES[baseline].predictions(SOURCES[source].records())
        work.mkdir(parents=True, exist_ok=True)
        with write_atomically(file) as temporary:
            write_predictions(found.values(), temporary)
    return read_predictions(file)


def section(source: str, found: Mapping[str, Scores]) -> str:
    """Text of one data set: means over the tasks, and macro-F1 by task."""
    tasks = list(next(iter(found.values())).tasks)
    means = [[BASELINES[name].title, *(str(scores.mean[metric]) for metric in SHOWN)] for name, scores in found.items()]
    by_task = [
        [BASELINES[name].title, *(str(scores.tasks[task].metrics["macro_f1"]) for task in tasks)]
        for name, scores in found.items()
    ]
    rows = sum(len(SOURCES[source].records().where(split="train", task=task)) for task in tasks)
    how = (
        f"One model a task on all of its training rows, {rows:,} together; the full natural test split, mean over the"
        " tasks; in brackets 95 % intervals over resampled groups. The log-loss of thresholds is that of the"
        " probabilities before them."
    )
    return "\n".join(
        [
            f"## Linear models on {SOURCES[source].title}",
            "",
            how,
            "",
            table(["", *(METRICS[metric].title for metric in SHOWN)], means),
            "",
            "macro-F1 by task:",
            "",
            table(["", *(f"`{task}`" for task in tasks)], by_task),
        ]
    )
