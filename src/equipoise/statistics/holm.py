"""P-values of several tests, adjusted together."""

from collections.abc import Sequence

from equipoise.errors import ConfigError


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that all tests together are wrong no more often than one.

    Whoever calls significant what has an adjusted value of at most 0.05 makes a false claim, of all the tests, in at
    most 5 % of such families, however the tests depend on each other.

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
        If one is not between 0 and 1.

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
            raise ConfigError(f"`p_values` must be between 0 and 1, found {value}. Leave out tests that gave none.")
    count = len(p_values)
    adjusted = [0.0] * count
    largest = 0.0
    for before, place in enumerate(sorted(range(count), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (count - before) * p_values[place]))
        adjusted[place] = largest
    return adjusted
