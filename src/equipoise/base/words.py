"""Random 64-bit words at any positions of an endless stream: counter-based Philox, and products of such words."""

import numpy as np
from numpy.typing import NDArray

_WORDS = 4  # Philox4x64 gives four words at each count


def words(key: int, positions: NDArray[np.int64], each: int) -> NDArray[np.uint64]:
    """Return uniform 64-bit words at increasing positions.

    Parameters
    ----------
    key : int
        Streams of different keys are independent.
    positions : ndarray of int64, shape (k,)
        Increasing, not negative.
    each : int
        Words for each position: 1, 2 or 4.

    Returns
    -------
    ndarray of uint64, shape (k, each)

    References
    ----------
    Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3 (Philox4x64).

    Examples
    --------
    >>> stretch = words(7, np.arange(5, 9), each=2)
    >>> bool((words(7, np.array([6, 8]), each=2) == stretch[[1, 3]]).all())
    True
    """
    if not positions.size:
        return np.empty((0, each), dtype=np.uint64)
    positions_per_count = _WORDS // each
    first = int(positions[0]) // positions_per_count
    last = int(positions[-1]) // positions_per_count + 1
    stretch = np.random.Philox(key=key, counter=first).random_raw((last - first) * _WORDS).reshape(-1, each)
    return stretch[positions - first * positions_per_count]


_HALF = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)


def high_product(a: NDArray[np.uint64] | np.uint64, b: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """Compute the upper half of the 128-bit products: floor(a * b / 2^64), broadcast.

    A random word `a` is mapped to 0..b-1, each value with probability 1/b to within 2^-64 (Lemire 2019).

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
