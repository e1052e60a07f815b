"""Bootstrap over groups: resamples show how much depends on which patients or documents are in the test set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equipoise.errors import ConfigError
from equipoise.metrics.curves import CURVES, LabelCurves
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.sums import Array, one_hot, ratio

# Weights held at once: 2**21 float64 are 16 MiB.
HELD = 2**21


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
    places: dict[str, int] = {}
    codes: list[NDArray[np.int64]] = []
    count = 0
    for part in predictions:
        rows = len(part.targets)
        names = [None] * rows if part.groups is None else part.groups
        if all(name is None for name in names):
            codes.append(np.arange(count, count + rows, dtype=np.int64))
            count += rows
            continue
        found = np.empty(rows, np.int64)
        for row, name in enumerate(names):
            place = count if name is None else places.setdefault(name, count)
            found[row] = place
            count += place == count
        codes.append(found)
    return codes, count


@dataclass(frozen=True, eq=False)
class SampledStrata:
    """How a stratified sample of rows is resampled.

    Drawing groups of a sample shows the variance of both, of the test set and of the sample, but of the number of rows
    in each stratum it shows too much: the sample does not change these, they are known. So within a resample every
    stratum is rescaled to a number of rows that varies as in the whole test set.

    Attributes
    ----------
    stratum : ndarray of int64, shape (cells,)
        The stratum of each cell, from 0.
    weight : ndarray of float64, shape (cells,)
        The test rows that its rows represent.
    rows : ndarray of float64, shape (strata,)
        The test rows of each stratum.
    share : ndarray of float64, shape (strata,)
        The part of the deviation of a resampled weight that is due to the test set, not to the sample: 1 for strata
        without a row left out.

    References
    ----------
    Särndal, Swensson and Wretman (1992), "Model Assisted Survey Sampling", sections 9.3 and 9.7 (two-phase sampling).
    """

    stratum: NDArray[np.int64]
    weight: Array
    rows: Array
    share: Array

    def scaled(self, times: Array) -> Array:
        """Multiply how often each cell counts in a resample, shape (resamples, cells), by the factor of its stratum."""
        found = np.asarray(times @ one_hot(self.stratum, len(self.rows), self.weight))
        factor = np.nan_to_num(ratio(self.rows + self.share * (found - self.rows), found))
        return times * factor[:, self.stratum]


@dataclass(frozen=True, eq=False)
class Contributions:
    """What the rows of a task add to its sums, by cell: the rows of one group, and in a sample of one stratum of it.

    Attributes
    ----------
    added : csr_array of float64, shape (cells, width)
        The sums of each cell.
    groups : ndarray of int64, shape (cells,)
        The group of each cell.
    sample : SampledStrata or None
        None if no row was left out.
    curves : LabelCurves or None
        The order of the rows by the probability of each label, if that is measured.
    """

    added: sp.csr_array
    groups: NDArray[np.int64]
    sample: SampledStrata | None = None
    curves: LabelCurves | None = None

    @classmethod
    def of(
        cls,
        columns: sp.csr_array,
        codes: NDArray[np.int64],
        weights: Array | None = None,
        strata: NDArray[np.int64] | None = None,
        curves: Callable[[NDArray[np.integer]], LabelCurves] | None = None,
    ) -> "Contributions":
        """Sum the columns of rows, shape (rows, width), which are weighted already, by the cells of the rows.

        Parameters
        ----------
        columns : csr_array, shape (rows, width)
            What each row adds.
        codes : ndarray of int64, shape (rows,)
            Its group.
        weights, strata : ndarray, shape (rows,), optional
            The test rows that it represents, and its stratum from 0. Only the weights of a sample count.
        curves : callable, optional
            Returns the order of the rows, given their cells.
        """
        if weights is None or strata is None or (weights == 1).all():
            groups, cells = np.unique(codes, return_inverse=True)
            return cls(_summed(columns, cells, len(groups)), groups, curves=curves and curves(cells))
        count = int(strata.max()) + 1
        pairs, cells = np.unique(codes * count + strata, return_inverse=True)
        groups, stratum = np.divmod(pairs, count)
        weight: Array = np.bincount(cells, weights, len(pairs)).astype(np.float64)
        rows: Array = np.bincount(strata, weights, count).astype(np.float64)
        # The variance of a resampled weight, and what of it comes from leaving rows out of a group's.
        whole = np.bincount(stratum, weight**2, count)
        sampling = np.bincount(strata, weights * (weights - 1), count)
        test_set = np.maximum(whole - sampling, rows)
        share = np.sqrt(np.minimum(1.0, np.nan_to_num(ratio(test_set, whole))))
        sample = SampledStrata(stratum, weight, rows, share)
        return cls(_summed(columns, cells, len(pairs)), groups, sample, curves and curves(cells))

    def resampled(self, times: Array) -> Array:
        """Sum over resamples, given how often each group counts in each of them, shape (resamples, groups).

        The metrics of the curves come last.
        """
        cells = times[:, self.groups]
        cells = cells if self.sample is None else self.sample.scaled(cells)
        sums = np.asarray(cells @ self.added)
        return sums if self.curves is None else np.hstack([sums, *self.curves.values(cells).values()])

    @property
    def width(self) -> int:
        """The number of sums, with the metrics of the curves."""
        return self.added.sum(axis=0).size + (0 if self.curves is None else len(CURVES) * len(self.curves.labels))


def _summed(columns: sp.csr_array, cells: NDArray[np.int64], count: int) -> sp.csr_array:
    return sp.csr_array(one_hot(cells, count).T @ columns)


def label_groups(true: NDArray[np.int64], codes: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """Count the groups that hold a row of each label.

    Examples
    --------
    >>> label_groups(np.array([0, 0, 1, 0]), np.array([0, 0, 0, 1]), 3).tolist()
    [2, 1, 0]
    """
    pairs = np.unique(codes * max(1, labels) + true)
    return np.bincount(pairs % max(1, labels), minlength=labels)


def widening(groups: NDArray[np.int64]) -> Array:
    """Return by which factor resampled scores of labels must be spread, given the number of groups of each label.

    With few groups the spread between them is an underestimate. So the variance of a resampled proportion of n groups,
    s (1 - s) / (n + 2) for its mean s, is brought to s (1 - s) / (k (n + 1) + 1) with k = (n - 1) / (n + 2), which is
    about right on average over the proportions that may have been observed.

    References
    ----------
    Rao & Wu (1988), "Resampling Inference with Complex Survey Data" (the same for strata with few units).

    Examples
    --------
    >>> widening(np.array([1, 3, 10, 100])).round(2).tolist()
    [1.73, 1.39, 1.14, 1.01]
    """
    shape = np.maximum(groups - 1, 0) / (groups + 2)
    return np.sqrt((groups + 2) / (shape * (groups + 1) + 1))


def resampled_sums(parts: Sequence[Contributions], groups: int, bootstrap: int, seed: int) -> list[Array]:
    """Weight the groups at random and sum each part over every resample; all parts see the same resamples.

    Parameters
    ----------
    parts : sequence of Contributions
        Of each task.
    groups, bootstrap, seed : int
        The numbers of groups and of resamples, and the random seed of these.

    Returns
    -------
    list of ndarray of float64, shape (bootstrap, width)
        One for each part.
    """
    sums = [np.empty((bootstrap, part.width), np.float64) for part in parts]
    first = 0
    for times in group_weights(groups, bootstrap, seed):
        for part, found in zip(parts, sums, strict=True):
            found[first : first + len(times)] = part.resampled(times)
        first += len(times)
    return sums


def group_weights(groups: int, bootstrap: int, seed: int) -> Iterator[Array]:
    """Draw how often each group counts in each resample: in proportion to exponential variables.

    Chunks of resamples, of shape (resamples, groups), are yielded; each row sums to `groups`. All weights are positive,
    so a label with a row in the test set has one in every resample.

    References
    ----------
    Rubin (1981), "The Bayesian Bootstrap"; Davison & Hinkley (1997), "Bootstrap Methods and their Application", section
    3.8 (whole clusters).
    """
    random = np.random.default_rng(seed)
    step = max(1, HELD // max(1, groups))
    for first in range(0, bootstrap, step):
        count = min(step, bootstrap - first)
        times = random.standard_exponential((count, groups))
        times *= groups / np.maximum(times.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        yield times


def pseudo_rows(task: str, sizes: Array, bootstrap: int, seed: int, second: bool = False) -> tuple[Array, Array]:
    """Draw the weight of half a found and half a missed group of each label, for each resample.

    With them the recall of a label in which all rows, or none, were found varies too: its resamples are beta variables,
    those of Jeffreys' prior. Half of this weight is the same for two candidates that are compared; the other half is
    of groups that one of them finds and the other one misses.

    Parameters
    ----------
    task : str
        Its name; other tasks have other weights, all predictions of one task the same.
    sizes : ndarray of float64, shape (labels,)
        The rows of an average group of each label.
    bootstrap, seed : int
        As in `resampled_sums`.
    second : bool
        For the second one of two candidates.

    Returns
    -------
    found, missed : ndarray of float64, shape (bootstrap, labels)

    References
    ----------
    Brown, Cai & DasGupta (2001), "Interval Estimation for a Binomial Proportion", section 4.3.
    """
    random = np.random.default_rng([seed, *task.encode()])
    found, missed, one, other = random.standard_gamma(0.25, (4, bootstrap, len(sizes))) * sizes
    return (found + other, missed + one) if second else (found + one, missed + other)


def check_confidence(confidence: float) -> None:
    """Raise a ConfigError unless the level of intervals and tests is above 0 and below 1."""
    if not 0 < confidence < 1:
        raise ConfigError(
            "wrong-confidence", f"`confidence` must be above 0 and below 1, found {confidence}. Use 0.95."
        )
