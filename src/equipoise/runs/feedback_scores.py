"""The validation scores that a feedback rule decides on, of rows that are for it alone."""

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from accelerate.utils import send_to_device
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.collate import Collator
from equipoise.collate.open_inputs import padding
from equipoise.data import Records
from equipoise.drawing import Shard
from equipoise.losses.training import TrainingLoss
from equipoise.runs.prepare import Prepared, encode
from equipoise.runs.rows import open_ended
from equipoise.runs.sampled_labels import SampledLabels, measured_tasks
from equipoise.runs.samples import validation_rows
from equipoise.trainer.task_losses import TaskLosses

DIGITS = 4
"""Scores are rounded to so many decimals, so that sums in another order, on other ranks, decide the same."""
OPEN_ROWS = 256
"""Of each open-ended task; those of tasks with labels are as many as a validation scores."""


class FeedbackScores:
    """Scores a sample of the rows that were set apart for feedback.

    Parameters
    ----------
    prepared : Prepared
        The run; it has rows for feedback.
    model, tokenizer
        The model that will be trained, for its tokens, and its tokenizer.
    shard : Shard
        This rank.

    Attributes
    ----------
    rows : dict of str to int
        The rows of each task that are scored.
    """

    def __init__(self, prepared: Prepared, model: nn.Module, tokenizer: Any, shard: Shard) -> None:
        config, tasks, records = prepared.config, prepared.tasks, cast(Records, prepared.feedback)
        self._shard, self._size = shard, config.training.batch_size
        labelled = measured_tasks(records, tasks)
        self._labels: SampledLabels | None = None
        self.rows: dict[str, int] = {}
        if labelled:
            rows = records.where(task=list(labelled))
            self._labels = SampledLabels(config, labelled, rows, model, tokenizer, shard)
            self.rows |= self._labels.rows
        self._tasks = sorted(tasks)
        texts = records.where(task=open_ended(tasks))
        strata, _ = texts.strata(open_ended(tasks))
        self._open = texts.take(validation_rows(strata, config.seed, most=OPEN_ROWS)) if len(texts) else None
        if self._open is not None:
            self._encoded = encode(config, self._open, tasks, tokenizer)
            self._collator = Collator(padding(tokenizer))
            self.rows |= {name: len(self._encoded.rows_of(name)) for name in self._open.tasks}

    def of_labels(self, model: nn.Module) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return the F1 of each label with rows, by task, and the macro-F1 of each task."""
        if self._labels is None:
            return {}, {}
        found = self._labels.scores(model).tasks
        f1 = {
            task: {
                each.label: round(each.f1.value, DIGITS)
                for each in held.labels
                if each.support and each.f1.value is not None
            }
            for task, held in found.items()
        }
        macro = {task: held.metrics["macro_f1"].value for task, held in found.items()}
        return f1, {task: round(value, DIGITS) for task, value in macro.items() if value is not None}

    def of_texts(
        self, model: nn.Module, loss: TrainingLoss, progress: float, reduced: Callable[[Tensor], Tensor]
    ) -> dict[str, float]:
        """Return minus the mean loss of each open-ended task; `reduced` sums over the ranks."""
        if self._open is None:
            return {}
        device = next(model.parameters()).device
        sums = TaskLosses(len(self._tasks), device)
        own = range(self._shard.rank, len(self._open), self._shard.world_size)
        for first in range(0, len(own), self._size):
            items = self._encoded.__getitems__(list(own[first : first + self._size]))
            batch = cast("dict[str, Tensor]", send_to_device(self._collator(items), device))
            with torch.no_grad():
                sums.add(loss.totals(model, batch, progress), loss.weights(batch, progress), batch)
        return {task: -mean for task, mean in means(self._tasks, sums.over_ranks(reduced)).items()}


def means(tasks: list[str], sums: NDArray[Any]) -> dict[str, float]:
    """Return the mean loss of each task that has weight; where a training has diverged, there is none."""
    return {
        task: round(total / weight, DIGITS)
        for task, total, weight in zip(tasks, *sums.tolist(), strict=True)
        if weight and math.isfinite(total)
    }
