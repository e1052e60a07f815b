"""Arithmetic on logarithms of probabilities, where nothing overflows and a zero is minus infinity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def safe_log(values: ArrayLike) -> Array:
    """Take logarithms; minus infinity for 0, without a warning.

    Examples
    --------
    >>> safe_log([1.0, 0.0]).tolist()
    [0.0, -inf]
    """
    given = np.asarray(values, np.float64)
    return np.log(given, out=np.full(given.shape, -np.inf), where=given > 0)


def log_scores(probabilities: NDArray[np.floating]) -> Array:
    """Take the logarithms of a model's probabilities, all finite.

    A softmax is never 0: a probability of 0 was too small for its type, and counts as the smallest normal
    float64. So it can still be corrected, and the loss of a label that was thought impossible is finite.

    Examples
    --------
    >>> log_scores(np.array([[1.0, 0.0]])).round(1).tolist()
    [[0.0, -708.4]]
    """
    return np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).tiny))


def log_softmax(scores: Array) -> Array:
    """Normalise scores so that their exponentials sum to 1 in each row; minus infinity stays.

    Parameters
    ----------
    scores : float64 array of shape (rows, labels)
        At least one in each row is finite.

    Returns
    -------
    float64 array of shape (rows, labels)
        Log-probabilities.

    Examples
    --------
    >>> np.exp(log_softmax(np.array([[1e6, 1e6, -np.inf]]))).tolist()
    [[0.5, 0.5, 0.0]]
    """
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
