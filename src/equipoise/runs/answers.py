"""The answers to the rows of one task by its method, and how long they take."""

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.base.progress import say
from equipoise.collate import EncodedExamples
from equipoise.config import RunConfig
from equipoise.data import Task
from equipoise.models import LabelScorer, label_probabilities
from equipoise.pages.format import duration

# Rows between two updates of the progress; within it, rows are batched by length and equal inputs are scored once.
ROWS_AT_ONCE = 1024
# The rows that a forecast is measured on, and the seconds from which on there is one for work that was asked for.
FIRST_ROWS = 64
LONG = 60.0
# With the method "auto": rows times distinct prefixes of labels up to which all labels are scored. The built-in tiny
# model computes more than 5,000 prefixes a second on one CPU core (benchmarks/scoring.py): at most 4 minutes.
MOST_SCORED = 2**20


@dataclass
class TaskAnswers:
    """Asks a model about rows of one task.

    Attributes
    ----------
    scorer : LabelScorer
        The model.
    config : RunConfig
        Its `evaluation` has the method of the task, its `training` the limits of length.
    task : Task
        The task.
    rows : int
        Its rows in all.
    corrected : bool
        Whether a calibration is applied, which needs the probabilities of all labels.
    """

    scorer: LabelScorer
    config: RunConfig
    task: Task
    rows: int
    corrected: bool = False
    _forecast_given: bool = field(default=False, init=False)

    @cached_property
    def method(self) -> str:
        """What is done: "score", "search", "constrained" or "generate".

        The method "auto" is "score" where a calibration is applied or all labels are few for the rows, else
        "search": the same answers, without probabilities.
        """
        method = "generate" if self.task.kind == "open_ended" else self.config.evaluation.method_of(self.task.name)
        if method != "auto":
            return method
        few = self.rows * self.scorer.prefixes(self.task.name) <= MOST_SCORED
        return "score" if self.corrected or few else "search"

    def of(
        self, encoded: EncodedExamples, rows: NDArray[np.int64], bar: Any
    ) -> tuple[list[str], NDArray[np.float32] | None]:
        """Return labels or texts of some rows, and the probabilities of all labels where the method has them.

        Parameters
        ----------
        encoded : EncodedExamples
            The tokenised records.
        rows : ndarray of int64
            Rows of this task.
        bar : tqdm.tqdm
            Counts the rows.
        """
        method = self.method
        answers: list[str] = []
        probabilities = np.empty((len(rows), len(self.task.labels)), np.float32) if method == "score" else None
        start = time.perf_counter()
        stops = [*range(FIRST_ROWS, len(rows), ROWS_AT_ONCE), len(rows)]
        for first, stop in zip([0, *stops], stops, strict=False):
            found, of_labels = self._answers(method, encoded.inputs(rows[first:stop]))
            answers += found
            if probabilities is not None:
                probabilities[first:stop] = of_labels
            bar.update(stop - first)
            if not self._forecast_given:
                self._forecast_given = True
                line = forecast(self.task, method, self.rows, stop, time.perf_counter() - start)
                if line:
                    say(bar, line)
        return answers, probabilities

    def _answers(self, method: str, inputs: list[Any]) -> tuple[list[str], NDArray[np.float64] | None]:
        name, labels = self.task.name, self.task.labels
        batch_tokens, length_norm = self.config.evaluation.batch_tokens, self.config.training.loss.length_norm
        if method == "score":
            log_probs = self.scorer.log_probs(name, inputs, batch_tokens=batch_tokens, length_norm=length_norm)
            return [labels[best] for best in log_probs.argmax(axis=1)], label_probabilities(log_probs)
        if method == "search":
            chosen = self.scorer.best_labels(name, inputs, batch_tokens=batch_tokens, length_norm=length_norm)
            return [labels[label] for label in chosen], None
        if method == "constrained":
            chosen = self.scorer.constrained_generate(name, inputs, batch_tokens=batch_tokens)
            return [labels[label] for label in chosen], None
        # The text of no label is kept: it is wrong.
        texts = self.scorer.generate(
            inputs,
            labels_of=name if labels else None,
            max_new_tokens=self.config.training.max_target,
            batch_tokens=batch_tokens,
        )
        return texts, None


def forecast(task: Task, method: str, rows: int, done: int, seconds: float) -> str | None:
    """Return a line about the rows that are left, if they take long or their probabilities are left out.

    Parameters
    ----------
    task : Task
        The task.
    method : {"score", "search", "constrained", "generate"}
        What is done.
    rows, done : int
        The rows of the task, and those that are done.
    seconds : float
        How long these took.

    Returns
    -------
    str or None

    Examples
    --------
    >>> tone = Task("tone", "classification", ("bad", "good"))
    >>> print(forecast(tone, "search", 50_064, 64, 0.5))
    'tone': 50,064 rows, 2 labels, about 6 min 31 s at 128 rows/s. Answers only; the method `score` adds probabilities.
    >>> forecast(tone, "score", 5_064, 64, 0.5)
    """
    left = (rows - done) * seconds / done
    if method != "search" and left < LONG:
        return None
    labels = f", {len(task.labels):,} labels" if task.labels else ""
    line = f"{task.name!r}: {rows:,} rows{labels}, about {duration(left)} at {done / max(seconds, 1e-9):,.3g} rows/s."
    return f"{line} Answers only; the method `score` adds probabilities." if method == "search" else line
