"""Row numbers grouped by code: a counting sort that holds no more than its result and a piece of the codes."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.census.labels import MissingLabels
from equipoise.errors import PlanError

_PIECE = 1 << 20  # rows sorted at a time: what is held beside the result stays small
_NARROW = 1 << 31  # below this many rows a row number takes 4 bytes


def checked_sizes(sizes: ArrayLike) -> NDArray[np.int64]:
    """Return the sizes of strata as a flat array of integers from 0, or raise PlanError."""
    array = np.asarray(sizes)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
        raise PlanError("bad-sizes", f"`sizes` must be a flat array of integers from 0, found {sizes!r:.200}.")
    return array.astype(np.int64)


def checked_codes(
    codes: ArrayLike, count: int | None = None, missing_labels: MissingLabels = "error"
) -> NDArray[np.integer]:
    """Return the codes as a flat array of integers from 0 ("skip": -1) to ``count - 1``, or raise PlanError."""
    array = np.asarray(codes)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise PlanError(
            "bad-codes",
            f"`codes` must be a flat array of integers, found shape {array.shape} of {array.dtype}. "
            "Pass the position in `plan.strata` of each row's stratum.",
        )
    least = -1 if missing_labels == "skip" else 0
    if array.size and (int(array.min()) < least or (count is not None and int(array.max()) >= count)):
        raise PlanError(
            "code-out-of-range",
            f"`codes` must be from {least} to {'' if count is None else count - 1}, found {int(array.min())} to "
            f"{int(array.max())}. Build the plan from all rows; rows that belong to no stratum have the code -1, and "
            'are skipped by `missing_labels="skip"`.',
        )
    return array


def pieces(chunks: Iterable[NDArray[np.integer]]) -> Iterator[NDArray[np.integer]]:
    """Cut chunks into pieces that are small enough to sort."""
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            yield chunk[start : start + _PIECE]


def counted(codes: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Return the number of rows of each code from 0, without a wide copy of the codes."""
    sizes = np.zeros(count, dtype=np.int64)
    for piece in pieces([codes]):
        sizes += np.bincount(piece[piece >= 0], minlength=count)
    return sizes


def grouped(
    chunks: Iterable[NDArray[np.integer]], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int32] | NDArray[np.int64], int]:
    """Return the row numbers, code after code, rising inside each; and the number of rows whose code is -1.

    Parameters
    ----------
    chunks : iterable of ndarrays of integers
        Codes of the rows, in order.
    sizes : ndarray of int64, shape (S,)
        Number of rows of each code.

    Raises
    ------
    PlanError
        If a code has more or fewer rows.
    """
    total = int(sizes.sum())
    # Few codes fit 16 bits, which numpy sorts by radix.
    narrow = np.min_scalar_type(max(len(sizes) - 1, 0))
    order: Any = np.empty(total, dtype=np.int32 if total < _NARROW else np.int64)
    ends = np.cumsum(sizes)
    filled = ends - sizes
    row = 0
    for every in pieces(chunks):
        numbers = np.flatnonzero(every >= 0)
        piece = every[numbers]
        if row + len(every) > _NARROW:
            order = order.astype(np.int64, copy=False)  # fewer rows are grouped than there are
        held = np.bincount(piece, minlength=len(sizes))
        _refuse(filled + held > ends, "more", row + len(every))
        # Each piece is sorted alone and put behind the rows that its codes already hold.
        by_code = np.argsort(piece.astype(narrow), kind="stable")
        within = np.arange(len(piece)) - np.repeat(np.cumsum(held) - held, held)
        order[np.repeat(filled, held) + within] = numbers[by_code] + row
        filled += held
        row += len(every)
    _refuse(filled < ends, "fewer", row)
    return order, row - total


def _refuse(wrong: NDArray[np.bool_], amount: str, rows: int) -> None:
    if wrong.any():
        raise PlanError(
            "other-sizes",
            f"`chunks` must hold the rows that `sizes` counts, found {amount} of stratum {int(np.argmax(wrong))} after"
            f" {rows} rows. Count the strata of the same rows, as count_files does.",
        )
