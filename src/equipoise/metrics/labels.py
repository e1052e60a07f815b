"""The scores of the labels of a task: proportions with Wilson's intervals, rankings with those of resamples."""

from collections.abc import Mapping

import numpy as np

from equipoise.metrics.curves import CURVES
from equipoise.metrics.intervals import effective_rows, lowest_interval, marked, resampled_interval, wilson
from equipoise.metrics.resampling import label_groups
from equipoise.metrics.results import Estimate, LabelScores
from equipoise.metrics.rows import TaskRows
from equipoise.metrics.sums import Array


def label_scores(rows: TaskRows, points: Mapping[str, Array], confidence: float | None) -> tuple[LabelScores, ...]:
    """Return the scores of each label, given their values of shape (labels,), and of rankings also their resamples.

    Without a level there are no intervals.

    Recall is a proportion of the rows of a label, and precision one of its predictions. F1 is 2 J / (1 + J) of the
    proportion J of hits among all rows that have the label or were predicted to have it, and so are the ends of its
    interval.
    """
    labels = len(rows.labels)
    support = np.bincount(rows.rows.true, minlength=labels)[:labels]
    predicted = np.bincount(rows.rows.predicted, minlength=labels)[:labels]
    counts = {"recall": support, "precision": predicted, "f1": support}
    ends = {name: _ends(rows, name, points[name], confidence) for name in counts}
    found = {
        name: [
            marked(Estimate(value, *pair), count)
            for value, pair, count in zip(points[name].tolist(), ends[name], counts[name].tolist(), strict=True)
        ]
        for name in counts
    }
    groups = label_groups(rows.rows.true, rows.codes, labels + len(rows.unseen))[:labels]
    for name in CURVES:
        if name in points:
            found[name] = [
                marked(resampled_interval(values, confidence or 0.95, (0, 1), of_label), count)
                for values, of_label, count in zip(points[name].T, groups.tolist(), support.tolist(), strict=True)
            ]
    return tuple(
        LabelScores(
            label=label,
            train_count=None if rows.train_counts is None else int(rows.train_counts.get(label, 0)),
            band=rows.band_of[place],
            support=int(support[place]),
            predicted=int(predicted[place]),
            **{name: held[place] for name, held in found.items()},
        )
        for place, label in enumerate(rows.labels)
    )


def lowest_recall(rows: TaskRows, recall: Array, confidence: float | None) -> Estimate:
    """Return the lowest recall, given those of all labels; NaN of those without a row."""
    measured = np.flatnonzero(~np.isnan(recall))
    if not measured.size:
        return Estimate(None)
    lowest = float(recall[measured].min())
    support = np.bincount(rows.rows.true, minlength=len(recall))[measured]
    few = int(support[recall[measured] == lowest].min())
    if confidence is None:
        return marked(Estimate(lowest), few)
    independent = _independent(rows, "recall")[measured]
    return marked(Estimate(lowest, *lowest_interval(recall[measured], independent, confidence)), few)


def _independent(rows: TaskRows, name: str) -> Array:
    """How many independent rows each label's score is of; NaN where there is none."""
    true, predicted = rows.rows.true, rows.rows.predicted
    places = true if name == "recall" else predicted
    chosen = np.arange(len(true))
    if name == "f1":
        others = np.flatnonzero(predicted != true)
        places, chosen = np.concatenate([true, predicted[others]]), np.concatenate([chosen, others])
    known = places < len(rows.labels)
    places, chosen = places[known], chosen[known]
    weights = np.ones(len(true)) if rows.weights is None else rows.weights
    hits = (true == predicted)[chosen] & (places == true[chosen])
    return effective_rows(places, hits, rows.codes[chosen], weights[chosen], len(rows.labels))


def _ends(
    rows: TaskRows, name: str, values: Array, confidence: float | None
) -> list[tuple[float | None, float | None]]:
    if confidence is None:
        return [(None, None)] * len(values)
    share = values / (2 - values) if name == "f1" else values
    independent = _independent(rows, name)
    low, high = wilson(np.nan_to_num(share), np.nan_to_num(independent, nan=1.0), confidence)
    # A label that was never predicted has no precision to estimate.
    low, high = (np.where(np.isnan(independent), whole, end) for whole, end in ((0.0, low), (1.0, high)))
    if name == "f1":
        low, high = 2 * low / (1 + low), 2 * high / (1 + high)
    return [
        (None, None) if np.isnan(value) else (min(value, least), max(value, most))
        for value, least, most in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    ]
