"""Integers nearest to exact shares, which sum to what is drawn: in int64, without long integers."""

import numpy as np
from numpy.typing import NDArray

STREAM_BITS = 60
"""The longest stream has 2**60 draws, which are the masses of its strata together."""
_HALF = STREAM_BITS // 2
_MASK = (1 << _HALF) - 1
_MOST = 7  # draws that a stratum may be ahead or behind: twice as many do not fit
_LARGEST = np.int64(np.iinfo(np.int64).max)

Counts = NDArray[np.int64]


def settled(
    counts: Counts, errors: Counts, missing: Counts, draw: np.int64, least: Counts, most: Counts | np.int64
) -> tuple[Counts, Counts]:
    """Add the missing draws of each row where counts are furthest behind; errors are in units of 1/draw."""
    while missing.any():
        # One draw more for the strata furthest behind, or one less for those furthest ahead.
        sign = np.sign(missing)
        free = np.where(sign > 0, counts < most, counts > least)
        step = np.where(free & _smallest(np.where(free, errors * sign, _LARGEST), np.abs(missing)), sign, 0)
        counts = counts + step
        errors = errors + step * draw
        missing = missing - step.sum(axis=-1, keepdims=True)
    return counts, errors


def rounded(draws: int, masses: Counts, errors: Counts, least: Counts, most: Counts | np.int64 = _LARGEST) -> Counts:
    """Return the counts nearest to the exact shares after some draws of a stage, between two limits.

    Parameters
    ----------
    draws : int
        Counted from the stage's start; the sum of what is returned.
    masses, errors : ndarray of int64, shape (S,)
        As for `Carried`.
    least, most : ndarray of int64, shape (S,)

    Returns
    -------
    ndarray of int64, shape (S,)

    Examples
    --------
    >>> rounded(3, np.array([1 << 59, 1 << 59]), np.array([0, 0]), least=np.array([0, 2])).tolist()
    [1, 2]
    """
    whole, rest = exact_shares(draws, masses)
    rest = rest - errors
    counts = np.clip(whole + (rest >> STREAM_BITS), least, most)
    error = ((counts - whole) << STREAM_BITS) - rest
    missing = np.array([draws - int(counts.sum())])
    return settled(counts, error, missing, np.int64(1 << STREAM_BITS), least, most)[0]


def exact_shares(draws: int | Counts, masses: Counts) -> tuple[Counts, Counts]:
    """Return draws times masses: whole draws, and the rest in units of 2**-60 draws.

    Examples
    --------
    >>> exact_shares(3 << 57, np.array([1 << 59, 1]))[0].tolist(), exact_shares(3, np.array([1 << 59, 1]))[1].tolist()
    ([216172782113783808, 0], [576460752303423488, 3])
    """
    high, low = draws >> _HALF, draws & _MASK
    masses_high, masses_low = masses >> _HALF, masses & _MASK
    lowest = masses_low * low
    middle = masses_high * low + masses_low * high + (lowest >> _HALF)
    return masses_high * high + (middle >> _HALF), ((middle & _MASK) << _HALF) | (lowest & _MASK)


def errors_after(counts: Counts, draws: int | Counts, masses: Counts, errors: Counts) -> Counts:
    """Return the errors after some draws of a stage, in units of 2**-60 draws.

    Only plans that are chosen against the rounding lead further than 5 draws; beyond 7 an error counts as 7, so that
    nothing wraps.

    Examples
    --------
    >>> errors_after(np.array([2, 1]), 3, np.array([1 << 59, 1 << 59]), np.array([0, 0])) / 2**60
    array([ 0.5, -0.5])
    >>> errors_after(np.array([9, 0]), 9, np.array([0, 1 << 60]), np.array([0, 0])) / 2**60
    array([ 7., -7.])
    """
    whole, rest = exact_shares(draws, masses)
    roughly = (counts - whole) + (errors / 2.0**STREAM_BITS - rest / 2.0**STREAM_BITS)
    exact = ((counts - whole) << STREAM_BITS) - rest + errors  # modulo 2**64, in which less than 8 draws are exact
    return np.where(np.abs(roughly) < _MOST, exact, np.sign(roughly).astype(np.int64) * (_MOST << STREAM_BITS))


def _smallest(values: Counts, count: Counts) -> NDArray[np.bool_]:
    """Mark the ``count`` smallest values of each row, the earlier one in a tie."""
    width = values.shape[-1]
    ordered = np.sort(values, axis=-1).ravel()
    row_starts = np.arange(0, values.size, width)
    last = np.minimum(np.maximum(count, 1), width).ravel() - 1
    threshold = ordered.take(row_starts + last).reshape(count.shape)
    below, equal = values < threshold, values == threshold
    room = count - below.sum(axis=-1, keepdims=True)
    return (below | (equal & (equal.cumsum(axis=-1) <= room))) & (count > 0)
