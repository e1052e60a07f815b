"""The report of a calibration: metrics of probabilities and answers, before and after."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax

from equipoise.base.codec import to_plain
from equipoise.calibration import (
    Calibration,
    Choice,
    LabelledRows,
    LeftOut,
    Priors,
    ReliabilityTable,
    TaskFit,
    cross_fitted,
    measures,
    reliability_table,
    row_weights,
)
from equipoise.calibration.logs import Array
from equipoise.metrics.rows import task_means
from equipoise.runs.directory import RunDirectory

FOLDS = 5


@dataclass(frozen=True)
class TaskReport:
    """The report of one task.

    Attributes
    ----------
    rows, groups : int
        Numbers of validation rows and of their groups.
    temperature, tau : float
        Fitted on all of them.
    thresholds : dict of str to float, or None
        Those of the labels, if they were fitted instead of tau.
    metric : str or None
        The metric that chose tau or the thresholds.
    estimate : dict or None
        Of the prior: rows, iterations, convergence and the gain in log-likelihood per row.
    before, after : dict of str to float or None
        Metrics of the uncorrected model, and of the corrected one by cross-fitting: each row is corrected by a fit on
        the other folds. `after` is None if there are not two groups.
    reliability : dict of str to ReliabilityTable
        The same for the reliability, "before" and "after".
    shares : dict of str to dict of str to float
        For each label its share of the rows ("actual"), and its mean probability "before" and "after".
    notes : tuple of str
        What the user should know.
    """

    rows: int
    groups: int
    temperature: float
    tau: float
    thresholds: dict[str, float] | None
    metric: str | None
    estimate: dict[str, Any] | None
    before: dict[str, float | None]
    after: dict[str, float | None] | None
    reliability: dict[str, ReliabilityTable]
    shares: dict[str, dict[str, float | None]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Calibrated:
    """A calibration with its report.

    Attributes
    ----------
    directory : RunDirectory
        The run.
    calibration : Calibration
        As it was written.
    tasks : dict of str to TaskReport
        By task.
    """

    directory: RunDirectory
    calibration: Calibration
    tasks: dict[str, TaskReport]

    @property
    def mean(self) -> dict[str, dict[str, float | None]]:
        """The unweighted means over the tasks that were measured before and after."""
        measured = [(task.before, task.after) for task in self.tasks.values() if task.after is not None]
        return {"before": _mean(before for before, _ in measured), "after": _mean(after for _, after in measured)}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "calibration": self.calibration.fingerprint,
            "prior": self.calibration.prior,
            "folds": FOLDS,
            "mean": self.mean,
            "tasks": to_plain(self.tasks),
        }


def report_of(
    rows: LabelledRows,
    priors: Priors,
    choice: Choice,
    fit: TaskFit,
    folds: Mapping[int, int],
    notes: Sequence[str],
) -> TaskReport:
    """Measure a task before and after, on rows weighted to the label shares that predictions are for.

    Parameters
    ----------
    rows, priors, choice
        As in `fit_task`.
    fit : TaskFit
        The fit on all rows.
    folds : mapping of int to int
        The fold of each group.
    notes : sequence of str
        What the user should know besides the notes of the fit.

    Returns
    -------
    TaskReport
    """
    calibration = fit.calibration
    weights = row_weights(rows, priors.natural, calibration.prior)
    raw = np.asarray(log_softmax(rows.scores, axis=1))
    answers = {"before": LeftOut(raw, raw.argmax(axis=1)), "after": cross_fitted(rows, priors, choice, folds)}
    metrics: dict[str, dict[str, float | None]] = {}
    reliability: dict[str, ReliabilityTable] = {}
    means = {"actual": _means(np.eye(len(rows.labels))[rows.true], weights)}
    for when, held in answers.items():
        if held is not None:
            metrics[when] = _plain(measures(held.log_probs, held.decided, rows.true, weights, choice.costs))
            reliability[when] = reliability_table(held.log_probs, rows.true, weights)
            means[when] = _means(np.exp(held.log_probs), weights)
    estimate = fit.estimate and {
        "rows": fit.estimate.rows,
        "iterations": fit.estimate.iterations,
        "converged": fit.estimate.converged,
        "gain": fit.estimate.log_likelihoods[-1] - fit.estimate.log_likelihoods[0],
    }
    return TaskReport(
        rows=len(rows),
        groups=len(np.unique(rows.groups)),
        temperature=calibration.temperature,
        tau=calibration.tau,
        thresholds=None
        if calibration.thresholds is None
        else dict(zip(rows.labels, calibration.thresholds.tolist(), strict=True)),
        metric=choice.metric,
        estimate=estimate,
        before=metrics["before"],
        after=metrics.get("after"),
        reliability=reliability,
        shares={
            label: _plain({when: values[place] for when, values in means.items()})
            for place, label in enumerate(rows.labels)
        },
        notes=(*notes, *fit.notes),
    )


def _means(values: Array, weights: Array) -> list[float]:
    """Weighted means of the columns; NaN where the weights are 0."""
    total = weights.sum()
    return (weights @ values / total).tolist() if total > 0 else [math.nan] * values.shape[1]


def _plain(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Numbers for JSON, which has no NaN: None is "not measured"."""
    return {name: None if math.isnan(value) else float(value) for name, value in values.items()}


def _mean(tasks: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    return _plain(task_means([{name: math.nan if v is None else v for name, v in task.items()} for task in tasks]))
