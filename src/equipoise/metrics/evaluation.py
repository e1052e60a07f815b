"""Score the predictions of all tasks on the same resamples of their groups."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataWarning
from equipoise.metrics.classification import Bands, ClassificationRows
from equipoise.metrics.open_ended import OpenRows
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import group_codes, percentile_interval
from equipoise.metrics.results import Estimate, LabelScores, Scores, TaskScores
from equipoise.metrics.task_rows import Rows, replicates, rows_as_numbers, task_means

Array = NDArray[np.float64]


def evaluate(
    predictions: Mapping[str, TaskPredictions],
    *,
    train_counts: Mapping[str, Mapping[str, int]] | None = None,
    bands: Bands | None = None,
    costs: Mapping[str, Array] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Scores:
    """Score every task, and the unweighted mean over the tasks.

    Groups are resampled, not rows: the rows of one patient are not independent. All tasks see the same
    resamples, so a patient who is in six tasks is in or out of all six at once.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        By task.
    train_counts : mapping of str to mapping of str to int, optional
        For each classification task the training rows of each label; without them there are no bands.
    bands : Bands, optional
        The thresholds of "many", "medium" and "few".
    costs : mapping of str to float64 array of shape (labels, labels), optional
        For classification tasks what answers cost; see `equipoise.metrics.costs.expected_cost`.
    bootstrap : int
        The number of resamples; 0 for no intervals.
    seed : int
        Fixes the resamples.
    confidence : float
        The level of the percentile intervals.

    Returns
    -------
    Scores
        Of classification tasks `accuracy`, `balanced_accuracy`, `macro_f1`, `g_mean`, `mcc`,
        `worst_recall`, with probabilities `log_loss`, `ece`, `brier`, with training counts `recall_many`,
        `recall_medium`, `recall_few`, with costs `expected_cost`; of open-ended tasks `exact_match`, `rouge_l`, `bleu`.

    Warns
    -----
    DataWarning
        If test rows have a label that no training row has.

    Notes
    -----
    A prediction that is no label of the task is wrong; it never becomes a class. A label without a test
    row is not measured: its scores are None and it is in no mean over labels. Test rows of a label
    without a training row are named in `unseen_labels`; they are wrong in the accuracy, the calibration
    error and the Brier score, they lower the precision of what was predicted in their place, and they
    are in no mean over labels and not in the log-loss. The Matthews correlation takes all rows, with
    those labels, and with the predictions that are no label, as categories.

    A resample follows the same rules: a label that has no row in it is in none of its means over labels. So
    the interval of such a mean can lie to one side of its point estimate when labels have few test groups.

    The calibration error takes the probability of the most probable label in 15 bins of equal width.

    References
    ----------
    Brodersen et al. (2010), "The Balanced Accuracy and Its Posterior Distribution"; Guo et al. (2017),
    "On Calibration of Modern Neural Networks", eq. 5; Brier (1950), "Verification of Forecasts Expressed
    in Terms of Probability".

    Examples
    --------
    >>> said = TaskPredictions("tone", ["good", "good", "bad", "bad"], ["good", "bad", "bad", "?"], ("bad", "good"))
    >>> scores = evaluate({"tone": said}, bootstrap=0)
    >>> task = scores.tasks["tone"]
    >>> task.metrics["macro_f1"].value, task.metrics["accuracy"].value, task.invalid_predictions
    (0.5833333333333333, 0.5, 1)
    """
    names = sorted(predictions)
    parts = [predictions[name] for name in names]
    codes, groups = group_codes(parts)
    rows = [
        rows_as_numbers(part, code, (train_counts or {}).get(name), bands or Bands(), (costs or {}).get(name))
        for name, part, code in zip(names, parts, codes, strict=True)
    ]
    points = [held.point() for held in rows]
    draws = replicates(rows, groups, bootstrap, seed)
    tasks: dict[str, TaskScores] = {}
    for index, name in enumerate(names):
        _warn_of_unseen(name, rows[index])
        groups_here = len(np.unique(codes[index]))
        tasks[name] = _task_scores(rows[index], groups_here, points[index], draws[index], confidence)
    mean = _intervals(task_means([held for held, _ in points]), task_means([held for held, _ in draws]), confidence)
    return Scores(tasks, mean, bootstrap, seed, confidence)


def _task_scores(
    rows: Rows,
    groups: int,
    point: tuple[Mapping[str, float], Mapping[str, Array]],
    draws: tuple[Mapping[str, Array], Mapping[str, Array]],
    confidence: float,
) -> TaskScores:
    metrics = _intervals(point[0], draws[0], confidence)
    if isinstance(rows, OpenRows):
        return TaskScores("open", len(rows.codes), groups, metrics)
    return TaskScores(
        kind="classification",
        rows=len(rows.codes),
        groups=groups,
        metrics=metrics,
        labels=_label_scores(rows, point[1], draws[1], confidence),
        unseen_labels=rows.unseen,
        invalid_predictions=int((rows.predicted == rows.invalid).sum()),
    )


def _intervals(
    values: Mapping[str, float] | Mapping[str, Array], draws: Mapping[str, Array], confidence: float
) -> dict[str, Estimate]:
    return {name: percentile_interval(float(value), draws[name], confidence) for name, value in values.items()}


def _label_scores(
    rows: ClassificationRows, values: Mapping[str, Array], draws: Mapping[str, Array], confidence: float
) -> tuple[LabelScores, ...]:
    return tuple(
        LabelScores(
            label=label,
            train_count=None if rows.train_counts is None else int(rows.train_counts.get(label, 0)),
            band=rows.band_of[place],
            support=int((rows.true == place).sum()),
            predicted=int((rows.predicted == place).sum()),
            **{
                name: percentile_interval(float(values[name][place]), draws[name][:, place], confidence)
                for name in ("precision", "recall", "f1")
            },
        )
        for place, label in enumerate(rows.labels)
    )


def _warn_of_unseen(task: str, rows: Rows) -> None:
    if isinstance(rows, ClassificationRows) and rows.unseen:
        named = ", ".join(f"{label!r} ({count} test rows)" for label, count in rows.unseen.items())
        warnings.warn(
            f"Task {task!r} has test rows of labels without a training row: {named}. "
            "They count as wrong in the accuracy and are in no mean over labels.",
            DataWarning,
            stacklevel=3,
        )
