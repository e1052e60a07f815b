"""The metrics that a calibration is judged by, with weighted rows."""

import numpy as np
from numpy.typing import NDArray

from equipoise.metrics.known import calibration_metrics
from equipoise.metrics.sums import Array, LabelSums, Rows


def measures(
    log_probs: Array,
    decided: NDArray[np.int64],
    true: NDArray[np.int64],
    weights: Array | None = None,
    costs: Array | None = None,
) -> dict[str, float]:
    """Measure probabilities and the answers that were given with them.

    Parameters
    ----------
    log_probs : ndarray of float64, shape (rows, labels)
        log p(y | x).
    decided, true : ndarray of int64, shape (rows,)
        Places of the answers and of the true labels.
    weights : ndarray of float64, shape (rows,), optional
        The weight of each row, if the metrics are for other label shares than those of the rows.
    costs : ndarray of float64, shape (labels, labels), optional
        c(y, k), the cost of answering k where y is true.

    Returns
    -------
    dict of str to float
        The metrics of probabilities, those that may choose tau, and `expected_cost` with costs; all as in
        `metrics.evaluate`. NaN without rows.

    Examples
    --------
    >>> found = measures(np.log([[0.5, 0.5], [0.1, 0.9]]), np.array([0, 1]), np.array([1, 1]))
    >>> {name: round(value, 3) for name, value in found.items()}
    {'log_loss': 0.399, 'ece': 0.3, 'brier': 0.26, 'macro_f1': 0.667, 'balanced_accuracy': 0.5, 'worst_recall': 0.5}
    """
    labels = log_probs.shape[1]
    counted = np.ones(len(true)) if weights is None else weights
    rows = Rows(true, decided, labels, np.exp(log_probs), costs)

    def per_label(places: NDArray[np.int64], values: Array) -> Array:
        return np.bincount(places, weights=values, minlength=labels).astype(np.float64)

    hits = per_label(true, counted * (true == decided))
    sums = LabelSums(hits, per_label(true, counted), per_label(decided, counted), labels, {})
    return {
        metric.name: float(metric.value(sums, np.empty(0) if metric.adds is None else metric.adds(rows).T @ counted))
        for metric in calibration_metrics()
        if metric.needs != "costs" or costs is not None
    }
