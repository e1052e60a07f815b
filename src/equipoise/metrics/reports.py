"""Score a single task."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.metrics.evaluation import evaluate
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.results import TaskScores
from equipoise.metrics.rows import Bands


def classification_report(
    y_true: Sequence[str],
    y_pred: Sequence[str],
    probabilities: NDArray[np.floating] | None = None,
    labels: Sequence[str] = (),
    groups: Sequence[str] | None = None,
    train_counts: Mapping[str, int] | None = None,
    *,
    task: str = "task",
    bands: Bands | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> TaskScores:
    """Score one classification task; see `evaluate`.

    Parameters
    ----------
    y_true, y_pred : sequence of str
        The true and the predicted labels.
    probabilities : ndarray of floating, shape (rows, labels), optional
        p(label | x), in the order of `labels`.
    labels : sequence of str
        The labels of the task: those with training rows.
    groups : sequence of str, optional
        The group of each row; without it each row is its own group.
    train_counts : mapping of str to int, optional
        Training rows of each label.
    task : str
        A name for messages.
    bands : Bands, optional
        The thresholds of "many", "medium" and "few".
    bootstrap, seed, confidence
        As in `evaluate`.

    Returns
    -------
    TaskScores
        The metrics by name and the scores of each label.

    Raises
    ------
    DataError
        If `labels` is empty, or the lengths differ.

    Warns
    -----
    DataWarning
        If test rows have a label that no training row has.

    Examples
    --------
    >>> scores = classification_report(["a", "a", "b"], ["a", "b", "b"], labels=["a", "b", "c"], bootstrap=0)
    >>> [(held.label, held.support, held.recall.value) for held in scores.labels]
    [('a', 2, 0.5), ('b', 1, 1.0), ('c', 0, None)]
    >>> scores.metrics["balanced_accuracy"].value
    0.75
    """
    if not labels:
        raise DataError(
            "no-labels", "`labels` must hold the labels of the task, found none. Pass those with training rows."
        )
    given = TaskPredictions(task, y_true, y_pred, tuple(labels), probabilities, groups)
    counts = None if train_counts is None else {task: train_counts}
    return evaluate(
        {task: given}, train_counts=counts, bands=bands, bootstrap=bootstrap, seed=seed, confidence=confidence
    ).tasks[task]


def open_report(
    references: Sequence[str],
    predictions: Sequence[str],
    groups: Sequence[str] | None = None,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> TaskScores:
    """Score one open-ended task: exact match (spaces at the ends aside), ROUGE-L F1, and BLEU of the corpus.

    Parameters
    ----------
    references, predictions : sequence of str
        The reference texts and the generated ones.
    groups : sequence of str, optional
        The group of each row; without it each row is its own group.
    bootstrap, seed, confidence
        As in `evaluate`.

    Returns
    -------
    TaskScores
        `exact_match` and `rouge_l` in [0, 1], `bleu` in [0, 100].

    References
    ----------
    Lin (2004), "ROUGE: A Package for Automatic Evaluation of Summaries"; Post (2018), "A Call for Clarity
    in Reporting BLEU Scores".

    Examples
    --------
    >>> open_report(["a b c d e"], ["a b c d e"], bootstrap=0).metrics["bleu"].value
    100.00000000000004
    """
    given = TaskPredictions("task", references, predictions, groups=groups)
    return evaluate({"task": given}, bootstrap=bootstrap, seed=seed, confidence=confidence).tasks["task"]
