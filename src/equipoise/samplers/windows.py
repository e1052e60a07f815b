"""Windows of draws that are sorted by length: what `LengthSorted` and `TokenBatches` share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.base.keys import key, subkeys
from equipoise.base.states import check_state, differences
from equipoise.errors import ConfigError, StateError


def checked_lengths(lengths: ArrayLike, rows: int) -> NDArray[np.integer]:
    """Return the lengths as an array of one integer for each row, or raise ConfigError."""
    array = np.asarray(lengths)
    if array.shape != (rows,) or not np.issubdtype(array.dtype, np.integer):
        raise ConfigError(
            "bad-lengths",
            f"`lengths` must be one integer for each of the {rows} rows, found shape {array.shape} of {array.dtype}.",
        )
    return array


def sorted_in_pools(
    rows: NDArray[np.int64], pools: NDArray[np.int64], lengths: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the rows, those of each pool arranged so that their lengths rise.

    Parameters
    ----------
    rows, pools, lengths : ndarrays of integers, shape (k,)
        Rows in the order of the draws, which of them may change places with each other, and how long they are.

    Returns
    -------
    ndarray of int64, shape (k,)

    Examples
    --------
    >>> sorted_in_pools(np.array([10, 11, 12, 13]), np.array([0, 1, 0, 1]), np.array([9, 8, 2, 3])).tolist()
    [12, 13, 10, 11]
    """
    arranged = np.empty_like(rows)
    arranged[np.argsort(pools, kind="stable")] = rows[order_in_pools(pools, lengths)]
    return arranged


def order_in_pools(pools: NDArray[np.int64], lengths: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the order by pool and, inside each, by length; equal ones keep their order.

    Examples
    --------
    >>> order_in_pools(np.array([1, 0, 1, 0]), np.array([5, 7, 5, 3])).tolist()
    [3, 1, 0, 2]
    """
    lowest = int(lengths.min(initial=0))
    span = int(lengths.max(initial=0)) - lowest + 1
    if (int(pools.max(initial=0)) + 1) * span > 1 << 16:
        return np.lexsort((lengths, pools))
    # numpy sorts numbers of 16 bits by radix, several times faster.
    return np.argsort((pools * span + lengths - lowest).astype(np.uint16), kind="stable")


def window_order(seed: int, first: int, batches: int) -> NDArray[np.intp]:
    """Return the order of the batches of the window at position `first`: no two windows are shuffled alike."""
    return np.argsort(subkeys(key("window", seed, first), np.arange(batches)), kind="stable")


def check_kept(state: Mapping[str, Any], ours: Mapping[str, int], name: str) -> None:
    """Raise StateError unless a state has a sampler and exactly these numbers."""
    check_state(state, name, {"sampler": dict[str, Any], **dict.fromkeys(ours, int)})
    changes = differences({**state, "sampler": None}, {**ours, "sampler": None})
    if changes:
        raise StateError(
            "other-run", f"{name}: {'; '.join(changes)}. Keep them: a resumed window must hold the same draws."
        )


def check_window_end(at: int, epoch: tuple[int, int], window: int) -> None:
    """Raise ConfigError unless a position is between two windows of its epoch."""
    begin, end = epoch
    if (at - begin) % window:
        last = at - (at - begin) % window
        raise ConfigError(
            "inside-a-window",
            f"`at` must be between two windows of {window} draws, since the draws of one are yielded in another order, "
            f"found {at}. Use {last} or {min(last + window, end)}.",
        )
