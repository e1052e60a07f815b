"""Draws without replacement: each epoch a systematic sample of the rows, inclusion exactly in proportion to weight.

The rows are put side by side on a line, in random order, each as long as its weight; a comb of equally spaced teeth,
as many as draws, is put on the line at a random offset. A row is drawn if a tooth hits it. No row is longer than the
spacing, so none is hit by two teeth, and the probability of a hit is the row's length in spacings. The order of the
rows and the offset are new in each epoch, and so is the order in which an epoch yields the rows that were hit.
"""

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.base.words import words
from equipoise.drawing.permutation import Permutations
from equipoise.errors import ConfigError
from equipoise.samplers.by_weight.masses import row_masses
from equipoise.samplers.by_weight.weights import Tally, Weights, chunks, units

_BITS = 60  # the line is at most 2**60 units long
_NOISE = 1 << 48  # a share may be above 1 by one part in this many


class SystematicStream:
    """Rows of epochs, no row repeated in an epoch, as a function of (weights, draws of an epoch, seed, position).

    8 bytes a row and 4 bytes a draw of an epoch are stored. Each epoch begins with one pass over all rows.

    Parameters
    ----------
    weights : ndarray of float64, shape (N,)
        Finite, not negative; ``n_draws`` times the largest is at most the sum, but for rounding.
    n_draws : int
        Draws of an epoch.
    seed : int
        Any integer. Streams of different seeds are unrelated.

    References
    ----------
    Hartley and Rao (1962), Sampling with unequal probabilities and without replacement.

    Examples
    --------
    >>> stream = SystematicStream(np.array([2.0, 1.0, 1.0]), n_draws=2, seed=0)
    >>> epochs = [stream.rows(np.arange(2 * epoch, 2 * epoch + 2)).tolist() for epoch in range(1000)]
    >>> all(0 in epoch for epoch in epochs), sum(1 in epoch for epoch in epochs)
    (True, 517)
    """

    def __init__(self, weights: Weights, n_draws: int, seed: int) -> None:
        self._n_draws = n_draws
        # The spacing of the teeth is a power of two: a tooth is passed where a running sum's upper bits change.
        self._spacing_bits = _BITS - (n_draws - 1).bit_length()
        spacing = 1 << self._spacing_bits
        self._masses = row_masses(weights, n_draws * spacing, spacing)
        self._seed = seed
        self._drawn_epoch = -1
        self._drawn = np.empty(0, dtype=np.uint32)

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row at each of the rising positions."""
        if not positions.size:
            return positions.copy()
        epochs = range(int(positions[0]) // self._n_draws, int(positions[-1]) // self._n_draws + 1)
        cuts = np.searchsorted(positions, np.array(epochs)[1:] * self._n_draws)
        pieces = [(epoch, piece) for epoch, piece in zip(epochs, np.split(positions, cuts), strict=True) if piece.size]
        return np.concatenate([self._of_epoch(epoch, piece - epoch * self._n_draws) for epoch, piece in pieces])

    def _of_epoch(self, epoch: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
        if epoch != self._drawn_epoch:
            self._drawn_epoch, self._drawn = epoch, self._draw(epoch)
        # Neighbours on the line exclude each other, so the rows that were hit are shuffled once more.
        dealt = _permuted("deal", self._seed, epoch, self._n_draws, places.astype(np.uint32))
        return self._drawn[dealt].astype(np.int64)

    def _draw(self, epoch: int) -> NDArray[np.uint32]:
        """Return the rows that the comb of an epoch hits, in the order of the line."""
        n = len(self._masses)
        bits = np.int64(self._spacing_bits)
        offset = words(int(key("comb", self._seed)), np.array([epoch]), each=1)[0, 0]
        at = int(offset) >> (64 - self._spacing_bits)  # uniform on 0..spacing-1
        hit: list[NDArray[np.uint32]] = []
        for part in chunks(n):
            rows = _permuted("line", self._seed, epoch, n, np.arange(part.start, part.stop, dtype=np.uint32))
            ends = np.cumsum(self._masses[rows]) + at
            hit.append(rows[np.diff(ends >> bits, prepend=at >> bits) > 0])
            at = int(ends[-1])
        return np.concatenate(hit)


def check_inclusion(weights: Weights, n_draws: int) -> None:
    """Raise ConfigError if a row would have to be drawn more than once in an epoch.

    Examples
    --------
    >>> check_inclusion(np.array([2.0, 1.0, 1.0]), n_draws=2)
    """
    tally = Tally.of(weights)
    largest = units(tally.largest)
    # Weights such as 1/3 are rounded: a share above 1 by no more than that counts as 1, as in `row_masses`.
    most = (tally.total * (_NOISE + 1)) // (largest * _NOISE)
    if n_draws > most:
        share = largest / tally.total
        raise ConfigError(
            "too-many-draws",
            f"`num_samples` must be at most {most} without replacement, found {n_draws}: row {int(np.argmax(weights))} "
            f"has weight {tally.largest}, {share:.3%} of all, and would have to be drawn {n_draws * share:.3f} times "
            f"in an epoch. Use num_samples={most}, a smaller largest weight, or replacement=True.",
        )


def _permuted(name: str, seed: int, epoch: int, size: int, places: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the images of some places under a permutation of as many as `size`."""
    permutation = Permutations.of(np.array([key(name, seed, epoch)]), np.array([size]))
    return permutation.apply_in_turn(np.array([len(places)]), places)
