"""Distinct inputs, in batches of similar length."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Tokens = Sequence[int] | NDArray[np.integer]


def distinct_rows(rows: Sequence[Tokens]) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return each distinct token sequence in the order of first appearance, and for each row its position there.

    Examples
    --------
    >>> distinct, inverse = distinct_rows([[5, 1], [6, 1], [5, 1]])
    >>> len(distinct), inverse.tolist()
    (2, [0, 1, 0])
    """
    places: dict[bytes, int] = {}
    distinct: list[NDArray[np.int64]] = []
    inverse = np.empty(len(rows), np.int64)
    for row, tokens in enumerate(rows):
        ids = np.asarray(tokens, np.int64)
        place = places.setdefault(ids.tobytes(), len(distinct))
        if place == len(distinct):
            distinct.append(ids)
        inverse[row] = place
    return distinct, inverse


def length_batches(lengths: Sequence[int] | NDArray[np.int64], batch_tokens: int) -> list[NDArray[np.int64]]:
    """Sort rows by length, longest first, and cut them into batches of at most `batch_tokens` padded tokens.

    The result has the row numbers of each batch; one row that is longer is a separate batch. The longest batch comes
    first, so that a batch that does not fit in memory fails at once.

    Examples
    --------
    >>> [batch.tolist() for batch in length_batches([3, 9, 2, 3], batch_tokens=9)]
    [[1], [0, 3, 2]]
    """
    sizes = np.asarray(lengths, np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches: list[NDArray[np.int64]] = []
    first = 0
    while first < len(order):
        rows = max(1, batch_tokens // max(1, int(sizes[order[first]])))
        batches.append(order[first : first + rows])
        first += rows
    return batches


def pad_rows(rows: Sequence[Tokens], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pad token sequences on the right; return input_ids and attention_mask, of int64, shape (rows, width)."""
    lengths = np.array([len(row) for row in rows], np.int64)
    filled = np.arange(int(lengths.max(initial=0))) < lengths[:, None]
    ids = np.full(filled.shape, pad_id, np.int64)
    ids[filled] = np.concatenate([np.empty(0, np.int64), *(np.asarray(row, np.int64) for row in rows)])
    return torch.from_numpy(ids).to(device), torch.from_numpy(filled.astype(np.int64)).to(device)
