"""Logarithms of probabilities: nothing overflows, and the logarithm of 0 is minus infinity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def safe_log(values: ArrayLike) -> Array:
    """Compute logarithms; minus infinity for 0, without a warning.

    Examples
    --------
    >>> safe_log([1.0, 0.0]).tolist()
    [0.0, -inf]
    """
    given = np.asarray(values, np.float64)
    return np.log(given, out=np.full(given.shape, -np.inf), where=given > 0)


def log_scores(probabilities: NDArray[np.floating]) -> Array:
    """Compute the logarithms of a model's probabilities, all finite.

    A softmax is never 0: a probability of 0 was too small for its type, and is replaced by the smallest normal
    float64. So it can still be corrected, and the loss of a label with the probability 0 is finite.

    Examples
    --------
    >>> log_scores(np.array([[1.0, 0.0]])).round(1).tolist()
    [[0.0, -708.4]]
    """
    return np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).tiny))
