"""Holm's correction of the p-values of several tests."""

from collections.abc import Sequence

from equipoise.errors import ConfigError


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for several tests, by Holm's step-down method.

    If the tests with an adjusted value of at most 0.05 are called significant, the probability of one false claim or
    more among all tests is at most 5 %, however the tests depend on each other.

    Parameters
    ----------
    p_values : sequence of float
        One for each test.

    Returns
    -------
    list of float
        In the same order. The i-th smallest of m is multiplied by m - i + 1, is at least as large as those
        before it, and at most 1.

    Raises
    ------
    ConfigError
        If a value is not between 0 and 1.

    References
    ----------
    Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".

    Examples
    --------
    >>> holm([0.25, 0.125, 0.5])
    [0.5, 0.375, 0.5]
    """
    for value in p_values:
        if not 0 <= value <= 1:
            raise ConfigError(
                "wrong-p-value", f"`p_values` must be between 0 and 1, found {value}. Leave out tests without one."
            )
    count = len(p_values)
    adjusted = [0.0] * count
    largest = 0.0
    for before, place in enumerate(sorted(range(count), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (count - before) * p_values[place]))
        adjusted[place] = largest
    return adjusted
