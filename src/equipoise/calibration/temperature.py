"""Temperature scaling: one number that corrects the confidence of a model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from equipoise.calibration.logs import Array, log_posterior

LOWEST, HIGHEST = 0.05, 100.0


def fit_temperature(
    scores: Array, true: NDArray[np.int64], trained: Array, wanted: Array, weights: Array | None = None
) -> float | None:
    """Fit the temperature with the least negative log-likelihood of some rows.

    The likelihood is that of the probabilities after the prior ratio: the rows have their own label shares, not
    those of training. It is convex in 1/T, so there is one minimum.

    Parameters
    ----------
    scores, trained, wanted
        As in `log_posterior`; `wanted` are the label shares of the rows.
    true : ndarray of int64, shape (rows,)
        Places of the true labels.
    weights : ndarray of float64, shape (rows,), optional
        How many rows each one represents, where these are a sample.

    Returns
    -------
    float or None
        Between 0.05 and 100. None if the rows do not bound it from below: if a model is right on all of
        them, T could be arbitrarily small. Rows of a label without a share are left out; without rows it is None.

    References
    ----------
    Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2.

    Examples
    --------
    A confidence of 0.99, right in 3 of 4 rows:

    >>> scores = np.log([[0.99, 0.01]] * 4)
    >>> even = np.array([0.5, 0.5])
    >>> round(fit_temperature(scores, np.array([0, 0, 0, 1]), even, even), 2)
    4.18
    >>> fit_temperature(scores, np.array([0, 0, 0, 0]), even, even) is None
    True
    """
    possible = (trained > 0) & (wanted > 0)
    held = possible[true]
    scores, true, weights = scores[held], true[held], None if weights is None else weights[held]
    rows = np.arange(len(true))
    # The slope of the loss, as 1/T grows, ends at the mean of what the right labels lack to the largest score.
    if not (scores[:, possible].max(axis=1) > scores[rows, true]).any():
        return None

    def loss(log_temperature: float) -> float:
        losses = -log_posterior(scores, trained, wanted, np.exp(log_temperature))[rows, true]
        return float(np.average(losses, weights=weights))

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found: Any = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))
