"""Reliability: of the answers with confidence p, a share p should be right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.metrics.known import ECE_BINS, confidence_bins


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
        total = sum(self.weight)
        held = [
            (confidence, accuracy, weight / total)
            for confidence, accuracy, weight in zip(self.confidence, self.accuracy, self.weight, strict=True)
            if confidence is not None and accuracy is not None
        ]
        confidences, accuracies, shares = ([row[place] for row in held] for place in range(3))
        return confidences, accuracies, shares

    @property
    def ece(self) -> float:
        """Expected calibration error: the weighted mean of |accuracy - confidence| over bins; NaN without rows."""
        gaps = [
            weight * abs(accuracy - confidence)
            for weight, accuracy, confidence in zip(self.weight, self.accuracy, self.confidence, strict=True)
            if accuracy is not None and confidence is not None
        ]
        return sum(gaps) / sum(self.weight) if gaps else float("nan")


def reliability_table(
    log_probs: Array, true: NDArray[np.int64], weights: Array | None = None, bins: int = ECE_BINS
) -> ReliabilityTable:
    """Bin rows by the probability of their most probable label.

    Parameters
    ----------
    log_probs : ndarray of float64, shape (rows, labels)
        log p(y | x).
    true : ndarray of int64, shape (rows,)
        Places of the true labels.
    weights : ndarray of float64, shape (rows,), optional
        The weight of each row.
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

    weight = sums(counted)

    def means(values: NDArray[np.number]) -> tuple[float | None, ...]:
        return tuple(
            total / held if held > 0 else None for total, held in zip(sums(counted * values), weight, strict=True)
        )

    rows = tuple(np.bincount(places, minlength=bins).tolist())
    return ReliabilityTable(bins, rows, tuple(weight), means(sure), means(right))
