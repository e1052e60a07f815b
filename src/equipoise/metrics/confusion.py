"""Metrics in closed form from per-label sums, for one test set or for many resamples at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelSums:
    """True positives, true rows and predicted rows of each category, with any leading axes.

    The first `labels` categories are the labels that were scored. Behind them stand the labels that no
    training row has, and last all predictions that are no label.

    Attributes
    ----------
    hits, true, predicted : float64 arrays of shape (..., categories)
        The sums.
    labels : int
        How many of the categories are labels.
    """

    hits: Array
    true: Array
    predicted: Array
    labels: int

    @property
    def recall(self) -> Array:
        """Hits over true rows of each label; NaN where there is no true row."""
        return _ratio(self.hits, self.true)[..., : self.labels]

    @property
    def precision(self) -> Array:
        """Hits over predictions of each label; 0 where it was never predicted, NaN without a true row."""
        value = np.nan_to_num(_ratio(self.hits, self.predicted))
        return np.where(self.true > 0, value, np.nan)[..., : self.labels]

    @property
    def f1(self) -> Array:
        """2 x hits over true plus predicted of each label; NaN where there is no true row."""
        value = _ratio(2 * self.hits, self.true + self.predicted)
        return np.where(self.true > 0, value, np.nan)[..., : self.labels]

    @property
    def accuracy(self) -> Array:
        """Hits over rows; a row of a label without training rows counts as wrong."""
        return _ratio(self.hits.sum(-1), self.true.sum(-1))

    @property
    def mcc(self) -> Array:
        """Matthews correlation of K categories; 0 where it is undefined, as scikit-learn has it.

        References
        ----------
        Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation coefficient".
        """
        rows = self.true.sum(-1)
        covariance = self.hits.sum(-1) * rows - (self.true * self.predicted).sum(-1)
        spread = (rows**2 - (self.predicted**2).sum(-1)) * (rows**2 - (self.true**2).sum(-1))
        value = np.nan_to_num(_ratio(covariance, np.sqrt(np.maximum(spread, 0.0))))
        return np.where(rows > 0, value, np.nan)


def mean_over(values: Array, chosen: NDArray[np.bool_] | None = None) -> Array:
    """Average the last axis over what is measured; NaN where nothing is.

    Parameters
    ----------
    values : float64 array of shape (..., labels)
        NaN where not measured.
    chosen : bool array of shape (labels,), optional
        Leave out the other labels.

    Returns
    -------
    float64 array
        Without the last axis.

    Examples
    --------
    >>> mean_over(np.array([[1.0, 0.5, np.nan], [np.nan, np.nan, np.nan]])).tolist()
    [0.75, nan]
    """
    measured = ~np.isnan(values) & (True if chosen is None else chosen)
    return _ratio(np.where(measured, values, 0.0).sum(-1), measured.sum(-1))


def geometric_mean(recall: Array) -> Array:
    """Take the root of the product of the measured recalls; 0 if one of them is 0.

    Parameters
    ----------
    recall : float64 array of shape (..., labels)
        NaN where not measured.

    Returns
    -------
    float64 array
        Without the last axis.

    References
    ----------
    Kubat & Matwin (1997), "Addressing the Curse of Imbalanced Training Sets".

    Examples
    --------
    >>> geometric_mean(np.array([[0.25, 1.0, np.nan], [0.0, 1.0, 1.0]])).tolist()
    [0.5, 0.0]
    """
    logs = np.log(recall, out=np.full(recall.shape, -np.inf), where=recall > 0)
    logs[np.isnan(recall)] = np.nan
    return np.exp(mean_over(logs))


def worst(recall: Array) -> Array:
    """Return the least measured recall; NaN where nothing is measured.

    Parameters
    ----------
    recall : float64 array of shape (..., labels)
        NaN where not measured.

    Returns
    -------
    float64 array
        Without the last axis.
    """
    least = np.where(np.isnan(recall), np.inf, recall).min(-1, initial=np.inf)
    return np.where(np.isinf(least), np.nan, least)


def macro_metrics(
    recall: Array, f1: Array, accuracy: Array, mcc: Array, bands: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Array]:
    """Name the metrics of a classification that follow from its recalls and F1.

    Parameters
    ----------
    recall, f1 : float64 arrays of shape (..., labels)
        NaN where not measured.
    accuracy, mcc : float64 arrays of shape (...)
        They do not follow from the others.
    bands : mapping of str to bool array of shape (labels,)
        Which labels are in each band.

    Returns
    -------
    dict of str to float64 array
        By metric.
    """
    return {
        "accuracy": accuracy,
        "balanced_accuracy": mean_over(recall),
        "macro_f1": mean_over(f1),
        "g_mean": geometric_mean(recall),
        "mcc": mcc,
        "worst_recall": worst(recall),
        **{f"recall_{band}": mean_over(recall, chosen) for band, chosen in bands.items()},
    }


def _ratio(upper: NDArray[np.number], lower: NDArray[np.number]) -> Array:
    shape = np.broadcast_shapes(upper.shape, lower.shape)
    return np.divide(upper, lower, out=np.full(shape, np.nan), where=lower > 0)
