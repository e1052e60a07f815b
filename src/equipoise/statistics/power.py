"""The least difference that a comparison could have shown, and how many groups and seeds a smaller one needs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from scipy import stats

from equipoise.errors import ConfigError
from equipoise.statistics.equivalence import DifferencePosterior

CONFIDENCE, POWER = 0.95, 0.8
MOST = 10**9


def least_difference(
    posterior: DifferencePosterior, rope: float = 0.0, *, confidence: float = CONFIDENCE, power: float = POWER
) -> float:
    """Compute the least true difference that is shown with the given probability.

    Parameters
    ----------
    posterior : DifferencePosterior
        Its variances, seeds and groups; the observed difference plays no part.
    rope : float
        Half the width of the region of practical equivalence.
    confidence : float
        A difference is shown if the probability that it is above the region is at least this.
    power : float
        In what part of comparisons like this one it is to be shown.

    Returns
    -------
    float
        In units of the metric.

    Raises
    ------
    ConfigError
        If `confidence` or `power` is not at least 0.5 and below 1.

    Notes
    -----
    d = rope + (t_confidence + t_power) sqrt(training + rows), with quantiles of Student's t of the posterior's degrees
    of freedom. With w^2 for `groups` times `rows`, no region, no variance between seeds and many degrees of freedom,
    that is equation 9 of Miller for n groups: n = (z_confidence + z_power)^2 w^2 / d^2.

    References
    ----------
    Miller (2024), "Adding Error Bars to Evals: A Statistical Approach to Language Model Evaluations", section 5.

    Examples
    --------
    >>> posterior = DifferencePosterior(0.0, training=0.0001, rows=0.0003, seeds=3, groups=200)
    >>> round(least_difference(posterior, 0.01), 3)
    0.061
    """
    for name, value in (("confidence", confidence), ("power", power)):
        if not 0.5 <= value < 1:
            raise ConfigError(
                "wrong-confidence",
                f"`{name}` must be at least 0.5 and below 1, found {value}. Leave it out for the default.",
            )
    held = posterior.degrees_of_freedom
    quantiles = float(stats.t.ppf(confidence, held)) + float(stats.t.ppf(power, held))
    return rope + quantiles * posterior.standard_error


@dataclass(frozen=True)
class Needed:
    """What a comparison needs to show a difference, all else as it was.

    Attributes
    ----------
    difference : float
        The difference.
    groups : int or None
        How many groups of rows in all, with the same seeds; None if no number is enough.
    seeds : int or None
        How many seeds in all, on the same rows; None if no number is enough.
    times : int or None
        How many times as many groups and seeds, if both grow alike; None if no number is enough.
    """

    difference: float
    groups: int | None
    seeds: int | None
    times: int | None


def needed(
    posterior: DifferencePosterior,
    difference: float,
    rope: float = 0.0,
    *,
    confidence: float = CONFIDENCE,
    power: float = POWER,
) -> Needed:
    """Compute how many groups or seeds show a difference.

    Parameters
    ----------
    posterior, rope, confidence, power
        As in `least_difference`.
    difference : float
        A true difference above `rope`.

    Returns
    -------
    Needed
        The smallest numbers, not below those of `posterior`, for which `least_difference` is at most `difference`.

    Raises
    ------
    ConfigError
        If `difference` is not above `rope`, or as in `least_difference`.

    Notes
    -----
    More groups divide the variance due to the rows, more seeds that due to training; neither changes the other. With
    two or three seeds more groups may not help: the fewer the variance due to the rows, the more the sum is known as
    badly as that due to training.

    Examples
    --------
    >>> posterior = DifferencePosterior(0.0, training=0.0001, rows=0.0003, seeds=3, groups=200)
    >>> needed(posterior, 0.04, 0.01)
    Needed(difference=0.04, groups=None, seeds=None, times=3)
    """
    if not difference > rope:
        raise ConfigError(
            "wrong-difference",
            f"`difference` must be above the region of practical equivalence, {rope}, found {difference}.",
        )

    def enough(groups: int, seeds: int) -> bool:
        training, rows = posterior.training * posterior.seeds / seeds, posterior.rows * posterior.groups / groups
        more = replace(posterior, training=training, rows=rows, seeds=seeds, groups=groups)
        return least_difference(more, rope, confidence=confidence, power=power) <= difference

    return Needed(
        difference,
        groups=_first(lambda count: enough(count, posterior.seeds), posterior.groups),
        seeds=_first(lambda count: enough(posterior.groups, count), posterior.seeds),
        times=_first(lambda count: enough(posterior.groups * count, posterior.seeds * count), 1),
    )


def _first(holds: Callable[[int], bool], least: int) -> int | None:
    """Return the smallest integer from `least` on that `holds`, and so do those after it; None if none does."""
    low, high = least - 1, least
    while not holds(high):
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
