"""How good probabilities and answers are: the few numbers that a calibration is judged by, with weighted rows."""

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.calibration.reliability import reliability_table
from equipoise.metrics.confusion import LabelSums, mean_over

NAMES = ("log_loss", "brier", "ece", "macro_f1", "balanced_accuracy")


def measures(
    log_probs: Array,
    decided: NDArray[np.int64],
    true: NDArray[np.int64],
    weights: Array | None = None,
    costs: Array | None = None,
) -> dict[str, float]:
    """Judge probabilities and the answers that were given with them.

    Parameters
    ----------
    log_probs : float64 array of shape (rows, labels)
        log p(y | x).
    decided, true : int64 arrays of shape (rows,)
        Places of the answers and of the right labels.
    weights : float64 array of shape (rows,), optional
        What each row counts, if the rows stand for others with other label shares.
    costs : float64 array of shape (labels, labels), optional
        c(y, k), the cost of answering k where y is true.

    Returns
    -------
    dict of str to float
        `log_loss`, `brier` (summed over the labels), `ece`, `macro_f1`, `balanced_accuracy`, and `expected_cost`
        with costs; all as in `metrics.evaluate`. NaN without rows.

    Examples
    --------
    >>> found = measures(np.log([[0.5, 0.5], [0.1, 0.9]]), np.array([0, 1]), np.array([1, 1]))
    >>> {name: round(value, 3) for name, value in found.items()}
    {'log_loss': 0.399, 'brier': 0.26, 'ece': 0.3, 'macro_f1': 0.667, 'balanced_accuracy': 0.5}
    """
    labels = log_probs.shape[1]
    counted = np.ones(len(true)) if weights is None else weights
    rows = np.arange(len(true))
    # As in `metrics`: the loss of a row whose label was given no probability at all is large, not infinite.
    loss = -np.maximum(log_probs[rows, true], np.log(np.finfo(np.float64).tiny))
    probabilities = np.exp(log_probs)
    brier = (probabilities**2).sum(axis=1) - 2 * probabilities[rows, true] + 1

    def per_label(places: NDArray[np.int64], values: Array) -> Array:
        return np.bincount(places, weights=values, minlength=labels).astype(np.float64)

    hits = per_label(true, counted * (true == decided))
    sums = LabelSums(hits, per_label(true, counted), per_label(decided, counted), labels)
    found = {
        "log_loss": _mean(loss, counted),
        "brier": _mean(brier, counted),
        "ece": reliability_table(log_probs, true, counted).ece,
        "macro_f1": float(mean_over(sums.f1)),
        "balanced_accuracy": float(mean_over(sums.recall)),
    }
    return found if costs is None else {**found, "expected_cost": _mean(costs[true, decided], counted)}


def _mean(values: Array, weights: Array) -> float:
    total = weights.sum()
    return float(values @ weights / total) if total > 0 else float("nan")
