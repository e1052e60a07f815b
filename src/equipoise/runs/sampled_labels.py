"""The labels of a sample of rows, predicted by the model that is trained: for validations and for feedback."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from accelerate.utils import gather_object
from torch import nn
from torch.distributed.fsdp import FSDPModule

from equipoise.config import RunConfig
from equipoise.data import Records, Task
from equipoise.drawing import Shard
from equipoise.errors import DataWarning
from equipoise.metrics import Scores, TaskPredictions
from equipoise.metrics import evaluate as score
from equipoise.models import LabelScorer, label_probabilities
from equipoise.runs.answers import MOST_SCORED
from equipoise.runs.prepare import encode
from equipoise.runs.samples import scored_validation_rows


def measured_tasks(records: Records, tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks with labels that are in some of the records: what was never trained on is not measured."""
    return {name: task for name, task in tasks.items() if task.labels and _has_known_labels(records, task)}


def _has_known_labels(records: Records, task: Task) -> bool:
    return not set(task.labels).isdisjoint(records.where(task=[task.name]).coded("target").present())


class SampledLabels:
    """Predicts a sample of some rows, which is stratified by task and label; rows count as many as they represent.

    Each rank predicts a part of them, or all where parameters are sharded: ranks have to make the same passes then. Of
    a task with too many labels to score them all the most probable one is searched for, without probabilities.

    Parameters
    ----------
    config : RunConfig
        The limits of tokens, and the seed of the sample.
    tasks : mapping of str to Task
        Tasks with labels.
    records : Records
        Rows of these tasks.
    model, tokenizer
        The model that will be trained, for its tokens, and its tokenizer.
    shard : Shard
        This rank.
    whole : bool
        Score all labels, however many there are.

    Attributes
    ----------
    rows : dict of str to int
        The rows of each task in the sample.
    scored : dict of str to bool
        Whether all labels of the task are scored, so that there are probabilities.
    """

    def __init__(
        self,
        config: RunConfig,
        tasks: Mapping[str, Task],
        records: Records,
        model: nn.Module,
        tokenizer: Any,
        shard: Shard,
        *,
        whole: bool = False,
    ) -> None:
        self._config, self._tasks, self._shard = config, tasks, shard
        strata, _ = records.strata()
        self._sample = scored_validation_rows(strata, config.seed)
        self._records = records.take(self._sample.rows)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the rows of the validation loss are warned of
            self._encoded = encode(config, self._records, tasks, tokenizer)
        self._tokenizer = tokenizer
        self._scorer = LabelScorer(model, tokenizer, tasks)
        self.rows = {name: len(self._encoded.rows_of(name)) for name in self._records.tasks}
        self.scored = {
            name: whole or rows * self._scorer.prefixes(name) <= MOST_SCORED for name, rows in self.rows.items()
        }

    def scores(self, model: nn.Module) -> Scores:
        """Return the scores of a model on the sample; call it on all ranks."""
        if self._scorer.model is not model:
            self._scorer = LabelScorer(model, self._tokenizer, self._tasks)
        shard = Shard() if isinstance(model, FSDPModule) else self._shard
        predictions = {name: self._predicted(name, shard) for name in self.rows}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # labels without training rows: evaluating the run warns
            return score(predictions, bootstrap=0)

    def _predicted(self, name: str, shard: Shard) -> TaskPredictions:
        """Return the predictions for all rows of a task, of which this rank scores a shard."""
        rows, labels = self._encoded.rows_of(name), self._tasks[name].labels
        inputs = self._encoded.inputs(rows[shard.rank :: shard.world_size])
        options: dict[str, Any] = {
            "batch_tokens": self._config.evaluation.batch_tokens,
            "length_norm": self._config.training.loss.length_norm,
        }
        if self.scored[name]:
            log_probs = self._scorer.log_probs(name, inputs, **options)
            chosen, of_labels = log_probs.argmax(axis=1), label_probabilities(log_probs)
        else:
            chosen, of_labels = self._scorer.best_labels(name, inputs, **options), None
        parts = [(chosen, of_labels)] if shard.world_size == 1 else gather_object([(chosen, of_labels)])
        said = np.empty(len(rows), np.int64)
        probabilities = None if of_labels is None else np.empty((len(rows), len(labels)))
        for rank, (answers, known) in enumerate(parts):
            said[rank :: len(parts)] = answers
            if probabilities is not None:
                probabilities[rank :: len(parts)] = known
        part = self._records.take(rows)
        whole = bool((self._sample.weights == 1).all())
        return TaskPredictions(
            task=name,
            targets=[target or "" for target in part.column("target").to_pylist()],
            predicted=[labels[label] for label in said],
            labels=labels,
            probabilities=probabilities,
            weights=None if whole else self._sample.weights[rows],
        )
