"""The table of all metrics: what each is called, which way it points, what it needs, and how it is computed.

A metric is its row here and the function that computes it. Everything else reads the table: what `evaluate` measures,
what a comparison may be decided by, what tau may be chosen by, and what tables and reports show, in this order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy.sparse as sp

from equipoise.base.registry import suggest
from equipoise.errors import ConfigError
from equipoise.metrics import texts
from equipoise.metrics.curves import CURVES
from equipoise.metrics.sums import Array, LabelSums, Rows, geometric_mean, lowest, mean_over, one_hot, ratio

ECE_BINS: Final = 15


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    Attributes
    ----------
    name : str
        In configurations, results and JSON.
    title : str
        In tables and reports.
    gloss : str
        What it is: a noun phrase.
    needs : {"labels", "probabilities", "ranks", "costs", "counts", "texts"}
        What a task must have: labels, and besides them probabilities ("ranks": only their order within a label counts),
        costs or training rows of each label; or texts.
    value : callable
        (sums, own) -> ndarray of float64, shape (...): the metric from the sums of a task and from those of what
        `adds` returned, of shape (..., width); NaN where it is not measured.
    adds : callable, optional
        Rows -> array of shape (rows, width), dense or sparse: what each row adds besides its label and its answer.
    limits : pair of float, optional
        The lowest and the highest value.
    lowest : float
        The lowest value of a metric that has no highest.
    less_is_better : bool
        The direction.
    decides : bool
        Whether a comparison may be decided by it.
    shown : {"summary", "report", "file"}
        In every table; in reports; or in JSON alone.
    interval : {"resampled", "lowest"}
        Whether its interval is from resamples, or, as the lowest of the recalls, from theirs.

    Examples
    --------
    >>> METRICS["log_loss"].less_is_better, METRICS["worst_recall"].chooses_tau
    (True, True)
    """

    name: str
    title: str
    gloss: str
    needs: Literal["labels", "probabilities", "ranks", "costs", "counts", "texts"]
    value: Callable[[LabelSums, Array], Array]
    adds: Callable[[Rows], Array | sp.csr_array] | None = None
    limits: tuple[float, float] | None = (0, 1)
    lowest: float = -math.inf
    less_is_better: bool = False
    decides: bool = False
    shown: Literal["summary", "report", "file"] = "report"
    interval: Literal["resampled", "lowest"] = "resampled"

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that there can be, perhaps infinite."""
        return self.limits or (self.lowest, math.inf)

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return -1 if self.less_is_better else 1

    @property
    def chooses_tau(self) -> bool:
        """Whether tau may be chosen by it: it decides, and is about answers to rows with labels."""
        return self.decides and self.needs in {"labels", "costs"}

    @property
    def scale(self) -> str:
        """The limits and the direction, in words."""
        limits = "" if self.limits is None else f"from {self.limits[0]:g} to {self.limits[1]:g}, "
        return f"{limits}{'less' if self.less_is_better else 'more'} is better"


def metric_of(name: str) -> Metric:
    """Return a metric by its name.

    Raises
    ------
    ConfigError
        If there is none of this name.
    """
    if name not in METRICS:
        hint = suggest(name, METRICS)
        raise ConfigError("unknown-metric", f"unknown metric {name!r:.80}.{hint} Known: {', '.join(METRICS)}.")
    return METRICS[name]


def calibration_metrics() -> list[Metric]:
    """Return the metrics that a calibration can change: those of probabilities, then those that may choose tau."""
    changed = [each for each in METRICS.values() if each.needs == "probabilities" or each.chooses_tau]
    return sorted(changed, key=lambda each: each.needs != "probabilities")


def row_costs(rows: Rows) -> Array:
    """Look up what the answer to each row costs; shape (rows, 1).

    An answer that is not a label of the task costs as much as the most expensive answer to that row. A row whose true
    label has no training row is in no row of the matrix: it costs 0, and is left out of the mean.

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning", section 1.
    """
    assert rows.costs is not None
    # One more column for answers that are not labels, and one more row for unknown true labels.
    table = np.pad(rows.costs, ((0, 1), (0, 1)))
    table[:-1, -1] = rows.costs.max(axis=1)
    return table[np.minimum(rows.true, rows.labels), np.minimum(rows.predicted, rows.labels)][:, None]


def _right(rows: Rows) -> Array:
    """The probability of the right label; 0 where that is not one of the task's."""
    assert rows.probabilities is not None
    known = rows.true < rows.labels
    found = np.zeros(len(known))
    found[known] = rows.probabilities[known, rows.true[known]]
    return found


def _log_losses(rows: Rows) -> Array:
    # A label that was not scored has no probability; such rows are left out.
    losses = -np.log(np.maximum(_right(rows), np.finfo(np.float64).tiny))
    return np.where(rows.true < rows.labels, losses, 0.0)[:, None]


def _squares(rows: Rows) -> Array:
    assert rows.probabilities is not None
    return ((rows.probabilities**2).sum(axis=1) - 2 * _right(rows) + 1)[:, None]


def confidence_bins(confidence: Array, bins: int = ECE_BINS) -> np.ndarray:
    """Return the bin of each confidence: (0, 1 / bins], (1 / bins, 2 / bins], ... as Guo et al. have them."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def _gaps(rows: Rows) -> sp.csr_array:
    """Right (1) or wrong (0) minus the confidence, in the column of the row's bin."""
    assert rows.probabilities is not None
    confidence = rows.probabilities.max(axis=1, initial=0.0)
    gaps = (rows.probabilities.argmax(axis=1) == rows.true) - confidence
    return one_hot(confidence_bins(confidence), ECE_BINS, gaps)


def _per_row(sums: LabelSums, own: Array) -> Array:
    return ratio(own[..., 0], sums.rows)


def _per_known_row(sums: LabelSums, own: Array) -> Array:
    return ratio(own[..., 0], sums.known)


def _recall_of(band: str) -> Callable[[LabelSums, Array], Array]:
    return lambda sums, _: mean_over(sums.recall, sums.bands[band])


def _mean_of(curve: str) -> Callable[[LabelSums, Array], Array]:
    return lambda sums, _: mean_over(sums.curves[curve])


METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric(
            "macro_f1", "macro-F1", "the mean over the labels of F1, which combines recall and precision; every label"
            " counts the same, however rare", "labels", lambda sums, _: mean_over(sums.f1),
            decides=True, shown="summary",
        ),
        Metric(
            "balanced_accuracy", "balanced accuracy", "the mean over the labels of recall, the share of a label's rows"
            " that is found; every label counts the same, however rare", "labels",
            lambda sums, _: mean_over(sums.recall), decides=True, shown="summary",
        ),
        Metric(
            "worst_recall", "lowest recall of a label", "the recall of the label with the lowest recall", "labels",
            lambda sums, _: lowest(sums.recall), decides=True, interval="lowest",
        ),
        Metric(
            "expected_cost", "expected cost", "the mean cost of the answers, by the costs given", "costs",
            _per_known_row, row_costs, limits=None, less_is_better=True, decides=True,
        ),
        Metric(
            "log_loss", "log-loss", "the mean of minus the logarithm of the probability of the right label; it"
            " penalises confident errors", "probabilities", _per_known_row, _log_losses, limits=None, lowest=0,
            less_is_better=True, decides=True,
        ),
        Metric(
            "ece", "calibration error", "the mean distance of the confidence from how often the answer is right",
            "probabilities", lambda sums, own: ratio(np.abs(own).sum(-1), sums.rows), _gaps, less_is_better=True,
        ),
        Metric(
            "accuracy", "accuracy", "the share of the rows whose answer is right", "labels",
            lambda sums, _: sums.accuracy, shown="summary",
        ),
        Metric(
            "auroc", "AUROC", "the mean over the labels of how often a row of the label has a higher probability of it"
            " than another row; 0.5 is chance", "ranks", _mean_of("auroc"), decides=True,
        ),
        Metric(
            "average_precision", "average precision", "the mean over the labels of the precision at each of the label's"
            " rows, the rows being sorted by its probability; chance is the label's share", "ranks",
            _mean_of("average_precision"), decides=True,
        ),
        Metric(
            "recall_at_alarm_rate", "recall at the alarm rate", "the mean over the labels of the highest recall of a"
            " threshold at which false alarms are at most the given share of the other rows", "ranks",
            _mean_of("recall_at_alarm_rate"),
        ),
        Metric(
            "brier", "Brier score", "the mean squared distance of the probabilities from the right answer",
            "probabilities", _per_row, _squares, limits=(0, 2), less_is_better=True, shown="file",
        ),
        Metric(
            "mcc", "Matthews correlation", "the correlation of answers and labels; 0 is chance", "labels",
            lambda sums, _: sums.mcc, limits=(-1, 1), shown="file",
        ),
        Metric(
            "g_mean", "geometric mean of recalls", "the geometric mean of recall over the labels; 0 if one label is"
            " never found", "labels",
            lambda sums, _: geometric_mean(sums.recall), shown="file",
        ),
        Metric(
            "recall_many", "recall of frequent labels", "the mean recall of labels with more than 100 training rows",
            "counts", _recall_of("many"), shown="file",
        ),
        Metric(
            "recall_medium", "recall of medium labels", "the mean recall of labels with 20 to 100 training rows",
            "counts", _recall_of("medium"), shown="file",
        ),
        Metric(
            "recall_few", "recall of rare labels", "the mean recall of labels with fewer than 20 training rows",
            "counts", _recall_of("few"), shown="file",
        ),
        Metric(
            "exact_match", "exact match", "the share of the texts that are right, spaces at the ends aside", "texts",
            _per_row, texts.exact_matches, decides=True, shown="summary",
        ),
        Metric(
            "rouge_l", "ROUGE-L", "the F1 of the longest common subsequence of words", "texts",
            _per_row, texts.rouge_l, decides=True, shown="summary",
        ),
        Metric(
            "bleu", "BLEU", "the precision of sequences of up to four words, of the whole corpus", "texts",
            lambda _, own: texts.bleu(own), texts.bleu_counts, limits=(0, 100), decides=True, shown="summary",
        ),
    )
}  # fmt: skip
"""Every metric by its name, as configurations, `compare --help` and reports have it."""
LABEL_METRICS: Final = {
    "recall": "recall", "precision": "precision", "f1": "F1", **{name: METRICS[name].title for name in CURVES},
}  # fmt: skip
"""Titles of the scores of each label, by their names."""


def title_of(name: str, alarm_rate: float) -> str:
    """Return the title of a metric, or of a score of labels, with the false-alarm rate that it is for.

    Examples
    --------
    >>> title_of("recall_at_alarm_rate", 0.05), title_of("recall", 0.05)
    ('recall at 5 % false alarms', 'recall')
    """
    if name == "recall_at_alarm_rate":
        return f"recall at {100 * alarm_rate:.4g} % false alarms"
    return METRICS[name].title if name in METRICS else LABEL_METRICS[name]
