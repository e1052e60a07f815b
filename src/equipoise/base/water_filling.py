"""Water-filling: split an amount in given proportions under caps; the surplus goes to the others."""

import numpy as np
import numpy.typing as npt

from equipoise.errors import PlanError


def water_fill(
    shares: npt.NDArray[np.float64], capacities: npt.NDArray[np.float64], total: float
) -> npt.NDArray[np.float64]:
    """Compute min(level * share, capacity) for the one level at which the amounts sum to `total`.

    Parameters
    ----------
    shares : ndarray of float64, shape (S,)
        The requested proportions, not negative. A share of zero gets nothing.
    capacities : ndarray of float64, shape (S,)
        The largest amount that each may get.
    total : float
        The amount to split.

    Returns
    -------
    ndarray of float64, shape (S,)
        The amounts.

    Raises
    ------
    PlanError
        If `total` exceeds the summed capacities of the positive shares.

    Examples
    --------
    >>> water_fill(np.array([0.5, 0.3, 0.2]), np.array([10.0, 100.0, 100.0]), 60.0).tolist()
    [10.0, 30.0, 20.0]
    """
    amounts = np.zeros(len(shares))
    wanting = np.flatnonzero(shares > 0)
    available = float(capacities[wanting].sum())
    if total > available * (1 + 1e-12):  # the capacities are products of floats: equality must pass
        raise PlanError(
            "over-capacity", f"`total` must be at most the sum of the capacities, {available:g}, found {total:g}."
        )
    # In the order in which caps are reached; once one is below its cap, so are all that follow.
    order = wanting[np.argsort(capacities[wanting] / shares[wanting], kind="stable")]
    shares_left = np.cumsum(shares[order][::-1])[::-1]
    left = total
    for place, i in enumerate(order):
        level = left / shares_left[place]
        if level * shares[i] <= capacities[i]:
            amounts[order[place:]] = level * shares[order[place:]]
            break
        amounts[i] = capacities[i]
        left -= capacities[i]
    return amounts
