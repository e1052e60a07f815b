"""Metrics of the labels at each validation of a training, estimated on a sample of the validation rows."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from accelerate.utils import broadcast_object_list
from torch import nn
from transformers import TrainerCallback, TrainerState

from equipoise.data import Records
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, DataError, RunWarning
from equipoise.metrics import METRICS
from equipoise.runs.prepare import Prepared
from equipoise.runs.sampled_labels import SampledLabels, measured_tasks

WATCHED = ("macro_f1", "balanced_accuracy", "worst_recall", "log_loss")
"""The metrics of a validation, besides the loss."""
TURNED = "macro_f1"
IN_A_ROW = 3
"""A task has turned when its macro-F1 was clearly below its best at so many validations in a row."""


def validation_records(prepared: Prepared) -> Records:
    """Return the validation rows of the tasks of a run that has validations.

    Raises
    ------
    DataError
        If there are none.
    """
    records = prepared.records.where(split="validation", task=prepared.tasks)
    if not len(records):
        option = "validate_every" if prepared.config.training.best is None else "best"
        raise DataError("missing-split", f"`training.{option}` needs validation rows, found none. Leave it out.")
    return records


class LabelValidation:
    """Scores all labels of a sample of the validation rows, and estimates the metrics of all validation rows.

    Parameters
    ----------
    prepared : Prepared
        The run.
    model, tokenizer
        The model that will be trained, for its tokens, and its tokenizer.
    shard : Shard
        This rank.

    Attributes
    ----------
    names : list of str
        ``macro_f1`` and so on, the mean over tasks, and ``<task>_macro_f1`` of each task with labels.
    rows : dict of str to int
        The rows of each task that are scored.

    Raises
    ------
    ConfigError
        If `training.best` needs labels, and no task has any.
    DataError
        If there are no validation rows.
    """

    def __init__(self, prepared: Prepared, model: nn.Module, tokenizer: Any, shard: Shard) -> None:
        self._shard, best = shard, prepared.config.training.best
        records = validation_records(prepared)
        measured = measured_tasks(records, prepared.tasks)
        if best in WATCHED and not measured:
            raise ConfigError(
                "no-labels",
                f"`training.best` {best} needs a task with labels that are in training and validation rows, and there "
                "is none. Use `loss`.",
            )
        self.rows: dict[str, int] = {}
        self.names: list[str] = []
        if not measured:
            return
        records = records.where(task=list(measured))
        whole = best == "log_loss"
        self._sample = SampledLabels(prepared.config, measured, records, model, tokenizer, shard, whole=whole)
        self.rows, scored = self._sample.rows, self._sample.scored
        found = [name for name in WATCHED if METRICS[name].needs != "probabilities" or any(scored.values())]
        self.names = found + [
            f"{task}_{name}"
            for task in self.rows
            for name in found
            if METRICS[name].needs != "probabilities" or scored[task]
        ]

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Return the metrics of a model, the same on all ranks."""
        if not self.rows:
            return {}
        scores = self._sample.scores(model)
        found = {name: scores.mean[name].value for name in WATCHED if name in scores.mean}
        for task, held in scores.tasks.items():
            found |= {f"{task}_{name}": held.metrics[name].value for name in WATCHED if name in held.metrics}
        told: list[Any] = [{name: value for name, value in found.items() if value is not None}]
        if self._shard.world_size > 1:  # to the last bit
            broadcast_object_list(told)
        return told[0]


class TurnedTasks(TrainerCallback):
    """Warns once of each task whose macro-F1 falls while the mean over the tasks still rises; see `turned`."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        self._rows, self._warned = dict(rows), set[str]()

    def on_evaluate(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Look at the validations so far."""
        if len(self._rows) < 2 or not state.is_world_process_zero:
            return
        history = [each for each in state.log_history if f"eval_{TURNED}" in each]
        for task, step in turned(history, self._rows).items():
            if task not in self._warned:
                self._warned.add(task)
                message = (
                    f"The validation macro-F1 of task {task!r} is below its best, that of step {step}, while the mean "
                    "over the tasks still rises. It may be overfitted: draw it less (`plan.rates`, `plan.max_passes`)."
                )
                warnings.warn(RunWarning("task-turned", message), stacklevel=2)


def turned(history: Sequence[Mapping[str, float]], rows: Mapping[str, int]) -> dict[str, int]:
    """Find the tasks that get worse while the mean over the tasks gets better.

    A task has turned when at each of the last three validations its macro-F1 was below its best by more than noise, and
    the mean is now higher than it was at that best. Noise is 1 / √n for a task of which n rows are scored: at most two
    standard errors of a share, sqrt(p (1 - p) / n).

    Parameters
    ----------
    history : sequence of mapping of str to float
        What each validation logged, in order.
    rows : mapping of str to int
        The scored rows of each task.

    Returns
    -------
    dict of str to int
        The step of the best of each task that has turned.

    Examples
    --------
    >>> fallen = [0.5, 0.9, 0.7, 0.7, 0.7]
    >>> history = [{"step": k, "eval_macro_f1": k / 9, "eval_a_macro_f1": f1} for k, f1 in enumerate(fallen)]
    >>> turned(history, {"a": 100}), turned(history, {"a": 16})
    ({'a': 1}, {})
    """
    found: dict[str, int] = {}
    for task, count in rows.items():
        values = np.array([each.get(f"eval_{task}_{TURNED}", -np.inf) for each in history])
        if len(values) <= IN_A_ROW:
            continue
        best = int(values.argmax())
        below = values[-IN_A_ROW:] < values[best] - count**-0.5
        if below.all() and history[-1][f"eval_{TURNED}"] > history[best][f"eval_{TURNED}"]:
            found[task] = int(history[best]["step"])
    return found
