"""Log-probabilities, also under other label shares: p'(y | x) is proportional to p(y | x) pi'(y) / pi(y)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

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
    number of that type. So it can still be corrected, and the loss of a label with the probability 0 is finite.

    Examples
    --------
    >>> log_scores(np.array([[1.0, 0.0]])).round(1).tolist()
    [[0.0, -708.4]]
    """
    return np.log(np.maximum(probabilities.astype(np.float64), np.finfo(probabilities.dtype).tiny))


def log_prior_ratio(trained: ArrayLike, wanted: ArrayLike) -> Array:
    """Compute log pi'(y) / pi(y); minus infinity for labels with a share of 0 in either.

    Parameters
    ----------
    trained, wanted : array_like, shape (labels,)
        pi, the shares that the loss saw, and pi', those that predictions should follow.

    Returns
    -------
    ndarray of float64, shape (labels,)
        What to add to log-scores.

    References
    ----------
    Saerens, Latinne and Decaestecker (2002), "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities", equation 2.4.

    Examples
    --------
    >>> log_prior_ratio([0.5, 0.5, 0.0], [0.5, 0.25, 0.25]).round(3).tolist()
    [0.0, -0.693, -inf]
    """
    log_trained = safe_log(trained)
    return np.where(np.isneginf(log_trained), -np.inf, safe_log(wanted) - np.nan_to_num(log_trained, neginf=0.0))


def log_posterior(scores: Array, trained: ArrayLike, wanted: ArrayLike, temperature: float = 1.0) -> Array:
    """Compute log-probabilities under other label shares, after scaling by a temperature.

    Parameters
    ----------
    scores : ndarray of float64, shape (rows, labels)
        Logarithms of the model's probabilities, up to a constant in each row.
    trained, wanted : array_like, shape (labels,)
        As in `log_prior_ratio`; at least one label has a share in both.
    temperature : float
        Above 0.

    Returns
    -------
    ndarray of float64, shape (rows, labels)
        The log-softmax of scores / T + log(pi' / pi).

    Examples
    --------
    >>> np.exp(log_posterior(np.log([[0.8, 0.2]]), [0.5, 0.5], [0.2, 0.8])).round(3).tolist()
    [[0.5, 0.5]]
    """
    return np.asarray(log_softmax(scores / temperature + log_prior_ratio(trained, wanted), axis=1))
