"""The mean over seeds, with its interval."""

import math
from collections.abc import Sequence
from statistics import mean, stdev

from scipy import stats

from equipoise.metrics import Estimate
from equipoise.statistics.confidence import check_confidence


def mean_interval(values: Sequence[float | None], confidence: float = 0.95) -> Estimate:
    """Average over seeds, with Student's t-interval.

    Parameters
    ----------
    values : sequence of float or None
        One for each seed; None and NaN were not measured and are left out.
    confidence : float
        The level of the interval.

    Returns
    -------
    Estimate
        Without an interval if only one seed was measured, and without a value if none was.

    Raises
    ------
    ConfigError
        If `confidence` is not above 0 and below 1.

    Notes
    -----
    The interval is for the mean over all possible seeds: it shows the variance due to initial weights and to the order
    of training. It does not show the variance between test sets; for that see `difference_over_seeds`.

    References
    ----------
    Student (1908), "The Probable Error of a Mean".

    Examples
    --------
    >>> str(mean_interval([0.70, 0.72, 0.74])), str(mean_interval([0.7])), str(mean_interval([None]))
    ('0.720 [0.670, 0.770]', '0.700', 'not measured')
    """
    check_confidence(confidence)
    measured = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not measured:
        return Estimate(None)
    centre = mean(measured)  # in fractions, so that equal values have a spread of exactly 0
    count = len(measured)
    if count == 1:
        return Estimate(centre)
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * stdev(measured) / math.sqrt(count)
    return Estimate(centre, centre - half, centre + half)
