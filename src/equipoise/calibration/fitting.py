"""Fit the calibration of one task on labelled rows."""

from dataclasses import dataclass

import numpy as np

from equipoise.calibration.em import PriorEstimate, estimate_prior
from equipoise.calibration.logs import Array
from equipoise.calibration.posterior import log_posterior
from equipoise.calibration.rows import LabelledRows, row_weights
from equipoise.calibration.task import TaskCalibration
from equipoise.calibration.tau import fit_tau
from equipoise.calibration.temperature import fit_temperature

FEW_ROWS = 50


@dataclass(frozen=True, eq=False)
class Priors:
    """The label shares of one task.

    Attributes
    ----------
    trained : ndarray of float64, shape (labels,)
        Those that the loss saw.
    natural : ndarray of float64, shape (labels,)
        Those of the data, and so of the labelled rows.
    wanted : ndarray of float64, shape (labels,), optional
        Those that predictions are for; the natural ones unless given.
    unlabelled : ndarray of float64, shape (rows, labels), optional
        Log-scores of rows from which `wanted` is estimated instead.
    """

    trained: Array
    natural: Array
    wanted: Array | None = None
    unlabelled: Array | None = None


@dataclass(frozen=True, eq=False)
class Choice:
    """The metric, costs and seed of `fit_tau`. Without a metric, tau is 0."""

    metric: str | None = "macro_f1"
    costs: Array | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TaskFit:
    """A calibration, the estimate of its prior if there is one, and notes for the user."""

    calibration: TaskCalibration
    estimate: PriorEstimate | None
    notes: tuple[str, ...]


def fit_task(rows: LabelledRows, priors: Priors, choice: Choice) -> TaskFit:
    """Fit temperature, prior and tau of one task, in the order in which they are applied.

    The temperature is fitted under the natural shares, whatever shares are wanted: the labelled rows have the natural
    shares. Tau is fitted under the wanted shares, on rows weighted by the ratio of the two.

    Parameters
    ----------
    rows : LabelledRows
        Rows that the model was not trained on, with their natural label shares; may be empty.
    priors : Priors
        The label shares.
    choice : Choice
        The metric that chooses tau, and costs.

    Returns
    -------
    TaskFit
        With one label, or without rows, the temperature is 1 and tau is 0.

    Examples
    --------
    >>> rows = LabelledRows(("no", "yes"), np.log([[0.3, 0.7]] * 100), np.repeat([0, 1], [80, 20]), np.arange(100))
    >>> fit = fit_task(rows, Priors(np.array([0.5, 0.5]), np.array([0.8, 0.2])), Choice(metric=None))
    >>> np.exp(fit.calibration.log_probabilities(rows.scores[:1])).round(2).tolist()
    [[0.8, 0.2]]
    """
    notes: list[str] = []
    if len(rows) < FEW_ROWS:
        notes.append(f"only {len(rows)} validation rows: temperature and tau are uncertain")
    absent = [label for place, label in enumerate(rows.labels) if place not in rows.true]
    if absent and len(rows):
        notes.append(f"no validation row of {', '.join(map(repr, absent))}: their metrics are unknown")
    unseen = [label for label, share in zip(rows.labels, priors.trained.tolist(), strict=True) if not share]
    if unseen:
        notes.append(f"{', '.join(map(repr, unseen))} never drawn in training: their probability becomes 0")
    temperature = None
    if len(rows.labels) > 1:
        temperature = fit_temperature(rows.scores, rows.true, priors.trained, priors.natural)
        if temperature is None and len(rows):
            notes.append("the model is right on all rows, which do not bound the temperature: it stays 1")
    temperature = temperature or 1.0
    estimate = None
    wanted = priors.natural if priors.wanted is None else priors.wanted
    if priors.unlabelled is not None:
        natural = log_posterior(priors.unlabelled, priors.trained, priors.natural, temperature)
        estimate = estimate_prior(natural, np.where(priors.trained > 0, priors.natural, 0.0))
        wanted = estimate.prior
        if not estimate.converged:
            notes.append(f"the estimate of the prior did not converge in {estimate.iterations} iterations")
    fitted = TaskCalibration(rows.labels, priors.trained, wanted, temperature, costs=choice.costs)
    if choice.metric is None or len(rows.labels) == 1 or not len(rows):
        return TaskFit(fitted, estimate, tuple(notes))
    tau = fit_tau(
        fitted.log_probabilities(rows.scores),
        rows.true,
        wanted,
        choice.metric,
        costs=choice.costs,
        weights=row_weights(rows, priors.natural, wanted),
        groups=rows.groups,
        seed=choice.seed,
    ).tau
    calibration = TaskCalibration(rows.labels, priors.trained, wanted, temperature, tau, choice.costs)
    return TaskFit(calibration, estimate, tuple(notes))
