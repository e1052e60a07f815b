"""Score the predictions of all tasks on the same resamples of their groups."""

import warnings
from collections.abc import Mapping

import numpy as np

from equipoise.errors import DataWarning
from equipoise.metrics.known import LABEL_METRICS
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import group_codes, percentile_interval
from equipoise.metrics.results import Estimate, LabelScores, Scores, TaskScores
from equipoise.metrics.rows import Bands, TaskRows, replicates, task_means
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
        The level of the percentile intervals.

    Returns
    -------
    Scores
        The metrics of `equipoise.metrics.known.METRICS` that each task has what they need for: labels, probabilities,
        costs and training counts, or texts.

    Raises
    ------
    ConfigError
        If costs do not fit the labels of their task.

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

    The same rules hold for a resample: a label without a row in it is in none of its means over labels. So
    the interval of such a mean may not contain its point estimate when labels have few test groups.

    The calibration error bins the probability of the most probable label into 15 bins of equal width.

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
        TaskRows(part, code, (train_counts or {}).get(name), bands, (costs or {}).get(name))
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
    rows: TaskRows,
    groups: int,
    point: tuple[Mapping[str, float], Mapping[str, Array]],
    draws: tuple[Mapping[str, Array], Mapping[str, Array]],
    confidence: float,
) -> TaskScores:
    metrics = _intervals(point[0], draws[0], confidence)
    if rows.kind == "open":
        return TaskScores("open", len(rows.codes), groups, metrics)
    return TaskScores(
        kind="classification",
        rows=len(rows.codes),
        groups=groups,
        metrics=metrics,
        labels=_label_scores(rows, point[1], draws[1], confidence),
        unseen_labels=rows.unseen,
        invalid_predictions=int((rows.rows.predicted == rows.invalid).sum()),
    )


def _intervals(
    values: Mapping[str, float] | Mapping[str, Array], draws: Mapping[str, Array], confidence: float
) -> dict[str, Estimate]:
    return {name: percentile_interval(float(value), draws[name], confidence) for name, value in values.items()}


def _label_scores(
    rows: TaskRows, values: Mapping[str, Array], draws: Mapping[str, Array], confidence: float
) -> tuple[LabelScores, ...]:
    return tuple(
        LabelScores(
            label=label,
            train_count=None if rows.train_counts is None else int(rows.train_counts.get(label, 0)),
            band=rows.band_of[place],
            support=int((rows.rows.true == place).sum()),
            predicted=int((rows.rows.predicted == place).sum()),
            **{
                name: percentile_interval(float(values[name][place]), draws[name][:, place], confidence)
                for name in LABEL_METRICS
            },
        )
        for place, label in enumerate(rows.labels)
    )


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
