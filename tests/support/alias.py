"""What an alias table draws, counted from its columns."""

import numpy as np

from equipoise.base.masses import WHOLE


def masses_of(table):
    """Return how many of the 2**60 values draw each row."""
    n = len(table.thresholds)
    whole, rest = divmod(WHOLE, n)
    columns = np.arange(n + 1)
    starts = columns * whole - -(columns * rest) // n  # ceil(column * 2**60 / n)
    masses = table.thresholds.copy()
    np.add.at(masses, table.aliases, np.diff(starts) - table.thresholds)
    return masses
