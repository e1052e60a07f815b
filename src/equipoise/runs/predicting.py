"""Predict with a model, task by task, each task by its own method."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from equipoise.collate import EncodedExamples
from equipoise.config import RunConfig
from equipoise.data import Columns, Records, Task, read_records
from equipoise.metrics import TaskPredictions
from equipoise.models import LabelScorer, label_probabilities

# Rows of one step of the progress bar; within it, rows are batched by length and equal inputs are scored once.
ROWS_AT_ONCE = 4096


def predict_records(
    model: Any,
    tokenizer: Any,
    tasks: Mapping[str, Task],
    records: Records,
    config: RunConfig,
    encoded: EncodedExamples | None = None,
) -> dict[str, TaskPredictions]:
    """Predict every record once.

    Parameters
    ----------
    model, tokenizer
        The trained model and its tokenizer.
    tasks : mapping of str to Task
        At least the tasks of the records.
    records : Records
        The rows; targets may be missing.
    config : RunConfig
        Its `evaluation` has the methods, its `training` the limits of length.
    encoded : EncodedExamples, optional
        The records, already tokenised.

    Returns
    -------
    dict of str to TaskPredictions
        The predictions of each task of the records.
    """
    limits = config.training
    if encoded is None:
        encoded = EncodedExamples.encode(
            records, tasks, tokenizer, max_input=limits.max_input, max_target=limits.max_target
        )
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    scorer = LabelScorer(model, tokenizer, tasks)
    found: dict[str, TaskPredictions] = {}
    with tqdm(total=len(records), unit="row", desc="predict", disable=None, leave=False) as bar:
        for name in records.tasks:
            rows = encoded.rows_of(name)
            part = records.take(rows)
            predicted, probabilities = _answers(scorer, config, tasks[name], encoded, rows, bar.update)
            found[name] = TaskPredictions(
                task=name,
                targets=[target or "" for target in part.column("target").to_pylist()],
                predicted=predicted,
                labels=tasks[name].labels,
                probabilities=probabilities,
                groups=part.column("group").to_pylist() if part.has("group") else None,
                rows=rows,
                ids=part.column("id").to_pylist() if part.has("id") else None,
            )
    return found


def _answers(
    scorer: LabelScorer,
    config: RunConfig,
    task: Task,
    encoded: EncodedExamples,
    rows: NDArray[np.int64],
    done: Callable[[int], Any],
) -> tuple[list[str], NDArray[np.float64] | None]:
    """Labels or texts of some rows of one task, and the probabilities of the labels where the method has them."""
    method = "generate" if task.kind == "open" else config.evaluation.method_of(task.name)
    batch_tokens, length_norm = config.evaluation.batch_tokens, config.training.loss.length_norm
    label_of = {task.target_text(label).strip(): label for label in task.labels}
    answers: list[str] = []
    probabilities: list[NDArray[np.float64]] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        inputs = encoded.inputs(rows[start : start + ROWS_AT_ONCE])
        if method == "score":
            log_probs = scorer.log_probs(task.name, inputs, batch_tokens=batch_tokens, length_norm=length_norm)
            probabilities.append(label_probabilities(log_probs))
            answers += [task.labels[best] for best in log_probs.argmax(axis=1)]
        elif method == "constrained":
            chosen = scorer.constrained_generate(task.name, inputs, batch_tokens=batch_tokens)
            answers += [task.labels[label] for label in chosen]
        else:
            texts = scorer.generate(inputs, max_new_tokens=config.training.max_target, batch_tokens=batch_tokens)
            answers += [label_of.get(text.strip(), text) for text in texts]  # a text of no label is kept: it is wrong
        done(len(inputs))
    return answers, np.concatenate(probabilities) if probabilities else None


def read_unlabelled(
    file: Path,
    config: RunConfig,
    tasks: Mapping[str, Task],
    *,
    columns: Columns | None = None,
    default_task: str | None = None,
) -> Records:
    """Read the rows of a file for a trained model; its targets, if any, are left out.

    Parameters
    ----------
    file : pathlib.Path
        The rows, in any format that training reads.
    config : RunConfig
        The configuration of the run, for how its data was read.
    tasks : mapping of str to Task
        The tasks of the run.
    columns : Columns, optional
        The names of the columns, if not those of the training data.
    default_task : str, optional
        The task of rows without one; by default that of the training data, or the only one.

    Returns
    -------
    Records
        Every target is empty.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if default_task is None:
        default_task = config.data.default_task or (next(iter(tasks)) if len(tasks) == 1 else None)
    records = read_records(
        str(file),
        columns or config.data.columns,
        default_task=default_task,
        require_target=False,
        limits=config.data.limits,
    )
    return records.with_column("target", [""] * len(records))
