"""Probabilities as integers that sum to 2**60, so that a plan is identical on every platform; amounts under caps."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from equipoise.errors import PlanError

WHOLE = 1 << 60
"""The sum of the masses of a plan. It fits int64, and one unit is finer than the resolution of float64 near 1."""


def masses_of(probabilities: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round probabilities to integers that sum to `WHOLE`, by largest remainder.

    The arithmetic is exact: a float64 is an integer times a power of two, and those integers are
    divided as integers. Ties go to the earlier stratum. Every positive probability gets at least one unit.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (S,)
        Finite, not negative, not all zero. Only their proportions matter.

    Returns
    -------
    ndarray of int64, shape (S,)
        The masses, read-only.

    Raises
    ------
    PlanError
        If a probability is negative or not finite, or all are zero.

    Examples
    --------
    >>> masses = masses_of([1.0, 1.0, 1.0])
    >>> int(masses.sum()) == 2**60, (masses - masses[2]).tolist()
    (True, [1, 0, 0])
    """
    values = [float(p) for p in probabilities]
    if not all(0.0 <= p < float("inf") for p in values) or not any(values):
        message = f"probabilities must be finite, not negative and not all zero, found {values}."
        raise PlanError("bad-probabilities", message)
    ratios = [p.as_integer_ratio() for p in values]
    common = max(denominator for _, denominator in ratios)  # powers of two, so the largest is common
    numerators = [numerator * (common // denominator) for numerator, denominator in ratios]
    result = np.array(largest_remainder(numerators, WHOLE), dtype=np.int64)
    result.setflags(write=False)
    return result


def largest_remainder(weights: Sequence[int], whole: int) -> list[int]:
    """Split an integer in proportion to weights by largest remainder, exactly for integers of any size.

    Parameters
    ----------
    weights : sequence of int, length S
        Not negative, not all zero.
    whole : int
        The integer to split, at least the number of positive weights.

    Returns
    -------
    list of int, length S
        The parts, which sum to `whole`. Ties go to the earlier one. Every positive weight gets at least one unit.

    Examples
    --------
    >>> largest_remainder([5, 3, 1, 0], 6)
    [3, 2, 1, 0]
    """
    total = sum(weights)
    floors, remainders = zip(*(divmod(weight * whole, total) for weight in weights), strict=True)
    parts = list(floors)
    by_remainder = sorted(range(len(parts)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: whole - sum(parts)]:
        parts[i] += 1

    vanished = [i for i, weight in enumerate(weights) if weight > 0 and parts[i] == 0]
    for i in vanished:
        parts[i] = 1
    parts[parts.index(max(parts))] -= len(vanished)  # the largest can best spare a few units
    return parts


def water_fill(
    shares: npt.NDArray[np.float64], capacities: npt.NDArray[np.float64], total: float
) -> npt.NDArray[np.float64]:
    """Compute min(level * share, capacity) for the one level at which the amounts sum to `total` (water-filling).

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
        message = f"`total` must be at most the sum of the capacities, {available:g}, found {total:g}."
        raise PlanError("over-capacity", message)
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
