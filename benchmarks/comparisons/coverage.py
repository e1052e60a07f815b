"""Simulated test sets of a known population: how often intervals cover what they are intervals of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from equipoise.metrics import Estimate, TaskPredictions, evaluate
from equipoise.metrics.curves import CURVES, LabelCurves
from equipoise.metrics.intervals import effective_rows, wilson
from equipoise.metrics.sums import Rows
from equipoise.statistics import difference_over_seeds

Array = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 400
METRICS = ("balanced_accuracy", "macro_f1", "worst_recall")
POPULATION = 200_000


@dataclass(frozen=True)
class Labels:
    """A task: the test rows of its labels, their recalls, and how rows belong to groups.

    Rows of a group have one label, and whether they are found correlates by `correlation`. Missed rows are predicted to
    have another label, in proportion to its rows.
    """

    rows: tuple[int, ...]
    recall: tuple[float, ...]
    size: int = 1
    correlation: float = 0.0

    @property
    def true(self) -> NDArray[np.int64]:
        """The labels of the rows."""
        return np.repeat(np.arange(len(self.rows)), self.rows)

    @property
    def groups(self) -> NDArray[np.int64]:
        """The groups of the rows."""
        firsts = np.concatenate([np.arange(count) % self.size == 0 for count in self.rows])
        return np.cumsum(firsts) - 1

    @property
    def confusion(self) -> Array:
        """Probability of each prediction (column), given the label (row)."""
        rows = np.array(self.rows, float)
        others = np.where(np.eye(len(rows)), 0.0, rows)
        recall = np.array(self.recall)
        return np.diag(recall) + (1 - recall)[:, None] * others / others.sum(axis=1, keepdims=True)

    @property
    def truth(self) -> dict[str, float]:
        """The metrics of the population."""
        joint = np.array(self.rows, float)[:, None] * self.confusion
        f1 = 2 * np.diag(joint) / (joint.sum(axis=0) + joint.sum(axis=1))
        recall = np.array(self.recall)
        return dict(zip(METRICS, (float(recall.mean()), float(f1.mean()), float(recall.min())), strict=True))

    def predicted(self, levels: Array, random: np.random.Generator) -> NDArray[np.int64]:
        """Draw predictions; those of rows with a low level are right."""
        true, others = self.true, self.confusion.copy()
        np.fill_diagonal(others, 0.0)
        others = np.cumsum(others / np.maximum(others.sum(axis=1, keepdims=True), 1e-300), axis=1)
        missed = (random.random((len(true), 1)) > others[true]).sum(axis=1).clip(max=len(self.rows) - 1)
        return np.where(levels < np.array(self.recall)[true], true, missed)

    def levels(self, random: np.random.Generator) -> Array:
        """Draw uniform numbers, one a row, which are the same in a group with the probability `correlation`."""
        shared = random.random(self.groups[-1] + 1)[self.groups]
        alone = random.random(len(shared))
        # Either both of two rows take the number of their group, or they are independent.
        return np.where(random.random(len(shared)) < self.correlation**0.5, shared, alone)

    def predictions(self, predicted: NDArray[np.int64]) -> dict[str, TaskPredictions]:
        """Return a draw as what is scored."""
        names = tuple(f"label {place}" for place in range(len(self.rows)))
        true, said = ([names[place] for place in places.tolist()] for places in (self.true, predicted))
        return {"task": TaskPredictions("task", true, said, names, groups=[str(each) for each in self.groups])}


@dataclass
class Count:
    """Intervals so far: how many were above or below the truth, and the sum of their widths."""

    above: int = 0
    below: int = 0
    width: float = 0.0
    number: int = 0

    def add(self, low: float, high: float, truth: float) -> None:
        """Count an interval."""
        self.above += low > truth + 1e-9
        self.below += high < truth - 1e-9
        self.width += high - low
        self.number += 1

    def add_estimate(self, estimate: Estimate, truth: float) -> None:
        """Count the interval of an estimate."""
        assert estimate.low is not None
        assert estimate.high is not None
        self.add(estimate.low, estimate.high, truth)

    @property
    def covered(self) -> float:
        """The share of the intervals that cover the truth."""
        return 1 - (self.above + self.below) / self.number

    @property
    def mean_width(self) -> float:
        """Their mean width."""
        return self.width / self.number


def percentiles(task: Labels, predicted: Sequence[NDArray[np.int64]], random: np.random.Generator) -> dict[str, Array]:
    """Return the ends of plain percentile intervals: groups drawn with replacement, vanished labels in no mean.

    Of two draws of predictions, those of the second minus the first.
    """
    groups, labels = task.groups, np.eye(len(task.rows))
    count = int(groups[-1]) + 1
    times = random.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)[:, groups]
    true = times @ labels[task.true]
    found: list[dict[str, Array]] = []
    for said in predicted:
        hits = times @ (labels[said] * (said == task.true)[:, None])
        with np.errstate(invalid="ignore"):
            recall = hits / true
            f1 = np.where(true > 0, 2 * hits / (true + times @ labels[said]), np.nan)
        values = np.nanmean(recall, axis=1), np.nanmean(f1, axis=1), np.nanmin(recall, axis=1)
        found.append(dict(zip(METRICS, values, strict=True)))
    drawn = {key: found[-1][key] - (found[0][key] if len(found) > 1 else 0.0) for key in METRICS}
    return {key: np.quantile(each, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) for key, each in drawn.items()}


def of_recall(rows: int, recall: float, size: int, correlation: float, times: int, seed: int) -> dict[str, Count]:
    """Count intervals of the recall of one label, in a test set of which it is a small part."""
    random = np.random.default_rng(seed)
    groups = np.arange(rows) // size
    count = int(groups[-1]) + 1
    shared = random.random((times, count))[:, groups]
    levels = np.where(random.random((times, rows)) < correlation**0.5, shared, random.random((times, rows)))
    hits = levels < recall
    # Each test set is one label of a task.
    places, codes = (
        np.repeat(np.arange(times), rows),
        np.tile(groups, times) + np.repeat(np.arange(times), rows) * count,
    )
    independent = effective_rows(places, hits.ravel(), codes, np.ones(hits.size), times)
    found = {"wilson": Count(), "percentile": Count()}
    shares = hits.mean(axis=1)
    for low, high in zip(*wilson(shares, independent, LEVEL), strict=True):
        found["wilson"].add(low, high, recall)
    totals = np.bincount(groups).astype(float)
    of_group = np.add.reduceat(hits.astype(float), np.flatnonzero(np.diff(groups, prepend=-1)), axis=1)
    for each in of_group:
        weights = random.poisson(1.0, (RESAMPLES, count))
        total = weights @ totals
        drawn = (weights @ each)[total > 0] / total[total > 0]
        found["percentile"].add(*np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]), recall)
    return found


def of_means(task: Labels, times: int, seed: int) -> dict[tuple[str, str], Count]:
    """Count intervals of the means over the labels of a task, by metric and method."""
    random = np.random.default_rng(seed)
    found = {(key, method): Count() for key in METRICS for method in ("now", "percentile")}
    truth = task.truth
    for number in range(times):
        said = task.predicted(task.levels(random), random)
        scores = evaluate(task.predictions(said), bootstrap=RESAMPLES, seed=number).mean
        plain = percentiles(task, [said], random)
        for key in METRICS:
            found[key, "now"].add_estimate(scores[key], truth[key])
            found[key, "percentile"].add(*plain[key], truth[key])
    return found


def of_differences(first: Labels, second: Labels, times: int, seed: int) -> dict[tuple[str, str], Count]:
    """Count intervals of the differences of two candidates that find half of the rows by the same levels."""
    random = np.random.default_rng(seed)
    found = {(key, method): Count() for key in METRICS for method in ("now", "percentile")}
    truth = {key: second.truth[key] - first.truth[key] for key in METRICS}
    for number in range(times):
        levels = first.levels(random)
        other = np.where(random.random(len(levels)) < 0.5, levels, second.levels(random))
        said = [first.predicted(levels, random), second.predicted(other, random)]
        sets = [[first.predictions(each)] for each in said]
        scores = difference_over_seeds(*sets, bootstrap=RESAMPLES, seed=number).mean
        plain = percentiles(first, said, random)
        for key in METRICS:
            found[key, "now"].add_estimate(scores[key], truth[key])
            found[key, "percentile"].add(*plain[key], truth[key])
    return found


def of_ranking(rows: Sequence[int], distance: float, times: int, seed: int) -> dict[tuple[str, str], Count]:
    """Count intervals of the ranking of the rarest label, and of the mean over the labels.

    The logit of the true label is `distance` higher than those of the others, all with normal noise of variance 1, so
    that the AUROC of two labels is the normal distribution function of the distance.
    """
    random = np.random.default_rng(seed)
    counts = np.array(rows)
    names = tuple(f"label {place}" for place in range(len(rows)))
    rarest = int(counts.argmin())
    truth = _rankings(np.repeat(np.arange(len(rows)), counts * -(-POPULATION // counts.sum())), distance, random)
    true = np.repeat(np.arange(len(rows)), counts)
    targets = [names[place] for place in true.tolist()]
    found = {(key, of): Count() for key in CURVES for of in ("label", "mean")}
    for number in range(times):
        said = TaskPredictions("task", targets, targets, names, _probabilities(true, distance, random))
        scores = evaluate({"task": said}, bootstrap=RESAMPLES, seed=number)
        for key in CURVES:
            of_labels = [getattr(label, key) for label in scores.tasks["task"].labels]
            found[key, "label"].add_estimate(of_labels[rarest], truth[key][rarest])
            found[key, "mean"].add_estimate(scores.mean[key], float(truth[key].mean()))
    return found


def _probabilities(true: NDArray[np.int64], distance: float, random: np.random.Generator) -> Array:
    labels = int(true.max()) + 1
    return softmax(random.standard_normal((len(true), labels)) + distance * np.eye(labels)[true], axis=1)


def _rankings(true: NDArray[np.int64], distance: float, random: np.random.Generator) -> dict[str, Array]:
    """Return the metrics of each label in a population."""
    p = _probabilities(true, distance, random)
    curves = LabelCurves.of(Rows(true, true, p.shape[1], p), np.zeros(len(true), np.int64))
    return {name: values[0] for name, values in curves.values(np.ones((1, 1))).items()}
