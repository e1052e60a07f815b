"""How far what was drawn lies from the shares that were asked for."""

import numpy as np
from numpy.typing import NDArray


def power_law(n: int) -> NDArray[np.float64]:
    """Shares of n strata or sources, the i-th in proportion to 1/i."""
    weights = 1 / np.arange(1, n + 1)
    return weights / weights.sum()


def share_error(choices: NDArray[np.integer], shares: NDArray[np.float64]) -> float:
    """Greatest difference, over the sources, of the share that was drawn and the share asked for."""
    drawn = np.bincount(choices, minlength=len(shares))
    return float(np.abs(drawn / len(choices) - shares).max())


def worst_prefix_error(choices: NDArray[np.integer], shares: NDArray[np.float64]) -> float:
    """Greatest difference in draws, over the sources and all beginnings of the draws, of the count and its share.

    Between two draws of a source its difference falls evenly, so that the worst lies right before or right after a
    draw of it, or at the end.

    Examples
    --------
    >>> worst_prefix_error(np.array([0, 0, 1, 1]), np.array([0.5, 0.5]))
    1.0
    """
    order = np.argsort(choices, kind="stable")
    source = choices[order]
    counts = np.bincount(choices, minlength=len(shares))
    earlier = np.arange(len(choices)) - np.repeat(np.cumsum(counts) - counts, counts)  # draws of it before this one
    before = earlier - order * shares[source]
    after = earlier + 1 - (order + 1) * shares[source]
    end = counts - len(choices) * shares
    return float(max(np.abs(before).max(), np.abs(after).max(), np.abs(end).max()))


def block_end_error(choices: NDArray[np.integer], shares: NDArray[np.float64], block: int) -> float:
    """Greatest difference in draws, over the sources and the ends of all whole blocks, of the count and its share."""
    worst = 0.0
    counts = np.zeros(len(shares), dtype=np.int64)
    for end in range(block, len(choices) + 1, block):
        counts += np.bincount(choices[end - block : end], minlength=len(shares))
        worst = max(worst, float(np.abs(counts - end * shares).max()))
    return worst
