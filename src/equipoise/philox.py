"""Random words at any positions of an endless stream: Philox, which counts instead of keeping a state."""

import numpy as np
from numpy.typing import NDArray

_WORDS = 4  # Philox4x64 gives four words at each count


def words(key: int, positions: NDArray[np.int64], each: int) -> NDArray[np.uint64]:
    """Uniform 64-bit words that belong to rising positions.

    Parameters
    ----------
    key : int
        Streams of different keys are unrelated.
    positions : ndarray of int64, shape (k,)
        Rising, not negative.
    each : int
        Words of a position: 1, 2 or 4.

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
