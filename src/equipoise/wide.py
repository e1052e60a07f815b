"""Products of 64-bit numbers that do not fit 64 bits."""

import numpy as np
from numpy.typing import NDArray

_HALF = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)


def high_product(a: NDArray[np.uint64] | np.uint64, b: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """Upper half of the 128-bit products: floor(a * b / 2^64), broadcast.

    With a random word `a` it maps to 0..b-1, each value with probability 1/b to within 2^-64 (Lemire 2019).

    References
    ----------
    Warren (2013), Hacker's Delight, section 8-2. Lemire (2019), Fast random integer generation in an interval.

    Examples
    --------
    >>> int(high_product(np.array([2**63], dtype=np.uint64), np.uint64(7))[0])
    3
    """
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    # No sum overflows: (2^32 - 1)^2 + 2 * (2^32 - 1) is 2^64 - 1.
    middle = a_high * b_low + (a_low * b_low >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return np.asarray(a_high * b_high + (middle >> _HALF) + (other >> _HALF))
