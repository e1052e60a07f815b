"""How well the probability of each label ranks the rows, one label against the rest: of many resamples at once.

A label's rows are its positives, all others its negatives. Every point of its ROC and its precision-recall curve that
counts is at the score of a positive. So of each resample only two weights at each of these scores are summed: that of
the positives with it, and that of the negatives between it and the next higher one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equipoise.errors import ConfigError
from equipoise.metrics.sums import Array, Rows, ratio

CURVES: Final[tuple[str, ...]] = ("auroc", "average_precision", "recall_at_alarm_rate")
"""The metrics of the ranking of each label."""
ALARM_RATE: Final = 0.05
# Resamples at once: at most so many weights for each threshold of a label are held.
_AT_ONCE: Final = 64
# Weights are sums of floats: a rate that is the wanted one but for rounding is not above it.
_ROUNDING: Final = 1 + 1e-9


def check_alarm_rate(alarm_rate: float) -> None:
    """Raise a ConfigError unless the rate of false alarms is above 0 and below 1."""
    if not 0 < alarm_rate < 1:
        raise ConfigError(
            "wrong-alarm-rate", f"`alarm_rate` must be above 0 and below 1, found {alarm_rate}. Use 0.05."
        )


@dataclass(frozen=True, eq=False)
class _Thresholds:
    """The scores of the positives of one label, highest first, and the cells that add to each of them.

    Attributes
    ----------
    count : int
        Their number; each score counts once.
    positives, passed, equal : csr_array of float64, shape (thresholds, cells)
        The weight of the positives with this score; of the negatives with this score or between it and the one before;
        and of the negatives with this score.
    """

    count: int
    positives: sp.csr_array
    passed: sp.csr_array
    equal: sp.csr_array


@dataclass(frozen=True, eq=False)
class LabelCurves:
    """The order of the rows by the probability of each label.

    Attributes
    ----------
    labels : tuple of _Thresholds
        Of each label.
    weight : ndarray of float64, shape (cells,)
        The weight of all rows of each cell.
    alarm_rate : float
        The share of a label's negatives that may be false alarms.

    References
    ----------
    Hanley & McNeil (1982), "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve";
    Davis & Goadrich (2006), "The Relationship Between Precision-Recall and ROC Curves" (the sum over thresholds, which
    does not interpolate).

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    >>> rows = Rows(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2, probabilities)
    >>> found = LabelCurves.of(rows, np.arange(4), alarm_rate=0.25).values(np.ones((1, 4)))
    >>> {name: values.round(3).tolist() for name, values in found.items()}
    {'auroc': [[0.75, 0.75]], 'average_precision': [[0.833, 0.833]], 'recall_at_alarm_rate': [[0.5, 0.5]]}
    """

    labels: tuple[_Thresholds, ...]
    weight: Array
    alarm_rate: float = ALARM_RATE

    @classmethod
    def of(
        cls, rows: Rows, cells: NDArray[np.integer], weights: Array | None = None, alarm_rate: float = ALARM_RATE
    ) -> "LabelCurves":
        """Sort the rows by the probability of each label.

        Parameters
        ----------
        rows : Rows
            With probabilities. A row whose true label was not scored is a negative of every label.
        cells : ndarray of integers, shape (rows,)
            The rows of one cell are resampled together.
        weights : ndarray of float64, shape (rows,), optional
            How many rows each one represents; by default 1.
        alarm_rate : float
            As above.
        """
        assert rows.probabilities is not None
        counted = np.ones(len(cells)) if weights is None else weights
        count = int(cells.max(initial=-1)) + 1
        weight: Array = np.bincount(cells, counted, count).astype(np.float64)
        found: list[_Thresholds] = []
        for label in range(rows.labels):
            scores, positive = rows.probabilities[:, label], rows.true == label
            thresholds = np.unique(scores[positive])[::-1]
            shape = (len(thresholds), count)
            # The first threshold that a row passes: the highest one that is not above its score.
            place = len(thresholds) - np.searchsorted(thresholds[::-1], scores, side="right")
            passing = place < len(thresholds)
            tied = np.zeros(len(scores), bool)
            tied[passing] = thresholds[place[passing]] == scores[passing]
            chosen = (positive, passing & ~positive, tied & ~positive)
            found.append(
                _Thresholds(len(thresholds), *(_by_threshold(place[r], cells[r], counted[r], shape) for r in chosen))
            )
        return cls(tuple(found), weight, alarm_rate)

    def values(self, times: Array) -> dict[str, Array]:
        """Compute the metrics of resamples.

        Parameters
        ----------
        times : ndarray of float64, shape (resamples, cells)
            How often each cell is in each resample.

        Returns
        -------
        dict of str to ndarray of float64, shape (resamples, labels)
            `auroc`, the area under the ROC curve: how often a positive has a higher probability than a negative, ties
            counting half. `average_precision`, the mean precision at the positives. `recall_at_alarm_rate`, the
            highest recall of a threshold at which the false alarms are at most `alarm_rate` of the negatives. NaN where
            a label has no positive or no negative.
        """
        found = {name: np.full((len(times), len(self.labels)), np.nan) for name in CURVES}
        for first in range(0, len(times), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            columns = np.ascontiguousarray(times[some].T)
            rows = self.weight @ columns
            for label, thresholds in enumerate(self.labels):
                if thresholds.count:
                    for name, values in zip(CURVES, self._of_label(thresholds, columns, rows), strict=True):
                        found[name][some, label] = values
        return found

    def _of_label(self, thresholds: _Thresholds, columns: Array, rows: Array) -> tuple[Array, ...]:
        """The metrics of one label in some resamples, whose cells are the columns; in the order of `CURVES`."""
        # Sums along rows in memory are several times as fast as down columns.
        positives, alarms = (
            np.ascontiguousarray((each @ columns).T) for each in (thresholds.positives, thresholds.passed)
        )
        np.cumsum(alarms, axis=1, out=alarms)
        hits = np.cumsum(positives, axis=1)
        positive = hits[:, -1].copy()
        negative = rows - positive
        above = np.einsum("rt,rt->r", positives, alarms)
        if thresholds.equal.nnz:
            above -= np.einsum("rt,tr->r", positives, thresholds.equal @ columns) / 2
        # False alarms only rise from threshold to threshold.
        allowed = (alarms <= self.alarm_rate * _ROUNDING * negative[:, None]).sum(axis=1)
        recalled = np.where(allowed > 0, hits[np.arange(len(rows)), allowed - 1], 0.0)
        alarms += hits
        precision = np.divide(hits, alarms, out=hits, where=alarms > 0)
        values = 1 - ratio(above, positive * negative), ratio(np.einsum("rt,rt->r", positives, precision), positive)
        measured = (positive > 0) & (negative > 0)
        return tuple(np.where(measured, value, np.nan) for value in (*values, ratio(recalled, positive)))


def _by_threshold(
    place: NDArray[np.integer], cells: NDArray[np.integer], weights: Array, shape: tuple[int, int]
) -> sp.csr_array:
    return sp.csr_array((weights, (place, cells)), shape=shape)
