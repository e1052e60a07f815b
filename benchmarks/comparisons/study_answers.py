"""What each training of the study answered for the test rows, kept in the repository: tables need no training."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.base.files import write_atomically
from equipoise.compare.corrections import corrected
from equipoise.metrics import TaskPredictions
from equipoise.runs.directory import RunDirectory

from .method_runs import Job
from .methods import SOURCES

FOLDER = Path(__file__).parents[1] / "answers"
CORRECTIONS = ("none", "tau")
Answers = Mapping[str, TaskPredictions]
"""By task, without probabilities."""


def is_kept(job: Job, folder: Path = FOLDER) -> bool:
    """Whether the answers of a training are there."""
    return _file(job, folder).is_file()


def keep(job: Job, run: RunDirectory, folder: Path = FOLDER) -> None:
    """Write the answers of a run, plain and corrected by tau: a column each, the test rows in order, task by task."""
    columns = {each: _column(job.source, corrected(run, each, "macro_f1")) for each in CORRECTIONS}
    folder.mkdir(exist_ok=True)
    with write_atomically(_file(job, folder)) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd", compression_level=19)


def answers_of(job: Job, correction: str, folder: Path = FOLDER) -> Answers:
    """Read the answers of a training."""
    column = pq.read_table(_file(job, folder), columns=[correction]).column(0)
    found: dict[str, TaskPredictions] = {}
    first = 0
    for task, right in right_answers(job.source).items():
        found[task] = replace(right, predicted=column.slice(first, len(right.targets)).to_pylist())
        first += len(right.targets)
    return found


@cache
def right_answers(source: str) -> Answers:
    """Return what a model that knows all test rows would answer."""
    records = SOURCES[source].records()
    train, test = records.where(split="train"), records.where(split="test")
    tasks = np.array(test.column("task").to_pylist())
    found: dict[str, TaskPredictions] = {}
    for task in train.tasks:
        rows = test.where(task=task)
        targets, groups = (rows.column(name).to_pylist() for name in ("target", "group"))
        labels = tuple(sorted(set(train.where(task=task).column("target").to_pylist())))
        places = np.flatnonzero(tasks == task)
        found[task] = TaskPredictions(task, targets, targets, labels, groups=groups, rows=places)
    return found


def _column(source: str, answers: Answers) -> pa.Array:
    said: list[str] = []
    for task, right in right_answers(source).items():
        found = answers[task].take(np.argsort(answers[task].rows))
        if not np.array_equal(found.rows, right.rows) or found.targets != right.targets:
            raise ValueError(f"The answers of task {task!r} are not to the test rows of {source}.")
        said += found.predicted
    return pa.array(said).dictionary_encode()


def _file(job: Job, folder: Path) -> Path:
    return folder / f"{job.name}.parquet"
