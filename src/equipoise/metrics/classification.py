"""The metrics of a classification task, on its rows and on resampled groups of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from equipoise.errors import ConfigError
from equipoise.metrics.confusion import Array, LabelSums, macro_metrics
from equipoise.metrics.costs import row_costs
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import contributions

ECE_BINS = 15


@dataclass(frozen=True)
class Bands:
    """Cut the labels by their training rows into "many", "medium" and "few".

    Attributes
    ----------
    few_below : int
        A label with fewer training rows is in "few".
    many_above : int
        A label with more training rows is in "many".

    Raises
    ------
    ConfigError
        If the bands overlap.

    References
    ----------
    Liu et al. (2019), "Large-Scale Long-Tailed Recognition in an Open World" (above 100, 20 to 100, below 20).

    Examples
    --------
    >>> [Bands().of(count) for count in (19, 20, 100, 101)]
    ['few', 'medium', 'medium', 'many']
    """

    few_below: int = 20
    many_above: int = 100

    def __post_init__(self) -> None:
        if self.few_below > self.many_above + 1:
            raise ConfigError(
                "`few_below` must be at most `many_above` + 1, "
                f"found {self.few_below} and {self.many_above}. Use 20 and 100."
            )

    def of(self, count: int) -> str:
        """Return the band of a label with `count` training rows."""
        if count < self.few_below:
            return "few"
        return "many" if count > self.many_above else "medium"


class ClassificationRows:
    """The rows of one task as numbers.

    Parameters
    ----------
    predictions : TaskPredictions
        Of a classification task.
    codes : int64 array
        The group of each row.
    train_counts : mapping of str to int, optional
        Training rows of each label.
    bands : Bands
        The thresholds of the bands.
    costs : float64 array of shape (labels, labels), optional
        What answers cost; with them there is the metric `expected_cost`.
    """

    def __init__(
        self,
        predictions: TaskPredictions,
        codes: NDArray[np.int64],
        train_counts: Mapping[str, int] | None,
        bands: Bands,
        costs: Array | None = None,
    ) -> None:
        self.labels = predictions.labels
        self.train_counts = train_counts
        place = {label: number for number, label in enumerate(self.labels)}
        unseen = sorted(set(predictions.targets) - set(self.labels))
        # A label without a training row is a category of its own among the truths, never among the predictions.
        true_place = place | {label: len(place) + number for number, label in enumerate(unseen)}
        self.invalid = len(true_place)
        self.true = np.array([true_place[label] for label in predictions.targets], np.int64)
        self.predicted = np.array([place.get(label, self.invalid) for label in predictions.predicted], np.int64)
        self.unseen = {label: int((self.true == true_place[label]).sum()) for label in unseen}
        self.codes = codes
        band_of = [None if train_counts is None else bands.of(train_counts.get(label, 0)) for label in self.labels]
        self.band_of = band_of
        self.bands = {
            band: np.array([held == band for held in band_of], np.bool_)
            for band in ("many", "medium", "few")
            if train_counts is not None
        }
        self.probabilistic = (
            None
            if predictions.probabilities is None
            else _Probabilistic.of(predictions.probabilities, self.true, len(self.labels))
        )
        self.cost = None if costs is None else np.nan_to_num(row_costs(predictions, costs))

    def point(self) -> tuple[dict[str, float], dict[str, Array]]:
        """Compute the metrics with scikit-learn.

        Returns
        -------
        metrics : dict of str to float
            NaN where not measured.
        label_metrics : dict of str to float64 array of shape (labels,)
            `precision`, `recall` and `f1`.
        """
        if not len(self.true):
            empty = self._sums(np.zeros((1, self.width)))
            metrics, label_metrics = self._closed(empty, np.zeros((1, self.width)))
            return {name: float(value[0]) for name, value in metrics.items()}, _first(label_metrics)
        never_predicted: Any = 0  # scikit-learn's own annotation forgets the numbers
        scored: Any = sklearn_metrics.precision_recall_fscore_support(
            self.true, self.predicted, labels=np.arange(len(self.labels)), zero_division=never_predicted
        )
        measured = scored[3] > 0
        precision, recall, f1 = (np.where(measured, values, np.nan) for values in scored[:3])
        accuracy = np.asarray(sklearn_metrics.accuracy_score(self.true, self.predicted))
        # With one category alone it is undefined; scikit-learn gives 0 for all else that is, but warns here.
        single = len(np.union1d(self.true, self.predicted)) == 1
        mcc = np.asarray(0.0 if single else sklearn_metrics.matthews_corrcoef(self.true, self.predicted))
        metrics = macro_metrics(recall, f1, accuracy, mcc, self.bands)
        if self.probabilistic is not None or self.cost is not None:
            total = np.asarray(self.contributions(1, np.zeros_like(self.codes)).sum(axis=0))
            metrics |= self._summed_metrics(total)
        return (
            {name: float(value) for name, value in metrics.items()},
            {"precision": precision, "recall": recall, "f1": f1},
        )

    @property
    def width(self) -> int:
        """The number of columns of `contributions`."""
        probabilistic = 0 if self.probabilistic is None else ECE_BINS + 2
        return 3 * (self.invalid + 1) + probabilistic + (self.cost is not None)

    def contributions(self, groups: int, codes: NDArray[np.int64] | None = None) -> sp.csr_array:
        """Sum what each group adds: hits, true and predicted rows by category, then the sums of errors and costs.

        Parameters
        ----------
        groups : int
            The number of groups.
        codes : int64 array, optional
            Other groups than the rows have.

        Returns
        -------
        scipy.sparse.csr_array of shape (groups, width)
            Never quadratic in the labels: no metric here needs the whole confusion matrix.
        """
        categories = self.invalid + 1
        ones = np.ones(len(self.true))
        columns = [
            (self.true, (self.true == self.predicted).astype(np.float64)),
            (categories + self.true, ones),
            (2 * categories + self.predicted, ones),
        ]
        if self.probabilistic is not None:
            part = self.probabilistic
            start = 3 * categories
            columns += [
                (start + part.bin, part.gap),
                (np.full_like(self.true, start + ECE_BINS), part.log_loss),
                (np.full_like(self.true, start + ECE_BINS + 1), part.brier),
            ]
        if self.cost is not None:
            columns.append((np.full_like(self.true, self.width - 1), self.cost))
        return contributions(self.codes if codes is None else codes, groups, columns, self.width)

    def replicate(self, sums: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Compute the metrics of resamples in closed form.

        Parameters
        ----------
        sums : float64 array of shape (resamples, width)
            Weighted sums of the contributions.

        Returns
        -------
        metrics : dict of str to float64 array of shape (resamples,)
            As in `point`.
        label_metrics : dict of str to float64 array of shape (resamples, labels)
            As in `point`.
        """
        return self._closed(self._sums(sums), sums)

    def _closed(self, held: LabelSums, sums: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        metrics = macro_metrics(held.recall, held.f1, held.accuracy, held.mcc, self.bands)
        metrics |= self._summed_metrics(sums)
        return metrics, {"precision": held.precision, "recall": held.recall, "f1": held.f1}

    def _sums(self, sums: Array) -> LabelSums:
        categories = self.invalid + 1
        hits, true, predicted = (sums[..., k * categories : (k + 1) * categories] for k in range(3))
        return LabelSums(hits, true, predicted, len(self.labels))

    def _summed_metrics(self, sums: Array) -> dict[str, Array]:
        true = self._sums(sums).true
        rows, known = true.sum(-1), true[..., : len(self.labels)].sum(-1)
        metrics: dict[str, Array] = {}
        if self.probabilistic is not None:
            start = 3 * (self.invalid + 1)
            gaps = np.abs(sums[..., start : start + ECE_BINS]).sum(-1)
            metrics |= {
                "log_loss": _per(sums[..., start + ECE_BINS], known),
                "ece": _per(gaps, rows),
                "brier": _per(sums[..., start + ECE_BINS + 1], rows),
            }
        if self.cost is not None:
            metrics["expected_cost"] = _per(sums[..., self.width - 1], known)
        return metrics


@dataclass(frozen=True, eq=False)
class _Probabilistic:
    """What each row adds to the log-loss, the Brier score and its bin of the calibration error."""

    bin: NDArray[np.int64]
    gap: Array  # right (1) or wrong (0), minus the confidence
    log_loss: Array
    brier: Array

    @classmethod
    def of(cls, probabilities: NDArray[np.floating], true: NDArray[np.int64], labels: int) -> "_Probabilistic":
        held = probabilities.astype(np.float64)
        known = true < labels
        right = np.zeros(len(true))
        right[known] = held[known, true[known]]
        confidence = held.max(axis=1, initial=0.0)
        # Bins (0, 1/15], (1/15, 2/15], ... as Guo et al. have them.
        places = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
        return cls(
            bin=places,
            gap=(held.argmax(axis=1) == true) - confidence,
            # A label that was not scored has no probability; such rows are left out of the log-loss.
            log_loss=np.where(known, -np.log(np.maximum(right, np.finfo(np.float64).tiny)), 0.0),
            brier=(held**2).sum(axis=1) - 2 * right + 1,
        )


def _per(total: Array, count: Array) -> Array:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def _first(values: Mapping[str, Array]) -> dict[str, Array]:
    return {name: value[0] for name, value in values.items()}
