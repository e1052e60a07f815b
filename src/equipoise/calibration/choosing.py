"""The choice among decisions by a metric, on rows that training did not see and on resamples of their groups."""

from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equipoise.calibration.logs import Array
from equipoise.metrics import Metric
from equipoise.metrics.resampling import group_weights
from equipoise.metrics.sums import LabelSums, Rows

ROUNDING: Final = 1e-12


class DecidedRows:
    """Rows with labels, and the same resamples of their groups for all decisions.

    Parameters
    ----------
    true : ndarray of int64, shape (rows,)
        Places of the true labels.
    labels : int
        The number of labels.
    metric : Metric
        The metric of the decisions.
    costs, weights, groups, resamples, seed
        As in `fit_tau`.

    Attributes
    ----------
    groups_of_label : ndarray of int64, shape (labels,)
        In how many groups each label has rows.
    """

    def __init__(
        self,
        true: NDArray[np.int64],
        labels: int,
        metric: Metric,
        *,
        costs: Array | None,
        weights: Array | None,
        groups: NDArray[np.int64] | None,
        resamples: int,
        seed: int,
    ) -> None:
        self._true, self._labels, self._metric, self._costs = true, labels, metric, costs
        self._weights = np.ones(len(true)) if weights is None else weights
        self._codes = np.arange(len(true)) if groups is None else np.unique(groups, return_inverse=True)[1]
        count = int(self._codes.max()) + 1
        # The rows as they are, then each resample.
        times = np.concatenate([np.ones((1, count)), *group_weights(count, resamples, seed)])
        self._times = np.ascontiguousarray(times.T)
        self._counts = self._sums(true, self._codes, self._weights, labels).T
        held = np.unique(np.stack([true, self._codes]), axis=1)[0]
        self.groups_of_label = np.bincount(held, minlength=labels)

    def values(self, decided: NDArray[np.int64]) -> Array:
        """Compute the metric of several decisions; more is better.

        Parameters
        ----------
        decided : ndarray of int64, shape (decisions, rows)
            Places of the answers. It is fast if few of them differ from those of the decision before.

        Returns
        -------
        ndarray of float64, shape (1 + resamples, decisions)
            Of the rows as they are, then of each resample; NaN where not measured.
        """
        # Only what differs from the decision before is summed.
        place, row = np.nonzero(np.vstack([np.ones((1, len(self._true)), bool), decided[1:] != decided[:-1]]))
        later = place > 0
        added = self._added(decided)
        width, changes = 2 * self._labels + added.shape[2], np.diff(added, axis=0, prepend=0)
        answers = [
            (place, row, decided[place, row], self._weights[row]),
            (place[later], row[later], decided[place[later] - 1, row[later]], -self._weights[row[later]]),
        ]
        entries = list(answers)
        for where, which, said, value in answers:
            right = self._true[which] == said
            entries.append((where[right], which[right], self._labels + said[right], value[right]))
        for column in range(added.shape[2]):
            own = np.full(len(place), 2 * self._labels + column)
            entries.append((place, row, own, self._weights[row] * changes[place, row, column]))
        lines = np.concatenate([where * width + column for where, _, column, _ in entries])
        cells = self._codes[np.concatenate([which for _, which, _, _ in entries])]
        values = np.concatenate([value for _, _, _, value in entries])
        changed = self._sums(lines, cells, values, len(decided) * width).reshape(len(decided), width, -1)
        total = np.moveaxis(changed.cumsum(axis=0), 2, 0)
        predicted, hits, own = np.split(total, [self._labels, 2 * self._labels], axis=2)
        held = LabelSums(hits, self._counts[:, None, :], predicted, self._labels, {})
        return self._metric.sign * self._metric.value(held, own)

    def _sums(self, lines: NDArray[np.int64], cells: NDArray[np.int64], values: Array, count: int) -> Array:
        """Sum values by line, in the rows as they are and in each resample; shape (count, 1 + resamples)."""
        return np.asarray(sp.csr_array((values, (lines, cells)), shape=(count, len(self._times))) @ self._times)

    def _added(self, decided: NDArray[np.int64]) -> Array:
        """What the metric adds to each row besides its label and its answer; shape (decisions, rows, width)."""
        if self._metric.adds is None:
            return np.zeros((*decided.shape, 0))
        rows = (Rows(self._true, each, self._labels, costs=self._costs) for each in decided)
        return np.stack([np.asarray(self._metric.adds(each)) for each in rows])


def as_good(values: Array, standard_errors: float) -> NDArray[np.bool_]:
    """Find the decisions whose metric is not worse than the best by more than some standard errors of the difference.

    Parameters
    ----------
    values : ndarray of float64, shape (1 + resamples, decisions)
        Returned by `DecidedRows.values`; one of the first row is measured.
    standard_errors : float
        How many count as no difference.

    References
    ----------
    Breiman et al. (1984), "Classification and Regression Trees", section 3.4.3 (the rule of one standard error).

    Examples
    --------
    >>> as_good(np.array([[0.5, 0.7, 0.8], [0.5, 0.8, 0.7], [0.5, 0.6, 0.9]]), 1.0).tolist()
    [False, True, True]
    """
    point = values[0]
    best = int(np.nanargmax(point))
    allowed = np.full(len(point), ROUNDING)
    drawn = values[1:][~np.isnan(values[1:, best])]  # a resample may hold no row that counts
    if standard_errors > 0 and len(drawn):
        allowed += standard_errors * (drawn[:, [best]] - drawn).std(axis=0)
    return point[best] - point <= allowed
