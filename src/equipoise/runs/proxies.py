"""Proxies of a full training: the part of the training rows that a run of fewer draws goes through as often."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.data import Records
from equipoise.data.splits.splits import rank_by_hash
from equipoise.drawing import StratumIndex

LEAST_ROWS = 8  # of each stratum that has so many: fewer examples would be another task
_SEEDS = 1 << 63


def kept_rows(counts: NDArray[np.int64], part: Fraction) -> NDArray[np.int64]:
    """Return how many rows of each stratum a proxy draws.

    As large a part of them as its draws are of those of the full training, so that both go through a row as often; but
    `LEAST_ROWS`, or all where there are fewer, which the proxy then goes through less often.

    Parameters
    ----------
    counts : ndarray of int64, shape (S,)
        Training rows of each stratum.
    part : fractions.Fraction
        Draws of the proxy over those of the full training.

    Returns
    -------
    ndarray of int64, shape (S,)

    Examples
    --------
    >>> kept_rows(np.array([900, 100, 60, 5, 0]), Fraction(1, 9)).tolist()
    [100, 12, 8, 5, 0]
    """
    return np.maximum(np.minimum(counts, LEAST_ROWS), _same_part(counts, part))


def with_least_rows(counts: NDArray[np.int64], part: Fraction) -> NDArray[np.int64]:
    """Return the strata of which a proxy draws a larger part than its draws are: too few would be left.

    Examples
    --------
    >>> with_least_rows(np.array([900, 100, 60, 5, 0]), Fraction(1, 9)).tolist()
    [2, 3]
    """
    return np.flatnonzero(kept_rows(counts, part) > _same_part(counts, part))


def _same_part(counts: NDArray[np.int64], part: Fraction) -> NDArray[np.int64]:
    # Products of Python's integers, as those of 64 bits could overflow.
    rounded_up = [-(-count * part.numerator // part.denominator) for count in counts.tolist()]
    return np.array(rounded_up, dtype=np.int64)


def proxy_index(index: StratumIndex, train: Records, part: Fraction, seed: int) -> StratumIndex:
    """Return the index of the rows that a proxy draws: those of a larger part hold those of a smaller one.

    Groups, and equal inputs without a group, are ordered by a hash of the seed; in every stratum the rows of the first
    groups stay. So a group stays whole, across labels and tasks, except where a stratum has enough rows before its end.

    Parameters
    ----------
    index : StratumIndex
        Of all training rows.
    train : Records
        The training rows.
    part : fractions.Fraction
        As in `kept_rows`.
    seed : int
        The seed of the run.

    Returns
    -------
    StratumIndex
    """
    ranks, _ = rank_by_hash(train, int(key("proxy", seed)) % _SEEDS)
    return index.part(kept_rows(index.sizes, part), ranks)
