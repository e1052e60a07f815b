"""The table of linear models, and the predictions that it is made of."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from equipoise.base.files import write_atomically
from equipoise.data import Records
from equipoise.metrics import METRICS, TaskPredictions, evaluate, read_predictions, write_predictions

from .linear import BASELINES
from .methods import SOURCES
from .summary import table

SHOWN = ("macro_f1", "balanced_accuracy", "auroc", "log_loss")


def predictions_of(source: str, baseline: str, work: Path) -> dict[str, TaskPredictions]:
    """Predict the test rows, or read what was predicted before: `SOURCE-BASELINE.parquet`, as runs write theirs."""
    file = _file(source, baseline, work)
    if not file.exists():
        found = BASELINES[baseline].predictions(SOURCES[source].records())
        work.mkdir(parents=True, exist_ok=True)
        with write_atomically(file) as temporary:
            write_predictions(found.values(), temporary)
    return read_predictions(file)


def held(source: str, baseline: str, work: Path) -> bool:
    """Whether the predictions of a model were made."""
    return _file(source, baseline, work).exists()


def _file(source: str, baseline: str, work: Path) -> Path:
    return work / f"{source}-{baseline}.parquet"


def without_twins(records: Records, predictions: Mapping[str, TaskPredictions]) -> dict[str, TaskPredictions]:
    """Leave out the test rows whose input a training row of their task has too."""
    train, test = records.where(split="train"), records.where(split="test")
    inputs = np.array(test.column("input").to_pylist(), dtype=object)
    kept: dict[str, TaskPredictions] = {}
    for task, each in predictions.items():
        known = set(train.where(task=task).column("input").to_pylist())
        kept[task] = each.take(np.flatnonzero([text not in known for text in inputs[each.rows]]))
    return kept


def twins(source: str, found: Mapping[str, Mapping[str, TaskPredictions]]) -> str:
    """Say in a sentence what test rows are worth whose input was trained on."""
    records = SOURCES[source].records()
    rest = {name: without_twins(records, each) for name, each in found.items()}
    scores = [evaluate(each, bootstrap=0).mean["macro_f1"] for each in rest.values()]
    count = sum(len(each.targets) for each in next(iter(found.values())).values())
    left_out = count - sum(len(each.targets) for each in next(iter(rest.values())).values())
    return (
        f"{left_out:,} of the {count:,} test rows have the input of a training row of their task; without them macro-F1"
        f" is {', '.join(map(str, scores))}."
    )


def section(source: str, predictions: Mapping[str, Mapping[str, TaskPredictions]]) -> str:
    """Text of one data set: means over the tasks, and macro-F1 by task."""
    found = {name: evaluate(each) for name, each in predictions.items()}
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
            "",
            twins(source, predictions),
        ]
    )
