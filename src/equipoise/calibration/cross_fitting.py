"""Cross-fitting: a calibration measured on rows that it was not fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.fitting import Choice, Priors, fit_task
from equipoise.calibration.logs import Array
from equipoise.calibration.rows import LabelledRows


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
