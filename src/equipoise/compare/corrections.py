"""What a run's predictions become by a correction that was fitted on its validation rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from equipoise.config import RunConfig
from equipoise.metrics import METRICS, TaskPredictions, evaluate, read_predictions
from equipoise.metrics.resampling import group_codes
from equipoise.plan import Plan
from equipoise.runs.calibration.report import FOLDS
from equipoise.runs.directory import RunDirectory
from equipoise.runs.losses import trained_prior

Costs = Mapping[str, Array]


def validation_predictions(run: RunDirectory) -> Path:
    """Where a run's predictions of the validation rows lie."""
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
        Nothing; temperature and natural shares; and answers by logit adjustment.
    metric : str
        What tau is chosen by.
    costs : mapping of str to array, optional
        Cost matrices by task.

    Returns
    -------
    dict of str to TaskPredictions
        Tasks without labels or without probabilities as they are.
    """
    test = _read(run.predictions)
    if correction == "none":
        return test
    parts = _Parts.of(run, correction, metric, costs or {})
    found: dict[str, TaskPredictions] = {}
    for name, part in test.items():
        if part.probabilities is None or name not in parts.validation or parts.rows(name) is None:
            found[name] = part
        else:
            rows = parts.rows(name)
            assert rows is not None
            found[name] = fit_task(rows, parts.priors(name), parts.choice(name)).calibration.apply(part)
    return found


def cross_fitted_validation(
    run: RunDirectory, correction: str, metric: str, costs: Costs | None = None
) -> dict[str, TaskPredictions]:
    """Correct the predictions of the validation rows, each row by a fit on other groups.

    What a correction is worth on the rows that it was fitted on would flatter it. Rows of labels that no
    training row has are left out, for all corrections alike.

    Parameters
    ----------
    run, correction, metric, costs
        As in `corrected`.

    Returns
    -------
    dict of str to TaskPredictions
        By task.
    """
    parts = _Parts.of(run, correction, metric, costs or {})
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


@dataclass(frozen=True)
class _Parts:
    """What the corrections of a run are fitted with."""

    config: RunConfig
    plan: Plan
    validation: dict[str, TaskPredictions]
    codes: dict[str, np.ndarray]
    folds: dict[int, int]
    correction: str
    metric: str
    costs: Costs

    @classmethod
    def of(cls, run: RunDirectory, correction: str, metric: str, costs: Costs) -> "_Parts":
        config, validation = run.read_config(), _read(validation_predictions(run))
        codes, groups = group_codes(list(validation.values()))
        return cls(
            config,
            run.read_plan(),
            validation,
            dict(zip(validation, codes, strict=True)),
            group_folds(groups, FOLDS, config.seed),
            correction,
            metric,
            costs,
        )

    def rows(self, task: str) -> LabelledRows | None:
        """The labelled rows of a task; None if it has no labels, or was never drawn."""
        part = self.validation[task]
        if part.probabilities is None or not self.priors(task).trained.any():
            return None
        return LabelledRows.of(part, self.codes[task])

    def priors(self, task: str) -> Priors:
        labels = self.validation[task].labels
        trained, _ = trained_prior(self.config.training.loss, self.plan, task, labels)
        return Priors(trained, shares_within(self.plan, self.plan.counts, task, labels))

    def choice(self, task: str) -> Choice:
        metric = self.metric if self.correction == "tau" and METRICS[self.metric].chooses_tau else None
        if metric is not None and METRICS[metric].needs == "costs" and task not in self.costs:
            metric = "macro_f1"
        return Choice(metric, self.costs.get(task), self.config.seed)


def _read(path: Path) -> dict[str, TaskPredictions]:
    return read_predictions(pq.read_table(path))


Means = dict[str, float | None]


def scores_of(predictions: Mapping[str, TaskPredictions], costs: Costs | None = None) -> tuple[Means, dict[str, Means]]:
    """Score predictions without intervals.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        By task.
    costs : mapping of str to array, optional
        Cost matrices by task; then `expected_cost` is measured too.

    Returns
    -------
    dict of str to float or None
        The unweighted mean of each metric over the tasks that have it; None where no task measures it.
    dict of str to dict
        Each metric of each task.
    """
    scores = evaluate(predictions, costs=costs, bootstrap=0)
    mean = {name: estimate.value for name, estimate in scores.mean.items()}
    tasks = {task: {name: each.value for name, each in of.metrics.items()} for task, of in scores.tasks.items()}
    return mean, tasks
