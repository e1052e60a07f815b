"""Pseudorandom permutations of 0..n-1 that are computed, not stored.

Each round multiplies by a keyed odd number, adds a keyed number (both one to one modulo 2^bits) and folds the
high half onto the low half. A value that falls outside 0..n-1 is permuted again until it falls inside, which
keeps the whole one to one (cycle walking, Black and Rogaway 2002). At the same number of rounds this is both
cheaper and, on domains of a few bits, closer to uniform than a Feistel network, whose halves are then one to three
bits wide.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.hashing import subkeys

ROUNDS = 8
LARGEST = 1 << 32  # positions are 32-bit: half the memory traffic of 64-bit


@dataclass(frozen=True, slots=True)
class Permutations:
    """A batch of keyed permutations, one for each key.

    Parameters
    ----------
    sizes : ndarray of int64, shape (m,)
        Size of each domain, from 1 to 2**32.
    multipliers, addends : ndarray of uint32, shape (ROUNDS, m)
        Round keys.
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
    multipliers: NDArray[np.uint32]
    addends: NDArray[np.uint32]
    masks: NDArray[np.uint32]
    shifts: NDArray[np.uint32]

    @classmethod
    def of(cls, keys: NDArray[np.uint64], sizes: NDArray[np.int64]) -> "Permutations":
        """Permutation number i is of ``0..sizes[i]-1`` and is chosen by ``keys[i]``."""
        rounds = subkeys(keys[None, :], np.arange(ROUNDS)[:, None])
        bits = bit_length(sizes - 1)
        return cls(
            sizes=sizes,
            multipliers=(rounds >> np.uint64(32)).astype(np.uint32) | np.uint32(1),
            addends=rounds.astype(np.uint32),
            masks=((np.uint64(1) << bits) - np.uint64(1)).astype(np.uint32),
            shifts=np.maximum((bits + np.uint64(1)) >> np.uint64(1), np.uint64(1)).astype(np.uint32),
        )

    def apply(self, which: NDArray[np.integer], places: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Image of ``places[j]`` under permutation ``which[j]``.

        Parameters
        ----------
        which : ndarray of integers, shape (k,)
        places : ndarray of uint32, shape (k,)
            Each below the size of its permutation.

        Returns
        -------
        ndarray of uint32, shape (k,)
        """
        images = self._rounds(which, places)
        last = (self.sizes - 1).astype(np.uint32)
        outside = np.flatnonzero(images > last[which])
        while outside.size:
            walked = self._rounds(which[outside], images[outside])
            images[outside] = walked
            outside = outside[walked > last[which[outside]]]
        return images

    def _rounds(self, which: NDArray[np.integer], places: NDArray[np.uint32]) -> NDArray[np.uint32]:
        mask, shift = self.masks[which], self.shifts[which]
        values = places.copy()
        for multiplier, addend in zip(self.multipliers, self.addends, strict=True):
            values *= multiplier[which]
            values += addend[which]
            values &= mask
            values ^= values >> shift
        return values


def bit_length(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Number of bits that each value from 0 to 2**52 needs, as ``int.bit_length``.

    Examples
    --------
    >>> bit_length(np.array([0, 1, 2, 3, 4, 2**32 - 1])).tolist()
    [0, 1, 2, 2, 3, 32]
    """
    return np.frexp(values.astype(np.float64))[1].astype(np.uint64)
