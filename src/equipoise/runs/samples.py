"""Rows of a split, chosen by stratum: a sample to score, and a few to watch during training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.data import Records
from equipoise.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Sample:
    """Some rows of a split and what they represent.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Row numbers, ascending.
    weights : ndarray of float64, shape (n,)
        N_h / n_h: how many rows of its stratum each one represents.
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


def stratified_sample(strata: NDArray[np.integer], size: int, seed: int) -> Sample:
    """Draw a simple random sample without replacement of each stratum.

    Half of the sample is shared evenly, so that small strata are in it whole: metrics that are means over labels depend
    on the rows of rare ones. The other half is shared in proportion to the rows that are left, so that no weight is
    more than about twice that of a simple random sample. Each stratum has at least one row.

    Parameters
    ----------
    strata : ndarray of int64, shape (N,)
        The number of each row's stratum, from 0; none is empty.
    size : int
        Number of rows; at least one for each stratum.
    seed : int
        Random seed.

    Returns
    -------
    Sample
        All rows, if there are no more than `size`.

    Raises
    ------
    ConfigError
        If `size` is smaller than the number of strata.

    References
    ----------
    Cochran (1977), "Sampling Techniques", sections 5.3 to 5.9; Bankier (1988), "Power Allocations" (between equal and
    proportional numbers).

    Examples
    --------
    >>> sample = stratified_sample(np.repeat([0, 1], [96, 4]), size=16, seed=0)
    >>> np.bincount(np.repeat([0, 1], [96, 4])[sample.rows]).tolist(), sample.weights[-1].tolist()
    ([12, 4], 1.0)
    """
    counts = np.bincount(strata)
    if size < len(counts):
        raise ConfigError(
            "sample-too-small",
            f"A sample must have a row of each label of each task, so at least {len(counts)} here, found {size}."
            " Give more with `--rows` or `evaluation.rows`, or leave it out to score all.",
        )
    if size >= len(strata):
        return Sample(np.arange(len(strata)), np.ones(len(strata)))
    taken = np.minimum(counts, max(1, _even(counts, size // 2)))
    left = counts - taken
    exact = left * ((size - int(taken.sum())) / left.sum())
    more = np.floor(exact).astype(np.int64)
    # Largest remainders, so that the sum is exact.
    more[np.argsort(more - exact, kind="stable")[: size - int(taken.sum() + more.sum())]] += 1
    taken += more
    rows = _first_of_each(strata, taken, seed)
    return Sample(rows, (counts / taken)[strata[rows]])


def sample_records(records: Records, open_ended_tasks: list[str], size: int | None, seed: int) -> Sample | None:
    """Draw a sample of records that is stratified by task and label; None if all are scored.

    An open-ended task is one stratum. The errors are those of `stratified_sample`.
    """
    if size is None or size >= len(records):
        return None
    strata, _ = records.strata(open_ended_tasks)
    return stratified_sample(strata, size, seed)


ROWS_TO_SCORE = 1024


def scored_validation_rows(strata: NDArray[np.integer], seed: int, size: int = ROWS_TO_SCORE) -> Sample:
    """Draw the validation rows that metrics during training are estimated on, by the seed alone.

    Parameters
    ----------
    strata : ndarray of int64, shape (N,)
        The number of each validation row's stratum, from 0; none is empty.
    seed : int
        Random seed.
    size : int
        Rows in all.

    Returns
    -------
    Sample
        As `stratified_sample`; with more strata than `size`, some of which then have no row, a simple random sample.

    Examples
    --------
    >>> scored_validation_rows(np.arange(5000), seed=0).weights[:2].tolist()
    [4.8828125, 4.8828125]
    """
    if int(strata.max(initial=-1)) < size:
        return stratified_sample(strata, size, seed)
    rows = np.sort(np.random.default_rng(seed).permutation(len(strata))[:size])
    return Sample(rows, np.full(len(rows), len(strata) / len(rows)))


ROWS_PER_STRATUM, ROWS_TO_WATCH = 20, 512


def validation_rows(
    strata: NDArray[np.integer], seed: int, most: int = ROWS_PER_STRATUM, in_all: int = ROWS_TO_WATCH
) -> NDArray[np.int64]:
    """Choose up to `most` rows of every stratum, by the seed alone; fewer of each where these are too many in all.

    The loss on them shows rare labels as much as common ones; it is for watching, never for judging.

    Parameters
    ----------
    strata : ndarray of int64, shape (N,)
        The number of each validation row's stratum, from 0.
    seed : int
        Random seed.
    most : int
        Rows of one stratum.
    in_all : int
        Rows of all strata. With more strata than that, some have no row.

    Returns
    -------
    ndarray of int64
        Row numbers, ascending.

    Examples
    --------
    >>> validation_rows(np.array([0, 0, 0, 0, 1]), seed=0, most=2).tolist()[-1]
    4
    """
    counts = np.bincount(strata)
    most = max(1, min(most, _even(counts, in_all)))
    rows = _first_of_each(strata, np.minimum(counts, most), seed)
    return rows if len(rows) <= in_all else np.sort(np.random.default_rng(seed).permutation(rows)[:in_all])


def _even(counts: NDArray[np.int64], in_all: int) -> int:
    """Return the greatest number of which every stratum can have as many, small ones all, within `in_all`."""
    # If all strata up to the k-th are whole, the others share the rest.
    ordered = np.sort(counts)
    before = np.cumsum(ordered) - ordered
    shares = (in_all - before) // np.arange(len(ordered), 0, -1)
    limited = np.flatnonzero(shares < ordered)
    return int(ordered[-1]) if not len(limited) else max(0, int(shares[limited[0]]))


def _first_of_each(strata: NDArray[np.integer], taken: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the first rows of each stratum in shuffled order, `taken` of each; ascending."""
    shuffled = np.random.default_rng(seed).permutation(len(strata))
    by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
    ordered = strata[by_stratum]
    places = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    return np.sort(by_stratum[places < taken[ordered]])
