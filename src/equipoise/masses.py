"""Probabilities as integers: shares of 2**60, so that a plan means the same on every platform."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from equipoise.errors import PlanError

WHOLE = 1 << 60
"""The sum of the masses of a plan. It fits int64, and one unit is finer than a float64 near 1 can show."""


def masses_of(probabilities: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round probabilities to integers that sum to `WHOLE`, by largest remainder.

    The arithmetic is exact: a float64 is an integer times a power of two, and those integers are
    divided as integers. Ties go to the earlier stratum. Every positive probability gets at least one unit.

    Parameters
    ----------
    probabilities : array of float64 [S]
        Not negative, finite, not all zero. Only their proportions matter.

    Returns
    -------
    array of int64 [S]
        The masses, read-only.

    Raises
    ------
    PlanError
        When a probability is negative or not finite, or all are zero.

    Examples
    --------
    >>> masses = masses_of([1.0, 1.0, 1.0])
    >>> int(masses.sum()) == 2**60, (masses - masses[2]).tolist()
    (True, [1, 0, 0])
    """
    values = [float(p) for p in probabilities]
    if not all(0.0 <= p < float("inf") for p in values) or not any(values):
        raise PlanError(f"probabilities must be finite, not negative and not all zero, found {values}.")
    ratios = [p.as_integer_ratio() for p in values]
    common = max(denominator for _, denominator in ratios)  # powers of two, so the largest is common
    numerators = [numerator * (common // denominator) for numerator, denominator in ratios]
    total = sum(numerators)

    floors, remainders = zip(*(divmod(n * WHOLE, total) for n in numerators), strict=True)
    masses = list(floors)
    by_remainder = sorted(range(len(masses)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: WHOLE - sum(masses)]:
        masses[i] += 1

    vanished = [i for i, n in enumerate(numerators) if n > 0 and masses[i] == 0]
    for i in vanished:
        masses[i] = 1
    masses[masses.index(max(masses))] -= len(vanished)  # the stratum that can best spare a few parts in 2**60

    result = np.array(masses, dtype=np.int64)
    result.setflags(write=False)
    return result
