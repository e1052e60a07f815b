"""Score the predictions of all tasks on the same resamples of their groups, or those of one task."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError, DataWarning
from equipoise.metrics.curves import ALARM_RATE
from equipoise.metrics.intervals import marked, mean_of_intervals, resampled_interval
from equipoise.metrics.known import METRICS
from equipoise.metrics.labels import label_scores, lowest_recall
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import group_codes
from equipoise.metrics.results import Estimate, Scores, TaskScores
from equipoise.metrics.rows import Bands, TaskRows, measured, task_means
from equipoise.metrics.sums import Array


def evaluate(
    predictions: Mapping[str, TaskPredictions],
    *,
    train_counts: Mapping[str, Mapping[str, int]] | None = None,
    bands: Bands | None = None,
    costs: Mapping[str, Array] | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    alarm_rate: float = ALARM_RATE,
) -> Scores:
    """Score every task, and the unweighted mean over the tasks.

    Groups are resampled, not rows: the rows of one patient are not independent. All tasks share the
    resamples, so a patient with rows in six tasks is resampled in all six at once.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        By task.
    train_counts : mapping of str to mapping of str to int, optional
        For each classification task the training rows of each label; without them there are no bands.
    bands : Bands, optional
        The thresholds of "many", "medium" and "few".
    costs : mapping of str to ndarray of float64, shape (labels, labels), optional
        For classification tasks c(y, k), the cost of answering k where y is true, as
        `equipoise.calibration.cost_matrix` makes it.
    bootstrap : int
        The number of resamples; 0 for no intervals.
    seed : int
        Random seed of the resamples.
    confidence : float
        The level of the intervals.
    alarm_rate : float
        The share of a label's negatives that may be false alarms in `recall_at_alarm_rate`.

    Returns
    -------
    Scores
        The metrics of `equipoise.metrics.known.METRICS` that each task has what they need for: labels, probabilities,
        costs and training counts, or texts.

    Raises
    ------
    ConfigError
        If costs do not fit the labels of their task, or `alarm_rate` is not above 0 and below 1.

    Warns
    -----
    DataWarning
        If test rows have a label that no training row has.

    Notes
    -----
    A prediction that is not a label of the task is wrong; it never becomes a class. A label without a test
    row is not measured: its scores are None and it is in no mean over labels. Test rows of a label
    without a training row are named in `unseen_labels`; they are wrong in the accuracy, the calibration
    error and the Brier score, they lower the precision of the label predicted for them, and they
    are in no mean over labels and not in the log-loss. The Matthews correlation is of all rows; those
    labels, and the predictions that are not labels, are categories of it.

    Recall, precision and F1 of a label have Wilson's intervals, for as many independent rows as those of its groups
    amount to. Those of all other metrics are from resamples, in which every group has a random weight, so that no label
    vanishes; half a found and half a missed group are added to the rows of each label. Metrics with limits have the
    wider one, at each end, of the resamples' percentiles and Wilson's interval; see `resampled_interval`. The lowest
    recall is low by chance where labels have few rows, so its interval is for all labels at once. `Estimate.rows`
    says from how many rows an estimate is, where these are fewer than 10. How often intervals cover the truth is
    simulated by `benchmarks/interval_coverage.py`.

    Predictions of a sample of the test rows are scored with their weights: the metrics estimate those of all test rows.
    Sums over rows are unbiased, and ratios of them (recall, precision, F1, the Matthews correlation) consistent. The
    calibration error and the lowest recall are biased upwards and downwards where a bin or a label has few rows, as
    they are on small test sets. The intervals also include the variance due to the rows that were left out.

    AUROC, average precision and the recall at the alarm rate are of each label against the rest, by its probability;
    their means are over the labels that have a test row, but not all of them. Test rows of a label without a training
    row are among the rest, and whether an answer is valid does not matter. With 20,000 rows and 40 labels, 1,000
    resamples of them take about two seconds.

    The calibration error bins the probability of the most probable label into 15 bins of equal width.

    References
    ----------
    Brodersen et al. (2010), "The Balanced Accuracy and Its Posterior Distribution"; Guo et al. (2017),
    "On Calibration of Modern Neural Networks", eq. 5; Brier (1950), "Verification of Forecasts Expressed
    in Terms of Probability"; Särndal, Swensson and Wretman (1992), "Model Assisted Survey Sampling", chapter 5; Wilson
    (1927), "Probable Inference, the Law of Succession, and Statistical Inference"; Rubin (1981), "The Bayesian
    Bootstrap"; Rao & Wu (1988), "Resampling Inference with Complex Survey Data".

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
        TaskRows(part, code, (train_counts or {}).get(name), bands, (costs or {}).get(name), alarm_rate)
        for name, part, code in zip(names, parts, codes, strict=True)
    ]
    tasks: dict[str, TaskScores] = {}
    found = measured(rows, groups, bootstrap, seed)
    for name, held, (metrics, by_label) in zip(names, rows, found, strict=True):
        _warn_of_unseen(name, held)
        level = confidence if bootstrap else None
        of_task = len(np.unique(held.codes))
        tasks[name] = TaskScores(
            kind=predictions[name].kind,
            rows=len(held.codes),
            groups=of_task,
            metrics={
                key: lowest_recall(held, by_label["recall"], level)
                if METRICS[key].interval == "lowest"
                else marked(resampled_interval(values, confidence, METRICS[key].limits, of_task), len(held.codes))
                for key, values in metrics.items()
            },
            labels=label_scores(held, by_label, level),
            unseen_labels=held.unseen,
            invalid_predictions=int((held.rows.predicted == held.invalid).sum()) if held.labels else 0,
            sampled_from=None if held.weights is None else round(float(held.weights.sum())),
        )
    mean = {
        key: _mean([each for each in tasks.values() if key in each.metrics], key, values, confidence)
        for key, values in task_means([metrics for metrics, _ in found]).items()
    }
    return Scores(tasks, mean, bootstrap, seed, confidence, alarm_rate)


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
    alarm_rate: float = ALARM_RATE,
) -> TaskScores:
    """Score one classification task; see `evaluate`.

    Parameters
    ----------
    y_true, y_pred : sequence of str
        The true and the predicted labels.
    probabilities, groups
        As in `TaskPredictions`.
    labels : sequence of str
        The labels of the task: those with training rows.
    train_counts : mapping of str to int, optional
        Training rows of each label.
    task : str
        A name for messages.
    bands, bootstrap, seed, confidence, alarm_rate
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
        {task: given},
        train_counts=counts,
        bands=bands,
        bootstrap=bootstrap,
        seed=seed,
        confidence=confidence,
        alarm_rate=alarm_rate,
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
    groups, bootstrap, seed, confidence
        As in `classification_report`.

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


def _mean(tasks: Sequence[TaskScores], key: str, values: Array, confidence: float) -> Estimate:
    if METRICS[key].interval == "lowest":
        return mean_of_intervals([task.metrics[key] for task in tasks])
    groups = [task.groups for task in tasks if task.metrics[key].value is not None]
    # As many as a mean of as many proportions, each of its own groups.
    alike = len(groups) ** 2 / sum(1 / count for count in groups) if groups else None
    rows = sum(task.rows for task in tasks)
    return marked(resampled_interval(values, confidence, METRICS[key].limits, alike), rows)


def _warn_of_unseen(task: str, rows: TaskRows) -> None:
    if rows.unseen:
        named = ", ".join(f"{label!r} ({count} test rows)" for label, count in rows.unseen.items())
        warnings.warn(
            DataWarning(
                "labels-without-training-rows",
                f"Task {task!r} has test rows of labels without a training row: {named}. "
                "They count as wrong in the accuracy and are in no mean over labels.",
            ),
            stacklevel=3,
        )
