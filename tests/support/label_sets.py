"""Label sets that several tests draw from, and the published formulas of repeat factors, written out."""

import math
from collections import Counter

import numpy as np

from equipoise import LabelSets


def published_repeat_factors(rows, threshold):
    """RFS: f(c), then r(c) = max(1, sqrt(t / f(c))), then r(I) = max over c in I, 1 for an empty I.

    Gupta et al. (2019), appendix B, in the steps of detectron2's `repeat_factors_from_category_frequency`.
    """
    frequency = Counter(label for row in rows for label in set(row))
    of_labels = {c: max(1.0, math.sqrt(threshold / (n / len(rows)))) for c, n in frequency.items()}
    return of_labels, [max((of_labels[c] for c in set(row)), default=1.0) for row in rows]


def published_instance_aware_factors(rows, threshold):
    """IRFS: as above with sqrt(f_i(c) f_b(c)) for f(c), f_b over all instances (Yaman et al. 2023)."""
    images = Counter(label for row in rows for label in set(row))
    instances = Counter(label for row in rows for label in row)
    total = sum(instances.values())
    of_labels = {}
    for c in images:
        f = math.sqrt(images[c] / len(rows) * instances[c] / total)
        of_labels[c] = max(1.0, math.sqrt(threshold / f))
    return of_labels, [max((of_labels[c] for c in set(row)), default=1.0) for row in rows]


def long_tailed_rows(n=400, n_labels=12, seed=0):
    """Rows of none to five labels, some twice; label l11 about 150 times rarer than l00."""
    rng = np.random.default_rng(seed)
    p = 0.6 ** np.arange(n_labels)
    picks = [rng.choice(n_labels, size, p=p / p.sum()) for size in rng.integers(0, 6, n)]
    return [[f"l{label:02}" for label in row] for row in picks]


def three_kinds_of_tasks():
    """Labels of a multi-label, a single-label and an open-ended task, in no order, and the tasks."""
    rows = (
        [("findings", labels) for labels in long_tailed_rows(300)]
        + [("triage", [label]) for label in ["routine"] * 90 + ["urgent"] * 10]
        + [("summary", [])] * 50
    )
    order = np.random.default_rng(3).permutation(len(rows)).tolist()
    return [rows[i][1] for i in order], [rows[i][0] for i in order]


def sets_of_three_kinds():
    """Label sets of `three_kinds_of_tasks`."""
    return LabelSets.from_lists(*three_kinds_of_tasks())
