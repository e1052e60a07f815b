"""Weights of rows: what is accepted, and exact sums of them."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import ConfigError

MOST_ROWS = 1 << 32  # row numbers inside the tables take 4 bytes
CHUNK = 1 << 14  # rows processed together: what is held beside a result stays in the processor's cache

# A float64 is an integer below 2**53 times a power of two, so every weight is a multiple of one unit, 2**-1126.
UNIT_BITS = 1126
_MANTISSA = 53
_LEAST = -1073  # exponent of the smallest subnormal number, by frexp
_EXPONENTS = 1024 - _LEAST + 1
_SPLIT = 27  # mantissas are summed in two halves, so that no sum overflows

Weights = NDArray[np.float64]


def checked_weights(weights: ArrayLike) -> Weights:
    """Return the weights as a flat float64 array, not copied where they are one, or raise ConfigError."""
    array = np.asarray(weights)
    shape, dtype = array.shape, array.dtype
    if array.ndim != 1 or not (dtype == np.bool_ or np.issubdtype(dtype, np.number)) or array.size == 0:
        message = f"`weights` must be a flat list of numbers, one for each row, found shape {shape} of {dtype}."
        raise ConfigError("bad-weights", message)
    if np.iscomplexobj(array):
        raise ConfigError("bad-weights", f"`weights` must be real numbers, found {dtype}.")
    if len(array) > MOST_ROWS:
        message = f"`weights` may have at most 2**32 rows, found {len(array)}. Sample from parts of the rows."
        raise ConfigError("too-many-rows", message)
    real = np.ascontiguousarray(array, dtype=np.float64)
    for part in chunks(len(real)):
        fine = (real[part] >= 0) & (real[part] < np.inf)  # false for NaN, too
        if not fine.all():
            row = part.start + int(np.argmin(fine))
            raise ConfigError(
                "bad-weight",
                f"`weights` must be finite and not negative, found {real[row]} at row {row}. "
                "Give weight 0 to rows that must not be drawn.",
            )
    if not real.any():
        message = f"`weights` must have a positive value, found {len(real)} zeros. Rows of weight 0 are never drawn."
        raise ConfigError("no-positive-weight", message)
    return real


def fingerprint(weights: Weights) -> str:
    """Return the SHA-256 of the weights' bytes, as hexadecimal digits."""
    digest = hashlib.sha256()
    for part in chunks(len(weights)):
        digest.update(weights[part].astype("<f8", copy=False).tobytes())
    return digest.hexdigest()


def mantissas(weights: Weights) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return integers m < 2**53 and shifts s, so that each weight is exactly m * 2**s units."""
    fractions, exponents = np.frexp(weights)
    return (fractions * float(1 << _MANTISSA)).astype(np.uint64), exponents.astype(np.int64) - _LEAST


def units(value: float) -> int:
    """Return the exact number of units in a weight."""
    mantissa, shift = mantissas(np.array([value]))
    return int(mantissa[0]) << int(shift[0])


@dataclass(frozen=True, slots=True)
class Tally:
    """Exact count and sum of the weights between two bounds.

    Parameters
    ----------
    below, above : int
        Positive weights below the lower bound, and weights at or above the upper one.
    total : int
        Sum of those between, in units.
    smallest, largest : float
        Of those between; infinity and 0 if there are none.

    Examples
    --------
    >>> tally = Tally.of(np.array([0.1, 0.0, 0.2]))
    >>> tally.total / (1 << UNIT_BITS), tally.largest
    (0.30000000000000004, 0.2)
    """

    below: int
    above: int
    total: int
    smallest: float
    largest: float

    @classmethod
    def of(cls, weights: Weights, low: float = 0.0, high: float = math.inf) -> "Tally":
        """Return the tally of the weights w with ``low <= w < high``; zeros are not counted."""
        upper, lower = np.zeros(_EXPONENTS, dtype=np.int64), np.zeros(_EXPONENTS, dtype=np.int64)
        below, above, smallest, largest = 0, 0, math.inf, 0.0
        for part in chunks(len(weights)):
            positive = weights[part][weights[part] > 0]
            free = positive[(positive >= low) & (positive < high)]
            below += int((positive < low).sum())
            above += int((positive >= high).sum())
            if not free.size:
                continue
            smallest, largest = min(smallest, float(free.min())), max(largest, float(free.max()))
            whole, shifts = mantissas(free)
            # bincount adds in float64; in a chunk each half stays below 2**53, so the sum is exact.
            halves = whole >> np.uint64(_SPLIT), whole & np.uint64((1 << _SPLIT) - 1)
            upper += np.bincount(shifts, halves[0], _EXPONENTS).astype(np.int64)
            lower += np.bincount(shifts, halves[1], _EXPONENTS).astype(np.int64)
        some = np.flatnonzero(upper | lower).tolist()
        total = sum(((int(upper[shift]) << _SPLIT) + int(lower[shift])) << shift for shift in some)
        return cls(below, above, total, smallest, largest)


def chunks(n: int) -> list[slice]:
    """Cut n rows into those that are processed together."""
    return [slice(first, min(first + CHUNK, n)) for first in range(0, n, CHUNK)]
