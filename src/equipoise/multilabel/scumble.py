"""SCUMBLE: whether rare labels come in the same examples as frequent ones, which no sampler can part."""

import numpy as np
import numpy.typing as npt

from equipoise.multilabel.label_sets import LabelSets


def scumble(sets: LabelSets) -> npt.NDArray[np.float64]:
    """Give each example 1 - G/A, the geometric over the arithmetic mean of its labels' imbalance ratios.

    0 where an example has no labels, or all are equally frequent; near 1 where a rare label comes with a frequent one.
    The mean over a task is the task's SCUMBLE. Its authors found that data where it is high hardly gain by resampling:
    the frequent labels come along.

    Parameters
    ----------
    sets : LabelSets
        The training examples.

    Returns
    -------
    array of float64 [N]
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
    # Rounding may bring equal ratios a hair above their mean.
    return np.where(sets.lengths > 1, (1 - geometric / np.maximum(arithmetic, 1)).clip(min=0), 0.0)
