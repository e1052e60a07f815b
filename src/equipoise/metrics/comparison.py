"""Compare two sets of predictions for the same rows."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import DataError
from equipoise.metrics.classification import Bands
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import group_codes, percentile_interval
from equipoise.metrics.results import Estimate
from equipoise.metrics.task_rows import replicates, rows_as_numbers, task_means

Array = NDArray[np.float64]


def paired_difference(
    first: Mapping[str, TaskPredictions],
    second: Mapping[str, TaskPredictions],
    *,
    train_counts: Mapping[str, Mapping[str, int]] | None = None,
    bands: Bands | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """Estimate how much better the second predictions are, on the same resamples.

    Parameters
    ----------
    first, second : mapping of str to TaskPredictions
        By task, for the same rows in the same order.
    train_counts, bands, bootstrap, seed, confidence
        As in `evaluate`.

    Returns
    -------
    dict of str to Estimate
        For each metric its mean over the tasks for `second` minus that for `first`.

    Raises
    ------
    DataError
        If the two do not predict the same rows.

    Examples
    --------
    >>> right = ["a", "a", "b", "b"]
    >>> arms = [{"t": TaskPredictions("t", right, said, ("a", "b"))} for said in (list("abab"), list("aabb"))]
    >>> paired_difference(*arms, bootstrap=200)["accuracy"].value
    0.5
    """
    for name in sorted(set(first) | set(second)):
        if name not in first or name not in second or list(first[name].targets) != list(second[name].targets):
            raise DataError(
                f"`first` and `second` must predict the same rows, found different ones for task {name!r}. "
                "Predict the same test set with both."
            )
    names = sorted(first)
    codes, groups = group_codes([first[name] for name in names])
    values: list[dict[str, Array]] = []
    draws: list[dict[str, Array]] = []
    for arm in (first, second):
        rows = [
            rows_as_numbers(arm[name], code, (train_counts or {}).get(name), bands or Bands())
            for name, code in zip(names, codes, strict=True)
        ]
        values.append(task_means([held.point()[0] for held in rows]))
        draws.append(task_means([metrics for metrics, _ in replicates(rows, groups, bootstrap, seed)]))
    return {
        name: percentile_interval(float(values[1][name] - values[0][name]), draws[1][name] - draws[0][name], confidence)
        for name in values[0]
        if name in values[1]
    }
