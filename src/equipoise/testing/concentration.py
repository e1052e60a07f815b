"""How far drawn shares may lie from the expected ones by chance: a bound that needs no tables and no large numbers."""

from math import log

import numpy as np
from numpy.typing import NDArray


def log_chance(counts: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Logarithm of a bound on the chance that independent draws lie as far from their shares as these.

    The distance is the relative entropy D of the drawn shares to the expected ones; for n draws over k parts

        P(D >= d) <= exp(-n d) (e n d / (k - 1))^(k - 1)   where n d > k - 1.

    It holds for every n, and samplers that wander less than independent draws lie closer still.

    Parameters
    ----------
    counts : ndarray of float64, shape (k,)
        Draws of each part.
    shares : ndarray of float64, shape (k,)
        Expected shares: positive, summing to 1.

    Returns
    -------
    float
        At most 0.

    References
    ----------
    Agrawal (2020), Finite-sample concentration of the multinomial in relative entropy, IEEE Trans. Inf. Theory 66(10),
    theorem 1.2.

    Examples
    --------
    >>> halves = np.array([0.5, 0.5])
    >>> log_chance(np.array([520.0, 480.0]), halves)
    0.0
    >>> log_chance(np.array([700.0, 300.0]), halves) < -70  # one in 10**30
    True
    """
    seen = counts > 0
    distance = float((counts[seen] * np.log(counts[seen] / (counts.sum() * shares[seen]))).sum())  # n d
    free = len(shares) - 1
    if not free or distance <= free:
        return 0.0
    return -distance + free * (1 + log(distance / free))
