"""Bootstrap over groups: intervals show how much depends on which patients or documents are in the test set."""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equipoise.errors import ConfigError
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.results import Estimate
from equipoise.metrics.sums import one_hot

# Weights held at once: 2**22 float64 are 32 MiB.
HELD = 2**22


def group_codes(predictions: Sequence[TaskPredictions]) -> tuple[list[NDArray[np.int64]], int]:
    """Number the groups of all tasks together, so that a patient in six tasks is one group.

    A row without a group is a group of its own. Returned are the group of each row, by task, and their number.

    Examples
    --------
    >>> one = TaskPredictions("a", ["x", "y"], ["x", "x"], ("x", "y"), groups=["p1", "p2"])
    >>> two = TaskPredictions("b", ["x"], ["x"], ("x", "y"), groups=["p2"])
    >>> codes, groups = group_codes([one, two])
    >>> [code.tolist() for code in codes], groups
    ([[0, 1], [1]], 2)
    """
    places: dict[str | tuple[int, int], int] = {}
    codes: list[NDArray[np.int64]] = []
    for task, part in enumerate(predictions):
        names = [None] * len(part.targets) if part.groups is None else part.groups
        keys = [(task, row) if name is None else name for row, name in enumerate(names)]
        codes.append(np.array([places.setdefault(key, len(places)) for key in keys], np.int64))
    return codes, len(places)


def contributions(
    codes: NDArray[np.int64], groups: int, blocks: Sequence[NDArray[np.float64] | sp.csr_array]
) -> sp.csr_array:
    """Sum what the rows of each group add, which is in `blocks`, columns side by side; shape (groups, width).

    The sums of a test set, or of a resampled one, are the groups' weights times this. `codes` are the rows' groups.
    """
    columns = sp.hstack([sp.csr_array(block) for block in blocks], format="csr")
    return sp.csr_array(one_hot(codes, groups).T @ columns)


def resampled_sums(parts: Sequence[sp.csr_array], groups: int, bootstrap: int, seed: int) -> list[NDArray[np.float64]]:
    """Resample the groups with replacement and sum each part over every resample; all parts see the same resamples.

    Parameters
    ----------
    parts : sequence of csr_array, shape (groups, width)
        What `contributions` returned for each task.
    groups, bootstrap, seed : int
        The numbers of groups and of resamples, and the random seed of these.

    Returns
    -------
    list of ndarray of float64, shape (bootstrap, width)
        One for each part.

    References
    ----------
    Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; Davison & Hinkley (1997),
    "Bootstrap Methods and their Application", section 3.8 (resampling whole clusters).
    """
    # Side by side, the parts share one product with the weights.
    whole = sp.hstack(parts, format="csr")
    widths = [part.sum(axis=0).size for part in parts]
    sums = np.empty((bootstrap, sum(widths)), np.float64)
    first = 0
    for weights in group_weights(groups, bootstrap, seed):
        sums[first : first + len(weights)] = weights @ whole
        first += len(weights)
    return np.split(sums, np.cumsum(widths)[:-1], axis=1)


def group_weights(groups: int, bootstrap: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Draw how often each group is in each resample: multinomial with equal probabilities.

    Chunks of resamples, of shape (resamples, groups), are yielded; each row sums to `groups`.
    """
    random = np.random.default_rng(seed)
    step = max(1, HELD // max(1, groups))
    for first in range(0, bootstrap, step):
        count = min(step, bootstrap - first)
        drawn = random.integers(0, groups, size=(count, groups)) + np.arange(count)[:, None] * groups
        yield np.bincount(drawn.ravel(), minlength=count * groups).reshape(count, groups).astype(np.float64)


def percentile_interval(values: NDArray[np.float64], confidence: float) -> Estimate:
    """Return a point estimate with the percentiles of its resamples.

    Parameters
    ----------
    values : ndarray of float64, shape (1 + resamples,)
        The point estimate, then the metric of every resample; NaN where not measured, and left out.
    confidence : float
        The level, for example 0.95.

    Returns
    -------
    Estimate
        Without an interval if no resample measured the metric.

    Examples
    --------
    >>> percentile_interval(np.array([4.0, *range(9)]), 0.5)
    Estimate(value=4.0, low=2.0, high=6.0)
    """
    value, draws = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not draws.size:
        return Estimate(value)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, float(low), float(high))


def check_confidence(confidence: float) -> None:
    """Raise a ConfigError unless the level of intervals and tests is above 0 and below 1."""
    if not 0 < confidence < 1:
        raise ConfigError(
            "wrong-confidence", f"`confidence` must be above 0 and below 1, found {confidence}. Use 0.95."
        )
