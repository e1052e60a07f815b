"""Pseudorandom permutations of 0..n-1 that are computed, not stored.

Each round multiplies by a keyed odd number, adds a keyed number (both one to one modulo 2^bits) and folds the high
half onto the low half. A value outside 0..n-1 is permuted again until it is inside, which keeps the whole one to one
(cycle walking, Black and Rogaway 2002). With the same number of rounds this is both cheaper and, on domains of a few
bits, closer to uniform than a Feistel network, whose halves are then one to three bits wide.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import subkeys

ROUNDS = 8
LARGEST = 1 << 32  # positions are 32-bit: half the memory traffic of 64-bit


@dataclass(frozen=True, slots=True)
class Permutations:
    """A batch of keyed permutations, one for each key.

    Parameters
    ----------
    sizes : ndarray of int64, shape (m,)
        Size of each domain, from 1 to 2**32.
    rounds : ndarray of uint64, shape (ROUNDS, m)
        Round keys: an odd multiplier in the high half, an addend in the low half.
    masks, shifts : ndarray of uint32, shape (m,)
        ``2**bits - 1`` and the half width to fold by, where ``2**bits`` is the least power of two not below the size.

    Examples
    --------
    >>> import numpy as np
    >>> three = Permutations.of(np.array([5], dtype=np.uint64), np.array([3]))
    >>> sorted(three.apply(np.array([0, 0, 0]), np.array([0, 1, 2], dtype=np.uint32)).tolist())
    [0, 1, 2]
    """

    sizes: NDArray[np.int64]
    rounds: NDArray[np.uint64]
    masks: NDArray[np.uint32]
    shifts: NDArray[np.uint32]

    @classmethod
    def of(cls, keys: NDArray[np.uint64], sizes: NDArray[np.int64]) -> "Permutations":
        """Return permutations, number i of ``0..sizes[i]-1`` and chosen by ``keys[i]``."""
        bits = bit_length(sizes - 1)
        return cls(
            sizes=sizes,
            rounds=subkeys(keys[None, :], np.arange(ROUNDS)[:, None]) | np.uint64(1 << 32),
            masks=((np.uint64(1) << bits) - np.uint64(1)).astype(np.uint32),
            shifts=np.maximum((bits + np.uint64(1)) >> np.uint64(1), np.uint64(1)).astype(np.uint32),
        )

    def apply(self, which: NDArray[np.integer], places: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the image of ``places[j]``, shape (k,), under permutation ``which[j]``, whose size it is below."""
        return self._walked(which, self._rounds(places, lambda keys: keys.take(which)))

    def apply_in_turn(self, lengths: NDArray[np.integer], places: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the images of the first ``lengths[0]`` places under permutation 0, of the next under 1, and so on.

        The same as `apply`, faster: a key is copied along its stretch instead of being looked up at every place.
        """
        which = np.repeat(np.arange(len(lengths)), lengths)
        return self._walked(which, self._rounds(places, lambda keys: np.repeat(keys, lengths)))

    def whole(self) -> NDArray[np.unsignedinteger]:
        """Return all images of all permutations, which must be of one size n: shape (m, n)."""
        size, mask = int(self.sizes[0]), int(self.masks[0])
        # Nothing above the mask is ever used: where 16 bits hold it, half the memory is enough.
        width = np.uint16 if mask < 1 << 16 else np.uint32
        places = np.tile(np.arange(size, dtype=width), (len(self.sizes), 1))
        keys = ((_high(keys).astype(width)[:, None], keys.astype(width)[:, None]) for keys in self.rounds)
        images = _through(places, keys, width(mask), width(self.shifts[0]))
        if size == mask + 1:
            return images  # a power of two: no image is outside
        which = np.repeat(np.arange(len(self.sizes)), size)
        return self._walked(which, images.ravel().astype(np.uint32)).reshape(images.shape)

    def _walked(self, which: NDArray[np.integer], images: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Permute images again, in place, until each is inside its domain."""
        last = (self.sizes - 1).astype(np.uint32)
        outside = np.flatnonzero(images > last.take(which))
        of, walking = which[outside], images[outside]
        while outside.size:
            walking = self._rounds(walking, lambda keys, of=of: keys.take(of))
            inside = walking <= last.take(of)
            images[outside[inside]] = walking[inside]
            beyond = np.flatnonzero(~inside)
            outside, of, walking = outside[beyond], of[beyond], walking[beyond]
        return images

    def _rounds(self, places: NDArray[np.uint32], spread: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[np.uint32]:
        """Apply all rounds once; `spread` copies the key of its permutation to each place."""
        keys = ((_high(key), key.astype(np.uint32)) for key in map(spread, self.rounds))
        return _through(places.copy(), keys, spread(self.masks), spread(self.shifts))


def _high(keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the upper halves of 64-bit keys."""
    return (keys >> np.uint64(32)).astype(np.uint32)


def _through(
    values: NDArray[Any], keys: Iterable[tuple[NDArray[Any], NDArray[Any]]], mask: Any, shift: Any
) -> NDArray[Any]:
    """Send values through the rounds, in place."""
    for multiplier, addend in keys:
        values *= multiplier
        values += addend
        values &= mask
        values ^= values >> shift
    return values


def bit_length(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the number of bits of each value from 0 to 2**52, as ``int.bit_length``.

    Examples
    --------
    >>> bit_length(np.array([0, 1, 2, 3, 4, 2**32 - 1])).tolist()
    [0, 1, 2, 2, 3, 32]
    """
    return np.frexp(values.astype(np.float64))[1].astype(np.uint64)
