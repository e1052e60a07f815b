"""The metrics that a calibration is judged by, and reliability: of answers with confidence p, a share p is right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.metrics.known import ECE_BINS, calibration_metrics, confidence_bins
from equipoise.metrics.sums import LabelSums, Rows


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


@dataclass(frozen=True)
class ReliabilityTable:
    """Rows binned by the probability of their most probable label.

    Attributes
    ----------
    bins : int
        Number of bins of equal width; bin b is (b / bins, (b + 1) / bins].
    rows : tuple of int
        Number of rows in each bin.
    weight : tuple of float
        Their total weight.
    confidence, accuracy : tuple of float or None
        Mean probability of that label in each bin, and how often it is right. None in an empty bin.

    References
    ----------
    DeGroot and Fienberg (1983), "The Comparison and Evaluation of Forecasters"; Guo et al. (2017), "On Calibration
    of Modern Neural Networks", equations 3 to 5.

    Examples
    --------
    >>> table = reliability_table(np.log([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), bins=2)
    >>> table.rows, table.accuracy, round(table.ece, 2)
    ((0, 2), (None, 0.5), 0.35)
    """

    bins: int
    rows: tuple[int, ...]
    weight: tuple[float, ...]
    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]

    @property
    def dots(self) -> tuple[list[float], list[float], list[float]]:
        """Confidence, accuracy and share of all rows of each bin that is not empty."""
        confidences = [each for each in self.confidence if each is not None]
        accuracies = [each for each in self.accuracy if each is not None]
        return confidences, accuracies, [weight / sum(self.weight) for weight in self.weight if weight > 0]

    @property
    def ece(self) -> float:
        """Expected calibration error: the weighted mean of |accuracy - confidence| over bins; NaN without rows."""
        gaps = [share * abs(accuracy - confidence) for confidence, accuracy, share in zip(*self.dots, strict=True)]
        return sum(gaps) if gaps else float("nan")


def reliability_table(
    log_probs: Array, true: NDArray[np.int64], weights: Array | None = None, bins: int = ECE_BINS
) -> ReliabilityTable:
    """Bin rows by the probability of their most probable label.

    Parameters
    ----------
    log_probs, true, weights
        As in `measures`.
    bins : int
        The number of bins; 15 as in the calibration error of `metrics.evaluate`.

    Returns
    -------
    ReliabilityTable
        Its means are weighted.
    """
    counted = np.ones(len(true)) if weights is None else weights
    sure = np.exp(log_probs.max(axis=1))
    places = confidence_bins(sure, bins)
    right = log_probs.argmax(axis=1) == true

    def sums(values: NDArray[np.number]) -> list[float]:
        return np.bincount(places, weights=values, minlength=bins).tolist()

    def means(values: NDArray[np.number]) -> tuple[float | None, ...]:
        totals = zip(sums(counted * values), weight, strict=True)
        return tuple(total / held if held > 0 else None for total, held in totals)

    rows, weight = sums(np.ones_like(places)), sums(counted)
    return ReliabilityTable(bins, tuple(map(int, rows)), tuple(weight), means(sure), means(right))
