"""Corrections of predictions, fitted on validation rows, and the scores of corrected predictions."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from equipoise.calibration import (
    Choice,
    LabelledRows,
    Priors,
    cross_fitted,
    fit_task,
    group_folds,
    shares_within,
)
from equipoise.calibration.logs import Array
from equipoise.metrics import TaskPredictions, evaluate, read_predictions
from equipoise.metrics.resampling import group_codes
from equipoise.runs.calibration.report import FOLDS
from equipoise.runs.directory import RunDirectory
from equipoise.runs.losses import trained_prior

Costs = Mapping[str, Array]
# The metric that tau is chosen by, for each metric that answers change.
TAU_METRIC = {
    "macro_f1": "macro_f1",
    "balanced_accuracy": "balanced_accuracy",
    "worst_recall": "worst_label_recall",
    "expected_cost": "expected_cost",
}


def validation_predictions(run: RunDirectory) -> Path:
    """Return the file of a run's predictions on the validation rows."""
    return run.path / "evaluations" / "validation" / "predictions.parquet"


def corrected(
    run: RunDirectory, correction: str, metric: str, costs: Costs | None = None
) -> dict[str, TaskPredictions]:
    """Correct the predictions of the test rows.

    Parameters
    ----------
    run : RunDirectory
        A run with predictions of validation and test rows.
    correction : {"none", "calibrated", "tau"}
        No correction; temperature and natural shares; the same with answers by logit adjustment.
    metric : str
        The metric that tau is chosen by.
    costs : mapping of str to array, optional
        Cost matrices by task.

    Returns
    -------
    dict of str to TaskPredictions
        By task. Open-ended tasks and tasks without probabilities are unchanged.
    """
    test = _read(run.predictions)
    if correction == "none":
        return test
    parts = _Parts(run, correction, metric, costs)
    found: dict[str, TaskPredictions] = {}
    for name, part in test.items():
        rows = None if part.probabilities is None or name not in parts.validation else parts.rows(name)
        found[name] = part
        if rows is not None:
            found[name] = fit_task(rows, parts.priors(name), parts.choice(name)).calibration.apply(part)
    return found


def cross_fitted_validation(
    run: RunDirectory, correction: str, metric: str, costs: Costs | None = None
) -> dict[str, TaskPredictions]:
    """Correct the predictions of the validation rows, each row by a fit on other groups.

    Scores on the rows of the fit would be optimistic. Rows of labels that are not in the training rows are left out,
    for all corrections alike.

    Parameters
    ----------
    run, correction, metric, costs
        As in `corrected`.

    Returns
    -------
    dict of str to TaskPredictions
        By task.
    """
    parts = _Parts(run, correction, metric, costs)
    found: dict[str, TaskPredictions] = {}
    for name, part in parts.validation.items():
        rows = parts.rows(name)
        if part.probabilities is None or rows is None:
            found[name] = part
            continue
        known = np.flatnonzero([target in part.labels for target in part.targets])
        held = part.take(known)
        left_out = None
        if correction != "none":
            left_out = cross_fitted(rows, parts.priors(name), parts.choice(name), parts.folds)
        if left_out is None:
            found[name] = held
            continue
        answers = [part.labels[place] for place in left_out.decided.tolist()]
        found[name] = replace(held, predicted=answers, probabilities=np.exp(left_out.log_probs))
    return found


class _Parts:
    """The inputs of fitting the corrections of a run."""

    def __init__(self, run: RunDirectory, correction: str, metric: str, costs: Costs | None) -> None:
        self.config, self.plan = run.read_config(), run.read_plan()
        self.validation = _read(validation_predictions(run))
        codes, groups = group_codes(list(self.validation.values()))
        self.codes = dict(zip(self.validation, codes, strict=True))
        self.folds = group_folds(groups, FOLDS, self.config.seed)
        self.metric = TAU_METRIC.get(metric) if correction == "tau" else None
        self.costs = costs or {}

    def rows(self, task: str) -> LabelledRows | None:
        """Return the labelled rows of a task; None if it has no labels, or was never drawn."""
        part = self.validation[task]
        if part.probabilities is None or not self.priors(task).trained.any():
            return None
        return LabelledRows.of(part, self.codes[task])

    def priors(self, task: str) -> Priors:
        labels = self.validation[task].labels
        trained, _ = trained_prior(self.config.training.loss, self.plan, task, labels)
        return Priors(trained, shares_within(self.plan, self.plan.counts, task, labels))

    def choice(self, task: str) -> Choice:
        without_costs = self.metric == "expected_cost" and task not in self.costs
        metric = "macro_f1" if without_costs else self.metric
        return Choice(metric, self.costs.get(task), self.config.seed)


def _read(path: Path) -> dict[str, TaskPredictions]:
    return read_predictions(pq.read_table(path))


SMALLER_IS_BETTER = frozenset({"log_loss", "expected_cost", "ece", "brier"})
Means = dict[str, float | None]


def sign_of(metric: str) -> int:
    """Return 1 if larger is better for a metric, else -1.

    Examples
    --------
    >>> sign_of("macro_f1"), sign_of("log_loss")
    (1, -1)
    """
    return -1 if metric in SMALLER_IS_BETTER else 1


def scores_of(predictions: Mapping[str, TaskPredictions], costs: Costs | None = None) -> tuple[Means, dict[str, Means]]:
    """Score predictions without intervals.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        By task.
    costs : mapping of str to array, optional
        Cost matrices by task, for `expected_cost`.

    Returns
    -------
    dict of str to float or None
        The unweighted mean of each metric over the tasks that have it; None where it is not defined.
    dict of str to dict
        Each metric of each task.
    """
    scores = evaluate(predictions, costs=costs, bootstrap=0)
    mean = {name: estimate.value for name, estimate in scores.mean.items()}
    tasks = {task: {name: each.value for name, each in of.metrics.items()} for task, of in scores.tasks.items()}
    return mean, tasks
