"""Rows whose weights have few distinct values: classes of equal weight, 4 bytes a row."""

from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.base.masses import WHOLE
from equipoise.base.words import high_product, words
from equipoise.drawing import StratumIndex
from equipoise.samplers.by_weight.weights import CHUNK, Weights, chunks, units

MOST_VALUES = 4096  # distinct positive weights: a search among them stays in the processor's cache


def distinct_values(weights: Weights, most: int = MOST_VALUES) -> Weights | None:
    """Return the distinct weights, rising; None as soon as more than `most` positive ones were seen.

    Examples
    --------
    >>> distinct_values(np.array([2.0, 0.0, 2.0, 1.0])).tolist()
    [0.0, 1.0, 2.0]
    >>> distinct_values(np.array([2.0, 0.0, 2.0, 1.0]), most=1) is None
    True
    """
    seen = np.unique(weights[:CHUNK])  # nearly always enough to tell, and Arrow's functions take time to load
    for part in chunks(len(weights))[1:]:
        if np.count_nonzero(seen) > most:
            break
        seen = np.union1d(seen, pa.array(weights[part]).unique().to_numpy())
    return seen if np.count_nonzero(seen) <= most else None


class ClassStream:
    """Independent draws: a class of rows of equal weight by its exact mass, then one of its rows uniformly.

    Parameters
    ----------
    weights : ndarray of float64, shape (N,)
        Finite, not negative, not all zero.
    values : ndarray of float64, shape (C,)
        What `distinct_values` returned.
    seed : int
        Any integer. Streams of different seeds are unrelated.

    Examples
    --------
    >>> weights = np.array([0.0, 1.0, 3.0, 1.0])
    >>> stream = ClassStream(weights, distinct_values(weights), seed=0)
    >>> (np.bincount(stream.rows(np.arange(10_000))) / 10_000).round(2).tolist()
    [0.0, 0.2, 0.61, 0.2]
    """

    def __init__(self, weights: Weights, values: Weights, seed: int) -> None:
        codes = np.empty(len(weights), dtype=np.uint16)
        for part in chunks(len(weights)):
            encoded = pa.array(weights[part]).dictionary_encode()
            codes[part] = np.searchsorted(values, encoded.dictionary.to_numpy())[encoded.indices.to_numpy()]
        self._index = StratumIndex.from_codes(codes, len(values))
        self._ends = np.cumsum(class_masses(values, self._index.sizes))
        self._key = int(key("weighted", seed))

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row at each of the rising positions."""
        chosen = words(self._key, positions, each=2)
        # The masses sum to 2**60: the top 60 bits of a word choose among them without rounding.
        classes = np.searchsorted(self._ends, (chosen[:, 0] >> np.uint64(4)).astype(np.int64), side="right")
        places = high_product(chosen[:, 1], self._index.sizes[classes].astype(np.uint64))
        return self._index.rows(classes, places.astype(np.int64))


def class_masses(values: Weights, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the masses of classes, 2**60 together: value times size, the running sum rounded to the nearest integer.

    A positive class gets at least one unit, at the expense of the largest class.

    Examples
    --------
    >>> (class_masses(np.array([1.0, 3.0]), np.array([3, 1])) / WHOLE).tolist()
    [0.5, 0.5]
    """
    sums = list(accumulate(units(value) * size for value, size in zip(values.tolist(), sizes.tolist(), strict=True)))
    ends = [0, *((2 * end * WHOLE + sums[-1]) // (2 * sums[-1]) for end in sums)]
    masses = np.array([end - start for start, end in pairwise(ends)])
    vanished = (values > 0) & (masses == 0)
    masses[vanished] = 1
    masses[np.argmax(masses)] -= vanished.sum()
    return masses
