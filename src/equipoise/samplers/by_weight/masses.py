"""Weights of rows as integers that sum to a given total exactly.

A row's exact share of the total is its weight times total / sum, a rational number. The running sum of the shares is
rounded to the nearest integer after every row, and a row's mass is the step that the rounded sum takes there. So
masses sum to the total without a remainder, and a row's mass is its share rounded up or down. Shares are computed to
64 bits; the error of the whole running sum stays below half a unit, so the last step ends at the total.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from equipoise.base.words import high_product
from equipoise.errors import ConfigError
from equipoise.samplers.by_weight.weights import UNIT_BITS, Tally, Weights, chunks, mantissas, units

_FRACTION = 40  # bits behind the point that are summed: 2**32 rows lose at most 2**-8 of a unit
_NOISE = 2.0**-50  # shares this close above one unit count as one unit


def row_masses(weights: Weights, total: int, most: int) -> NDArray[np.int64]:
    """Split a total in proportion to the weights.

    Every positive weight gets at least one unit, and none gets more than `most`; where a bound is reached, the others
    split the rest in proportion.

    Parameters
    ----------
    weights : ndarray of float64, shape (N,)
        Finite, not negative, not all zero.
    total : int
        Sum of the masses, at most 2**60.
    most : int
        Largest mass of a row, a power of two.

    Returns
    -------
    ndarray of int64, shape (N,)
        Zero where the weight is zero. Within 1.4 units of the exact share where no bound is reached.

    Raises
    ------
    ConfigError
        If the total is too small for one unit each, or too large for `most` each.

    Examples
    --------
    >>> row_masses(np.array([8.0, 1, 1, 1, 0]), total=22, most=32).tolist()
    [16, 2, 2, 2, 0]
    >>> row_masses(np.array([1.0, 1e-30, 1e-30]), total=1 << 60, most=1 << 60).tolist()
    [1152921504606846974, 1, 1]
    """
    low, high, left, tally = _bounds(weights, total, most)
    masses = np.empty(len(weights), dtype=np.int64)
    carry = np.uint64(1 << (_FRACTION - 1))  # half a unit: rounds the running sum to the nearest
    # share = mantissa * 2**shift * left / tally.total = mantissa * 2**shift * factor / 2**places, with 64-bit factor
    places = 64 - left.bit_length() + tally.total.bit_length()
    factor = (left << places) // tally.total if tally.total else 0
    if factor >> 64:
        places, factor = places - 1, factor >> 1
    for part in chunks(len(weights)):
        chunk = weights[part]
        whole, shifts = mantissas(chunk)
        tiny, full = (chunk > 0) & (chunk < low), chunk >= high
        whole[tiny | full] = 0
        product = high_product(whole << np.uint64(11), np.uint64(factor))  # the share, 2**behind times
        behind = np.clip(places - 53 - shifts, 1, 64).astype(np.uint64)
        parts = (product << (np.uint64(64) - behind)) >> np.uint64(64 - _FRACTION)
        sums = np.cumsum(parts) + carry
        steps = np.diff(sums >> np.uint64(_FRACTION), prepend=np.uint64(0))
        carry = sums[-1] & np.uint64((1 << _FRACTION) - 1)
        # To a processor a shift by 64 is one by 0, so the last bit is shifted alone.
        mass = ((product >> (behind - np.uint64(1)) >> np.uint64(1)) + steps).astype(np.int64)
        mass[tiny], mass[full] = mass[tiny] + 1, mass[full] + most
        masses[part] = mass
    return masses


def _bounds(weights: Weights, total: int, most: int) -> tuple[float, float, int, Tally]:
    """Return the weights below which a row gets one unit and from which it gets `most`, and what the others split.

    A row held at a bound changes what is left to the others, which may bring more of them to a bound: so this is
    repeated until none is. Nearly always the first round is the last.
    """
    low, high = 0.0, math.inf
    while True:
        tally = Tally.of(weights, low, high)
        left = total - tally.below - most * tally.above
        if left < 0 or (tally.total == 0) != (left == 0):
            raise ConfigError(
                "weights-out-of-range",
                f"`weights` cannot split {total} units so that each positive one gets from 1 to {most}: "
                f"{tally.below} are too small for one, {tally.above} too large. Draw fewer, or from fewer rows.",
            )
        if tally.total == 0:
            return low, high, left, tally
        if units(tally.largest) * left > most * tally.total:
            high = _float_from(most * tally.total, left)
        elif units(tally.smallest) * left <= tally.total:
            # A weight just above one unit may fall below it when computed, so it is held, too.
            low = min(math.nextafter(_float_from(tally.total, left) * (1 + _NOISE), math.inf), high)
        else:
            return low, high, left, tally


def _float_from(numerator: int, denominator: int) -> float:
    """Return the smallest float64 not below the ratio, which is in units."""
    ratio = Fraction(numerator, denominator << UNIT_BITS)
    value = numerator / (denominator << UNIT_BITS)
    return value if Fraction(value) >= ratio else math.nextafter(value, math.inf)
