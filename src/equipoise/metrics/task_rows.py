"""The rows of several tasks as numbers, their resamples and their means."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.metrics.classification import Bands, ClassificationRows
from equipoise.metrics.confusion import mean_over
from equipoise.metrics.open_ended import OpenRows
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import resampled_sums

Array = NDArray[np.float64]
Rows = ClassificationRows | OpenRows


def rows_as_numbers(
    part: TaskPredictions,
    codes: NDArray[np.int64],
    train_counts: Mapping[str, int] | None,
    bands: Bands,
    costs: Array | None = None,
) -> Rows:
    """Turn the predictions of one task into numbers.

    Parameters
    ----------
    part : TaskPredictions
        Of either kind.
    codes : int64 array
        The group of each row.
    train_counts : mapping of str to int, optional
        Training rows of each label.
    bands : Bands
        The thresholds of the bands.
    costs : float64 array of shape (labels, labels), optional
        What answers cost; see `expected_cost`.

    Returns
    -------
    ClassificationRows or OpenRows
        Both have `point`, `contributions` and `replicate`.
    """
    if part.kind == "open":
        return OpenRows(part, codes)
    return ClassificationRows(part, codes, train_counts, bands, costs)


def replicates(
    rows: Sequence[Rows], groups: int, bootstrap: int, seed: int
) -> list[tuple[dict[str, Array], dict[str, Array]]]:
    """Compute the metrics of all tasks on the same resamples.

    Parameters
    ----------
    rows : sequence of ClassificationRows or OpenRows
        One for each task.
    groups, bootstrap, seed
        As in `resampled_sums`.

    Returns
    -------
    list of (dict, dict)
        For each task its metrics, of shape (bootstrap,), and label metrics, of shape (bootstrap, labels).
    """
    sums = resampled_sums([held.contributions(groups) for held in rows], groups, bootstrap, seed)
    return [held.replicate(total) for held, total in zip(rows, sums, strict=True)]


def task_means(metrics: Sequence[Mapping[str, float] | Mapping[str, Array]]) -> dict[str, Array]:
    """Average each metric over the tasks that measure it.

    Parameters
    ----------
    metrics : sequence of mappings
        For each task its metrics, numbers or arrays; NaN where not measured.

    Returns
    -------
    dict of str to float64 array
        NaN where no task measures the metric.

    Examples
    --------
    >>> means = task_means([{"mcc": 0.5}, {"mcc": float("nan")}, {"mcc": 0.25, "ece": 0.125}])
    >>> {name: float(value) for name, value in means.items()}
    {'mcc': 0.375, 'ece': 0.125}
    """
    names = dict.fromkeys(name for held in metrics for name in held)
    return {name: mean_over(np.stack([held[name] for held in metrics if name in held], axis=-1)) for name in names}
