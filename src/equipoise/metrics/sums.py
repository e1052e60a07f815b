"""Sums over the rows of a task, of one test set or of many resamples at once, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """What a metric may look at, row by row.

    Attributes
    ----------
    true, predicted : ndarray of int64, shape (rows,)
        Places of labels. Truths from `labels` on are labels without a training row, answers from there on not labels.
    labels : int
        The number of labels; 0 for an open-ended task.
    probabilities : ndarray of floating, shape (rows, labels), or None
        p(label | x).
    costs : ndarray of float64, shape (labels, labels), or None
        c(y, k), the cost of answering k where y is true.
    texts : sequence of pair of str
        Target and answer of each row of an open-ended task.
    """

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    labels: int
    probabilities: NDArray[np.floating] | None = None
    costs: Array | None = None
    texts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, eq=False)
class FewRows:
    """What resamples do to the scores of labels with few rows.

    Attributes
    ----------
    found, missed : ndarray of float64, shape (resamples, labels)
        What is added to the rows of each label; see `pseudo_rows`.
    widening : ndarray of float64, shape (labels,)
        By which factor its scores are spread.
    """

    found: Array
    missed: Array
    widening: Array

    def ranked(self, auroc: Array, true: Array, share: float) -> Array:
        """Add some of a row that ranks right, and of one that ranks wrong, of each label to the AUROC of all labels.

        The AUROC is the mean over the rows of a label of the share of the other rows that they rank above. With three
        rows that all rank high, resamples of them do not show that a fourth might not.

        Parameters
        ----------
        auroc : ndarray of float64, shape (resamples, labels)
            Without these rows.
        true : ndarray of float64, shape (resamples, categories)
            The rows of each label, and of what is not one.
        share : float
            How much of `found` and `missed`.
        """
        right, wrong = share * self.found, share * self.missed
        rows = true[:, : auroc.shape[1]]
        own = ratio(auroc * rows + right, rows + right + wrong)
        # Then the same of the other rows, which they rank above.
        others, right, wrong = (
            total.sum(1, keepdims=True) - of for total, of in ((true, rows), (right, right), (wrong, wrong))
        )
        return ratio(own * others + right, others + right + wrong)

    def widened(self, values: Array) -> Array:
        """Spread scores, of shape (resamples, labels), around their mean over the resamples, beyond [0, 1] too."""
        centre = values.sum(axis=0) / max(1, len(values))
        return centre + self.widening * (values - centre)


@dataclass(frozen=True, eq=False)
class LabelSums:
    """True positives, true rows and predicted rows of each category, with any leading axes.

    The first `labels` categories are the labels that were scored. After them come the labels that have no training
    row, and last all predictions that are not labels.

    Attributes
    ----------
    hits, true, predicted : ndarray of float64, shape (..., categories)
        The sums.
    labels : int
        How many of the categories are labels.
    bands : mapping of str to ndarray of bool, shape (labels,)
        Which labels are in each band.
    few : FewRows or None
        What resamples do to recall and F1 of labels with few rows.
    curves : mapping of str to ndarray of float64, shape (..., labels)
        The metrics of the ranking of each label, see `equipoise.metrics.curves`; empty without probabilities.
    """

    hits: Array
    true: Array
    predicted: Array
    labels: int
    bands: Mapping[str, NDArray[np.bool_]]
    few: FewRows | None = None
    curves: Mapping[str, Array] = field(default_factory=dict[str, Array])

    @property
    def rows(self) -> Array:
        """The number of rows."""
        return self.true.sum(-1)

    @property
    def known(self) -> Array:
        """The number of rows whose true label is one of the task's."""
        return self.true[..., : self.labels].sum(-1)

    @property
    def recall(self) -> Array:
        """Hits over true rows of each label; NaN where there is no true row."""
        hits, true = self.hits[..., : self.labels], self.true[..., : self.labels]
        if self.few is None:
            return ratio(hits, true)
        value = ratio(hits + self.few.found, true + self.few.found + self.few.missed)
        return self.few.widened(np.where(true > 0, value, np.nan))

    @property
    def precision(self) -> Array:
        """Hits over predictions of each label; 0 where it was never predicted, NaN without a true row."""
        value = np.nan_to_num(ratio(self.hits, self.predicted))
        return np.where(self.true > 0, value, np.nan)[..., : self.labels]

    @property
    def f1(self) -> Array:
        """2 x hits over true plus predicted of each label; NaN where there is no true row."""
        hits, true = self.hits[..., : self.labels], self.true[..., : self.labels]
        both = true + self.predicted[..., : self.labels]
        if self.few is None:
            return np.where(true > 0, ratio(2 * hits, both), np.nan)
        value = ratio(2 * (hits + self.few.found), both + 2 * self.few.found + self.few.missed)
        return self.few.widened(np.where(true > 0, value, np.nan))

    @property
    def accuracy(self) -> Array:
        """Hits over rows; a row of a label without training rows counts as wrong."""
        return ratio(self.hits.sum(-1), self.rows)

    @property
    def mcc(self) -> Array:
        """Matthews correlation of K categories; 0 where it is undefined, as in scikit-learn.

        References
        ----------
        Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation coefficient".
        """
        rows = self.rows
        covariance = self.hits.sum(-1) * rows - (self.true * self.predicted).sum(-1)
        spread = (rows**2 - (self.predicted**2).sum(-1)) * (rows**2 - (self.true**2).sum(-1))
        value = np.nan_to_num(ratio(covariance, np.sqrt(np.maximum(spread, 0.0))))
        return np.where(rows > 0, value, np.nan)


def one_hot(places: NDArray[np.int64], width: int, values: Array | None = None) -> sp.csr_array:
    """Put one value a row, 1 unless given, into the column that is its place; shape (rows, width)."""
    rows = len(places)
    return sp.csr_array((np.ones(rows) if values is None else values, places, np.arange(rows + 1)), shape=(rows, width))


def mean_over(values: Array, chosen: NDArray[np.bool_] | None = None) -> Array:
    """Average the last axis over what is measured, which is not NaN, and `chosen`; NaN where nothing is.

    Examples
    --------
    >>> mean_over(np.array([[1.0, 0.5, np.nan], [np.nan, np.nan, np.nan]])).tolist()
    [0.75, nan]
    """
    measured = ~np.isnan(values) & (True if chosen is None else chosen)
    return ratio(np.where(measured, values, 0.0).sum(-1), measured.sum(-1))


def geometric_mean(recall: Array) -> Array:
    """Compute the geometric mean of the measured recalls in the last axis; 0 if one of them is 0.

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


def lowest(recall: Array) -> Array:
    """Return the lowest measured recall in the last axis; NaN where nothing is measured."""
    least = np.where(np.isnan(recall), np.inf, recall).min(-1, initial=np.inf)
    return np.where(np.isinf(least), np.nan, least)


def ratio(upper: NDArray[np.number], lower: NDArray[np.number]) -> Array:
    """Divide; NaN where the denominator is 0."""
    shape = np.broadcast_shapes(upper.shape, lower.shape)
    return np.divide(upper, lower, out=np.full(shape, np.nan), where=lower > 0)
