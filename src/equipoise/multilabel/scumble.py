"""SCUMBLE: the co-occurrence of rare and frequent labels in examples, which no sampler can separate."""

import numpy as np
import numpy.typing as npt

from equipoise.multilabel.label_sets import LabelSets


def scumble(sets: LabelSets) -> npt.NDArray[np.float64]:
    """Compute 1 - G/A of each example, the geometric over the arithmetic mean of its labels' imbalance ratios.

    0 where an example has no labels, or all are equally frequent; near 1 where a rare and a frequent label co-occur.
    The mean over a task is the task's SCUMBLE. Its authors found that resampling hardly helps where it is high: the
    frequent labels are drawn too.

    Parameters
    ----------
    sets : LabelSets
        The training examples.

    Returns
    -------
    ndarray of float64, shape (N,)
        From 0 to below 1.

    References
    ----------
    Charte, Rivera, del Jesus and Herrera (2014), "Concurrence among Imbalanced Labels and Its Influence on Multilabel
    Resampling Algorithms". The product is over the labels that the example has.

    Examples
    --------
    >>> sets = LabelSets.from_lists([["a"]] * 6 + [["a", "b"]] * 2 + [["c"]] * 2, tasks="findings")
    >>> scumble(sets).round(3).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2, 0.0, 0.0]
    """
    ratios = sets.census().imbalance_ratios[sets.codes]
    labels = np.maximum(sets.lengths, 1)
    arithmetic = np.bincount(sets.row_of_entry, ratios, minlength=len(sets)) / labels
    geometric = np.exp(np.bincount(sets.row_of_entry, np.log(ratios), minlength=len(sets)) / labels)
    # Rounding may make the geometric mean exceed the arithmetic mean.
    return np.where(sets.lengths > 1, (1 - geometric / np.maximum(arithmetic, 1)).clip(min=0), 0.0)
