"""A threshold for each label, chosen by a metric of the decisions on rows that training did not see."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.choosing import ROUNDING, DecidedRows, as_good
from equipoise.calibration.logs import Array, safe_log
from equipoise.calibration.tau import fit_tau
from equipoise.metrics import METRICS

STEPS: Final[Array] = np.arange(-12, 13) / 4
"""What may be added to the logarithm of a threshold: from -3 to 3 in steps of 0.25."""
LEAST_GROUPS: Final = 10
"""With rows in fewer groups a label has no threshold of its own."""
_SWEEPS: Final = 3


@dataclass(frozen=True, eq=False)
class ThresholdFit:
    """The thresholds that were chosen, and what they were chosen from.

    Attributes
    ----------
    thresholds : ndarray of float64, shape (labels,)
        t, above 0; all 1 where nothing is better than the most probable label.
    tau : float
        The tau that the choice began with: t = π^τ.
    movable : ndarray of bool, shape (labels,)
        Which labels have rows in enough groups for a threshold of their own; the others have that of tau.
    """

    thresholds: Array
    tau: float
    movable: NDArray[np.bool_]


def fit_thresholds(
    log_probs: Array,
    true: NDArray[np.int64],
    prior: Array,
    metric: str = "macro_f1",
    *,
    costs: Array | None = None,
    weights: Array | None = None,
    groups: NDArray[np.int64] | None = None,
    standard_errors: float = 1.0,
    resamples: int = 200,
    seed: int = 0,
) -> ThresholdFit:
    """Choose the thresholds of `decide`: the answer is the label with the largest p(y | x) / t(y).

    The choice begins with t = π^τ, with the tau of `fit_tau`, which all labels share. Then the threshold of one label
    after the other is moved, the most frequent first, until no move is better, at most three times each. A label
    whose rows are in fewer than ten groups is not moved. Of the values on a grid, a move takes the one nearest to the
    threshold of tau whose metric is not worse than the best by more than one standard error of their difference, and no
    worse than without the move. The standard error comes from resamples of groups, the same for all values: where
    a few rows decide, no threshold is moved.

    Parameters
    ----------
    log_probs, true, prior, metric, costs, weights, groups, standard_errors, resamples, seed
        As in `fit_tau`.

    Returns
    -------
    ThresholdFit
        All thresholds are 1 where there is nothing to choose by.

    Raises
    ------
    ConfigError
        If the metric is unknown, or needs costs and there are none.

    References
    ----------
    Lipton, Elkan and Naryanaswamy (2014), "Optimal Thresholding of Classifiers to Maximize F1 Measure" (the thresholds
    of macro-F1 are those of each label, and with few rows they overfit).

    Examples
    --------
    >>> log_probs = np.log([[0.9, 0.1]] * 60 + [[0.7, 0.3]] * 20)
    >>> true = np.array([0] * 60 + [0, 1] * 10)
    >>> fit = fit_thresholds(log_probs, true, np.array([0.875, 0.125]), "balanced_accuracy")
    >>> fit.thresholds.round(2).tolist()
    [0.94, 0.39]
    """
    found = fit_tau(
        log_probs,
        true,
        prior,
        metric,
        costs=costs,
        weights=weights,
        groups=groups,
        standard_errors=standard_errors,
        resamples=resamples,
        seed=seed,
    )
    log_prior = safe_log(prior)
    first = found.tau * np.where(np.isneginf(log_prior), 0.0, log_prior)
    if not len(true) or np.isnan(found.values).all():
        return ThresholdFit(np.exp(first), found.tau, np.zeros(len(prior), bool))
    rows = DecidedRows(
        true,
        len(prior),
        METRICS[metric],
        costs=costs,
        weights=weights,
        groups=groups,
        resamples=resamples,
        seed=seed,
    )
    counts = rows.groups_of_label
    movable = [label for label in np.argsort(-counts, kind="stable").tolist() if counts[label] >= LEAST_GROUPS]
    moves = np.zeros(len(prior))
    for _ in range(_SWEEPS):
        before = moves.copy()
        for label in movable:
            values = rows.values(_decided(log_probs, first + moves, label, first[label] + STEPS, costs))
            place = _nearest(values, int(np.searchsorted(STEPS, moves[label])), standard_errors)
            moves[label] = STEPS[place]
        if (moves == before).all():
            break
    return ThresholdFit(np.exp(first + moves), found.tau, counts >= LEAST_GROUPS)


def _decided(
    log_probs: Array, log_thresholds: Array, label: int, tried: Array, costs: Array | None
) -> NDArray[np.int64]:
    """Decide all rows as `decide` does, with several thresholds of one label; shape (tried, rows)."""
    scores = log_probs - log_thresholds
    own = log_probs[:, label] - tried[:, None]
    scores[:, label] = -np.inf
    if costs is not None:
        others = np.exp(scores) @ costs
        return np.stack([(others + np.exp(each)[:, None] * costs[label]).argmin(axis=1) for each in own])
    rival = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), rival]
    return np.where((own > best) | ((own == best) & (label < rival)), label, rival)


def _nearest(values: Array, current: int, standard_errors: float) -> int:
    """Return the place in `STEPS` of the least move that is as good as the best, and not worse than the current one."""
    point = values[0]
    good = np.flatnonzero(as_good(values, standard_errors) & (point >= point[current] - ROUNDING))
    return int(min(good.tolist(), key=lambda place: (abs(STEPS[place]), -point[place])))
