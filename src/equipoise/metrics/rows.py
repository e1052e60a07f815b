"""The rows of a task as numbers: its metrics on the rows as they are, and on resampled groups of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from equipoise.errors import ConfigError
from equipoise.metrics.curves import ALARM_RATE, CURVES, LabelCurves, check_alarm_rate
from equipoise.metrics.known import METRICS
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import Contributions, label_groups, pseudo_rows, resampled_sums, widening
from equipoise.metrics.sums import Array, FewRows, LabelSums, Rows, mean_over, one_hot, ratio

# Probabilities looked at at once: 2**21 float64 are 16 MiB.
HELD = 2**21
Measured = tuple[dict[str, Array], dict[str, Array]]
"""The metrics of a task, with resamples along the first axis, and the metrics of its labels; by name."""
# The ranks of a label's rows vary less than whether they are found, by how much depends on the AUROC. So much of the
# pseudo rows makes intervals that cover and are not much too wide; see benchmarks/interval_coverage.py.
_OF_RANKS: Final = 0.25


@dataclass(frozen=True)
class Bands:
    """Thresholds that put the labels into "many", "medium" and "few" by their training rows.

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
                "overlapping-bands",
                "`few_below` must be at most `many_above` + 1, "
                f"found {self.few_below} and {self.many_above}. Use 20 and 100.",
            )

    def of(self, count: int) -> str:
        """Return the band of a label with `count` training rows."""
        if count < self.few_below:
            return "few"
        return "many" if count > self.many_above else "medium"


class TaskRows:
    """The rows of one task as numbers; arguments and errors as in `evaluate`, and `codes`, the group of each row."""

    def __init__(
        self,
        predictions: TaskPredictions,
        codes: NDArray[np.int64],
        train_counts: Mapping[str, int] | None = None,
        bands: Bands | None = None,
        costs: Array | None = None,
        alarm_rate: float = ALARM_RATE,
    ) -> None:
        check_alarm_rate(alarm_rate)
        self.task, self.labels = predictions.task, predictions.labels
        self.codes, self.train_counts = codes, train_counts
        self.weights = predictions.weights
        self.unseen, self.invalid = dict[str, int](), 0
        if not self.labels:
            has = {"texts"}
            none = np.zeros(len(codes), np.int64)
            rows = Rows(none, none, 0, texts=list(zip(predictions.targets, predictions.predicted, strict=True)))
        else:
            given = {"probabilities": predictions.probabilities, "counts": train_counts, "costs": costs}
            has = {"labels"} | {name for name, held in given.items() if held is not None}
            has |= {"ranks"} if "probabilities" in has else set()
            rows = self._labelled(predictions, costs)
        if costs is not None and (not self.labels or costs.shape != (len(self.labels), len(self.labels))):
            raise ConfigError(
                "wrong-shape",
                f"`costs` of task {predictions.task!r} must have the shape (labels, labels) ="
                f" {(len(self.labels), len(self.labels))} of a classification task, found {costs.shape}."
                " Make them with `cost_matrix` from its labels.",
            )
        counts = None if train_counts is None else [train_counts.get(label, 0) for label in self.labels]
        self.band_of = [None] * len(self.labels) if counts is None else [(bands or Bands()).of(each) for each in counts]
        self._bands = {band: np.array([held == band for held in self.band_of]) for band in ("many", "medium", "few")}
        self.rows = rows
        self.metrics = [metric for metric in METRICS.values() if metric.needs in has]
        self._curves = (
            partial(LabelCurves.of, rows, weights=self.weights, alarm_rate=alarm_rate) if "ranks" in has else None
        )
        categories = self.invalid + 1
        hits = (rows.true == rows.predicted).astype(np.float64)
        blocks = [one_hot(rows.true, categories, hits), one_hot(rows.true, categories)]
        blocks.append(one_hot(rows.predicted, categories))
        # For each metric the columns of its own sums.
        self._own: dict[str, slice] = {}
        start = 3 * categories
        for metric in self.metrics:
            found = [] if metric.adds is None else [metric.adds(part) for part in _parts(rows)]
            width = int(np.asarray(found[0].sum(axis=0)).size) if found else 0
            self._own[metric.name] = slice(start, start + width)
            start += width
            if found:
                blocks.append(sp.csr_array(sp.vstack([sp.csr_array(each) for each in found])))
        self._columns = sp.csr_array(sp.hstack(blocks, format="csr"))
        if self.weights is not None:
            self._columns.data *= np.repeat(self.weights, np.diff(self._columns.indptr))

    def _labelled(self, predictions: TaskPredictions, costs: Array | None) -> Rows:
        place = {label: number for number, label in enumerate(self.labels)}
        unseen = sorted(set(predictions.targets) - set(self.labels))
        # A label without a training row is a category of its own among the truths, never among the predictions.
        true_place = place | {label: len(place) + number for number, label in enumerate(unseen)}
        self.invalid = len(true_place)
        true = np.array([true_place[label] for label in predictions.targets], np.int64)
        predicted = np.array([place.get(label, self.invalid) for label in predictions.predicted], np.int64)
        self.unseen = {label: int((true == true_place[label]).sum()) for label in unseen}
        return Rows(true, predicted, len(self.labels), predictions.probabilities, costs)

    def point(self) -> Measured:
        """Compute the metrics of the rows as they are, with scikit-learn where it has them; as one resample."""
        total = np.asarray((one_hot(np.zeros_like(self.codes), 1).T @ self._columns).toarray())
        if (curves := self.contributions.curves) is not None:
            total = np.hstack([total, *curves.values(np.ones((1, len(curves.weight)))).values()])
        sums = self._sums(total)
        if self.labels and len(self.codes):
            sums = _LibrarySums(**vars(sums), of=self.rows, weights=self.weights)
        of_labels = {"precision": sums.precision[0], "recall": sums.recall[0], "f1": sums.f1[0]}
        return self._measured(sums, total), of_labels | {name: values[0] for name, values in sums.curves.items()}

    @cached_property
    def contributions(self) -> Contributions:
        """What each group adds: hits, true and predicted rows by category, then what the metrics add, and its ranks.

        The width is linear in the labels: no metric needs the whole confusion matrix.
        """
        return Contributions.of(self._columns, self.codes, self.weights, self.rows.true, self._curves)

    def replicate(self, sums: Array, few: FewRows | None = None) -> dict[str, Array]:
        """Compute the metrics of resamples in closed form, from weighted sums of the contributions."""
        return self._measured(self._sums(sums, few, 2 / max(2, len(self.labels))), sums)

    def ranked(self, sums: Array, few: FewRows | None = None) -> Mapping[str, Array]:
        """Compute the metrics of the ranking of each label in resamples; empty without probabilities."""
        return self._sums(sums, few, 1.0).curves

    def few(self, bootstrap: int, seed: int, second: bool) -> FewRows:
        """Return what resamples do to labels with few rows; see `pseudo_rows` for `second`."""
        labels, categories = len(self.labels), self.invalid + 1
        groups = label_groups(self.rows.true, self.codes, categories)[:labels]
        weight = np.bincount(self.rows.true, self.weights, categories)[:labels]
        sizes = np.nan_to_num(ratio(weight, groups))
        return FewRows(*pseudo_rows(self.task, sizes, bootstrap, seed, second), widening(groups))

    def _sums(self, sums: Array, few: FewRows | None = None, part: float = 0.0) -> LabelSums:
        """Name the sums; `part` of the rows that are added to the ranking of a single label are added here.

        A mean needs fewer than each label: in other resamples others of them count.
        """
        categories = self.invalid + 1
        hits, true, predicted = (sums[:, k * categories : (k + 1) * categories] for k in range(3))
        labels = len(self.labels)
        first = sums.shape[1] - len(CURVES) * labels
        ranked = (
            {}
            if self._curves is None
            else dict(zip(CURVES, np.split(sums[:, first:], len(CURVES), axis=1), strict=True))
        )
        if few is not None:
            if ranked:
                ranked["auroc"] = few.ranked(ranked["auroc"], true, _OF_RANKS * part)
            ranked = {name: few.widened(values) for name, values in ranked.items()}
        return LabelSums(hits, true, predicted, labels, self._bands, few, ranked)

    def _measured(self, held: LabelSums, sums: Array) -> dict[str, Array]:
        metrics = {metric.name: metric.value(held, sums[:, self._own[metric.name]]) for metric in self.metrics}
        # Without a row a metric may still find a number, such as BLEU of nothing.
        return {name: np.where(held.rows > 0, value, np.nan) for name, value in metrics.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class _LibrarySums(LabelSums):
    """The same of one test set, computed by scikit-learn."""

    of: Rows
    weights: Array | None

    @cached_property
    def _scored(self) -> tuple[Array, Array, Array]:
        never_predicted: Any = 0  # scikit-learn's own annotation forgets the numbers
        scored: Any = sklearn_metrics.precision_recall_fscore_support(
            self.of.true,
            self.of.predicted,
            labels=np.arange(self.labels),
            zero_division=never_predicted,
            sample_weight=self.weights,
        )
        precision, recall, f1 = (np.where(scored[3] > 0, values, np.nan)[None] for values in scored[:3])
        return precision, recall, f1

    @property
    def precision(self) -> Array:
        return self._scored[0]

    @property
    def recall(self) -> Array:
        return self._scored[1]

    @property
    def f1(self) -> Array:
        return self._scored[2]

    @property
    def accuracy(self) -> Array:
        return np.array([sklearn_metrics.accuracy_score(self.of.true, self.of.predicted, sample_weight=self.weights)])

    @property
    def mcc(self) -> Array:
        # With one category alone it is undefined; scikit-learn returns 0 wherever else it is, but warns here.
        if len(np.union1d(self.of.true, self.of.predicted)) == 1:
            return np.zeros(1)
        return np.array(
            [sklearn_metrics.matthews_corrcoef(self.of.true, self.of.predicted, sample_weight=self.weights)]
        )


def _parts(rows: Rows) -> Iterator[Rows]:
    """Yield some rows at a time, their probabilities in double precision; without probabilities all at once."""
    if rows.probabilities is None:
        yield rows
        return
    step = max(1, HELD // max(1, rows.labels))
    # A softmax is never 0: such a probability was too small for its type.
    least = np.finfo(rows.probabilities.dtype).tiny
    for first in range(0, max(1, len(rows.true)), step):
        some = slice(first, first + step)
        probabilities = np.maximum(rows.probabilities[some].astype(np.float64), least)
        yield replace(rows, true=rows.true[some], predicted=rows.predicted[some], probabilities=probabilities)


def measured(
    rows: Sequence[TaskRows], groups: int, bootstrap: int, seed: int, second: Sequence[bool] | None = None
) -> list[Measured]:
    """Compute the metrics of all tasks on their rows as they are, and then on the same resamples of the groups.

    Given may be which of them are of the second one of two candidates; see `pseudo_rows`.

    Returns
    -------
    list of (dict, dict)
        For each task its metrics, of shape (1 + bootstrap,), in the order of the table, and `precision`, `recall` and
        `f1` of its labels on the rows as they are, of shape (labels,); with probabilities also the metrics of their
        ranking, of shape (1 + bootstrap, labels). NaN where not measured.
    """
    sums = resampled_sums([held.contributions for held in rows], groups, bootstrap, seed)
    found: list[Measured] = []
    for held, total, later in zip(rows, sums, second or [False] * len(rows), strict=True):
        points, of_labels = held.point()
        few = held.few(bootstrap, seed, later)
        draws, ranked = held.replicate(total, few), held.ranked(total, few)
        of_labels |= {name: np.vstack([of_labels[name], values]) for name, values in ranked.items()}
        found.append(({name: np.concatenate([points[name], draws[name]]) for name in points}, of_labels))
    return found


def task_means(metrics: Sequence[Mapping[str, float] | Mapping[str, Array]]) -> dict[str, Array]:
    """Average each metric, a number or an array, over the tasks that measure it; NaN where none does.

    Examples
    --------
    >>> means = task_means([{"mcc": 0.5}, {"mcc": float("nan")}, {"mcc": 0.25, "ece": 0.125}])
    >>> {name: float(value) for name, value in means.items()}
    {'mcc': 0.375, 'ece': 0.125}
    """
    names = dict.fromkeys(name for held in metrics for name in held)
    return {name: mean_over(np.stack([held[name] for held in metrics if name in held], axis=-1)) for name in names}
