"""Corrections of predictions, fitted on validation rows, and the scores of corrected predictions."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from equipoise.calibration import (
    DECISIONS,
    Choice,
    LabelledRows,
    Priors,
    cross_fitted,
    fit_task,
    group_folds,
    shares_within,
)
from equipoise.calibration.logs import Array
from equipoise.metrics import METRICS, TaskPredictions, evaluate, read_predictions
from equipoise.metrics.curves import ALARM_RATE
from equipoise.metrics.resampling import group_codes
from equipoise.runs.calibration.report import FOLDS
from equipoise.runs.directory import RunDirectory
from equipoise.runs.losses import trained_prior
from equipoise.runs.published import trained_plan

Costs = Mapping[str, Array]
"""Cost matrices by task, for `expected_cost`."""
Means = dict[str, float | None]


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
    correction : {"none", "calibrated", "tau", "thresholds"}
        No correction; temperature and natural shares; the same with answers by logit adjustment, or by a threshold for
        each label.
    metric : str
        The metric that tau or the thresholds are chosen by.
    costs : mapping of str to array, optional
        Cost matrices by task.

    Returns
    -------
    dict of str to TaskPredictions
        By task. Open-ended tasks and tasks without probabilities are unchanged.
    """
    test = read_predictions(run.predictions)
    if correction == "none":
        return test
    fits = _Fits(run, correction, metric, costs)
    found: dict[str, TaskPredictions] = {}
    for name, part in test.items():
        inputs = None if part.probabilities is None or name not in fits.validation else fits.inputs(name)
        found[name] = part if inputs is None else fit_task(*inputs).calibration.apply(part)
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
    fits = _Fits(run, correction, metric, costs)
    found: dict[str, TaskPredictions] = {}
    for name, part in fits.validation.items():
        inputs = fits.inputs(name)
        if inputs is None:
            found[name] = part
            continue
        held = part.take(np.flatnonzero([target in part.labels for target in part.targets]))
        left_out = cross_fitted(*inputs, fits.folds) if correction != "none" else None
        if left_out is not None:
            answers = [part.labels[place] for place in left_out.decided.tolist()]
            held = replace(held, predicted=answers, probabilities=np.exp(left_out.log_probs))
        found[name] = held
    return found


class _Fits:
    """The inputs of fitting the corrections of a run."""

    def __init__(self, run: RunDirectory, correction: str, metric: str, costs: Costs | None) -> None:
        self.config, self.plan = run.read_config(), trained_plan(run)
        self.validation = read_predictions(validation_predictions(run))
        codes, groups = group_codes(list(self.validation.values()))
        self.codes = dict(zip(self.validation, codes, strict=True))
        self.folds = group_folds(groups, FOLDS, self.config.seed)
        self.decision = "thresholds" if correction == "thresholds" else "tau"
        self.metric = metric if correction in DECISIONS and METRICS[metric].chooses_tau else None
        self.costs = costs or {}

    def inputs(self, task: str) -> tuple[LabelledRows, Priors, Choice] | None:
        """Return what a task is fitted with; None if it has no labels, or was never drawn."""
        part = self.validation[task]
        if part.probabilities is None:
            return None
        trained, _ = trained_prior(self.config.training.loss, self.plan, task, part.labels)
        if not trained.any():
            return None
        priors = Priors(trained, shares_within(self.plan, self.plan.counts, task, part.labels))
        without_costs = self.metric is not None and METRICS[self.metric].needs == "costs" and task not in self.costs
        choice = Choice(
            "macro_f1" if without_costs else self.metric, self.costs.get(task), self.config.seed, self.decision
        )
        return LabelledRows.of(part, self.codes[task]), priors, choice


def scores_of(
    predictions: Mapping[str, TaskPredictions], costs: Costs | None = None, alarm_rate: float = ALARM_RATE
) -> tuple[Means, dict[str, Means]]:
    """Score predictions without intervals.

    Returns
    -------
    dict of str to float or None
        The unweighted mean of each metric over the tasks that have it; None where it is not defined.
    dict of str to dict
        Each metric of each task.
    """
    scores = evaluate(predictions, costs=costs, bootstrap=0, alarm_rate=alarm_rate)
    mean = {name: estimate.value for name, estimate in scores.mean.items()}
    tasks = {task: {name: each.value for name, each in of.metrics.items()} for task, of in scores.tasks.items()}
    return mean, tasks
