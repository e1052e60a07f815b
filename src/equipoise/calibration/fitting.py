"""Fit the calibration of one task on labelled rows, or of each row on the rows of other groups."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.em import PriorEstimate, estimate_prior
from equipoise.calibration.logs import Array, log_posterior
from equipoise.calibration.rows import LabelledRows, row_weights
from equipoise.calibration.task import TaskCalibration
from equipoise.calibration.tau import fit_tau
from equipoise.calibration.temperature import HIGHEST, LOWEST, fit_temperature
from equipoise.calibration.thresholds import LEAST_GROUPS, fit_thresholds

DECISIONS: Final = ("tau", "thresholds")
"""How answers may be derived from probabilities, apart from the largest and from costs: both are fitted to a metric."""
FEW_ROWS = 50
AT_BOUND = 0.99


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
    """How answers follow from probabilities.

    Attributes
    ----------
    metric : str or None
        The metric that chooses tau or the thresholds; None for the most probable label.
    costs : ndarray of float64, shape (labels, labels), optional
        As in `decide`.
    seed : int
        Random seed of the resamples of groups.
    decision : {"tau", "thresholds"}
        What is chosen: one tau, see `fit_tau`, or a threshold for each label, see `fit_thresholds`.
    """

    metric: str | None = "macro_f1"
    costs: Array | None = None
    seed: int = 0
    decision: str = "tau"


@dataclass(frozen=True, eq=False)
class TaskFit:
    """A calibration, the estimate of its prior if there is one, and notes for the user."""

    calibration: TaskCalibration
    estimate: PriorEstimate | None
    notes: tuple[str, ...]


def fit_task(rows: LabelledRows, priors: Priors, choice: Choice) -> TaskFit:
    """Fit temperature, prior, and tau or thresholds of one task, in the order in which they are applied.

    The temperature is fitted under the natural shares, whatever shares are wanted: the labelled rows have the natural
    shares. Tau or thresholds are fitted under the wanted shares, on rows weighted by the
    ratio of the two.

    Parameters
    ----------
    rows : LabelledRows
        Rows that the model was not trained on, with their natural label shares; may be empty.
    priors : Priors
        The label shares.
    choice : Choice
        What answers are chosen by.

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
        notes.append(f"only {len(rows)} validation rows, so temperature and {choice.decision} are uncertain")
    absent = [label for place, label in enumerate(rows.labels) if place not in rows.true]
    if absent and len(rows):
        notes.append(f"no validation row of {', '.join(map(repr, absent))}, so that is not measured")
    unseen = [label for label, share in zip(rows.labels, priors.trained.tolist(), strict=True) if not share]
    if unseen:
        notes.append(f"{', '.join(map(repr, unseen))} never drawn in training, so the probability becomes 0")
    temperature = None
    if len(rows.labels) > 1:
        temperature = fit_temperature(rows.scores, rows.true, priors.trained, priors.natural, rows.weights)
        if temperature is None and len(rows):
            notes.append("the model is right on all rows, which do not bound the temperature, so it stays 1")
        elif temperature is not None and temperature > AT_BOUND * HIGHEST:
            notes.append(
                f"the temperature is at the end of the search, {HIGHEST:g}, because the scores say nearly nothing about"
                " the validation rows, so the probabilities are nearly the label shares"
            )
        elif temperature is not None and temperature < LOWEST / AT_BOUND:
            notes.append(f"the temperature is at the end of the search, {LOWEST:g}, because too few rows are wrong")
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
    given: dict[str, Any] = {
        "costs": choice.costs,
        "weights": row_weights(rows, priors.natural, wanted),
        "groups": rows.groups,
        "seed": choice.seed,
    }
    scored = fitted.log_probabilities(rows.scores), rows.true, wanted, choice.metric
    if choice.decision == "tau":
        return TaskFit(replace(fitted, tau=fit_tau(*scored, **given).tau), estimate, tuple(notes))
    thresholds = fit_thresholds(*scored, **given)
    shared = [label for label, own in zip(rows.labels, thresholds.movable.tolist(), strict=True) if not own]
    if shared:
        names = ", ".join(map(repr, shared))
        notes.append(f"rows of {names} in fewer than {LEAST_GROUPS} groups, so the threshold is that of a common tau")
    return TaskFit(replace(fitted, thresholds=thresholds.thresholds), estimate, tuple(notes))


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Probabilities and answers of rows, each from a fit without the row's group.

    Attributes
    ----------
    log_probs : ndarray of float64, shape (rows, labels)
        log p(y | x).
    decided : ndarray of int64, shape (rows,)
        Places of the answers.
    """

    log_probs: Array
    decided: NDArray[np.int64]


def cross_fitted(rows: LabelledRows, priors: Priors, choice: Choice, fold_of: Mapping[int, int]) -> LeftOut | None:
    """Calibrate each row by a fit on the other folds.

    Metrics of a calibration on the rows that it was fitted on are too optimistic; these are not.

    Parameters
    ----------
    rows, priors, choice
        As in `fit_task`.
    fold_of : mapping of int to int
        The fold of each group, see `group_folds`.

    Returns
    -------
    LeftOut or None
        None if all rows are in one fold.
    """
    folds = np.array([fold_of[group] for group in rows.groups.tolist()], np.int64)
    if len(np.unique(folds)) < 2:
        return None
    log_probs = np.empty_like(rows.scores)
    decided = np.empty_like(rows.true)
    for fold in np.unique(folds):
        inside = np.flatnonzero(folds == fold)
        fitted = fit_task(rows.take(np.flatnonzero(folds != fold)), priors, choice).calibration
        log_probs[inside] = fitted.log_probabilities(rows.scores[inside])
        decided[inside] = fitted.decide(log_probs[inside])
    return LeftOut(log_probs, decided)


def group_folds(groups: int, folds: int = 5, seed: int = 0) -> dict[int, int]:
    """Assign groups to folds of equal numbers of groups, in random order.

    Examples
    --------
    >>> sorted(group_folds(7, folds=3).values())
    [0, 0, 0, 1, 1, 2, 2]
    """
    order = np.random.default_rng(seed).permutation(groups).tolist()
    return {group: place % folds for place, group in enumerate(order)}
