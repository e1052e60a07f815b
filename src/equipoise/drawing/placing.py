"""Which draw is at which position of its block, and of which example: the inner loop of drawing, in numpy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.drawing.permutation import Permutations

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Stretches of consecutive draws of one pass of one stratum: all those of whole blocks, stratum after stratum.

    The draws of the blocks in that order are called slots.

    Parameters
    ----------
    slots, lengths : ndarrays of int64, shape (R,)
        First slot of each run, and its draws.
    strata, passes, places : ndarrays of int64, shape (R,)
        Stratum of each run, its pass of the stratum, and the place of its first draw in the pass.
    """

    slots: Ints
    lengths: Ints
    strata: Ints
    passes: Ints
    places: Ints

    @classmethod
    def between(cls, ends: Ints, sizes: Ints) -> "Runs":
        """Return the runs of the blocks at whose ends the strata have had `ends` draws.

        Parameters
        ----------
        ends : ndarray of int64, shape (n_blocks + 1, S)
            Cumulative draws of each stratum, first at the start of the first block.
        sizes : ndarray of int64, shape (S,)
            Rows of each stratum, so draws of a pass.

        Examples
        --------
        >>> runs = Runs.between(np.array([[4, 0], [7, 3]]), np.array([5, 100]))
        >>> list(zip(*(a.tolist() for a in (runs.slots, runs.lengths, runs.strata, runs.passes, runs.places))))
        [(0, 1, 0, 0, 4), (1, 2, 0, 1, 0), (3, 3, 1, 0, 0)]
        """
        starts, lengths = ends[:-1].ravel(), np.diff(ends, axis=0).ravel()
        some = np.flatnonzero(lengths)
        starts, lengths, strata = starts[some], lengths[some], some % len(sizes)
        # Cut where a pass ends: draw k of a stratum of n rows is in pass k // n.
        size = sizes[strata]
        first_pass = starts // size
        pieces = (starts + lengths - 1) // size - first_pass + 1
        of = np.repeat(np.arange(len(starts)), pieces)
        passes = first_pass[of] + np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        begin = np.maximum(starts[of], passes * size[of])
        end = np.minimum((starts + lengths)[of], (passes + 1) * size[of])
        lengths = end - begin
        return cls(
            slots=np.cumsum(lengths) - lengths,
            lengths=lengths,
            strata=strata[of],
            passes=passes,
            places=begin - passes * size[of],
        )


def place(
    shuffles: Permutations, counts: Ints, runs: Runs, orders: Permutations, starts: Ints, wanted: Ints
) -> tuple[Ints, Ints]:
    """Return stratum and place of the draws at some positions of whole blocks.

    Which stratum is at which position of a block is shuffled; a stratum's draws are taken in rising order, so that its
    passes follow one another.

    Parameters
    ----------
    shuffles : Permutations
        Of the positions of each block.
    counts : ndarray of int64, shape (n_blocks, S)
        Draws of each stratum in each block.
    runs : Runs
        Of these blocks.
    orders : Permutations
        For each run, that of its pass.
    starts : ndarray of int64, shape (R,)
        Number from which each run's places are counted.
    wanted : ndarray of int64, shape (k,)
        Rising positions, counted from the first block's start.

    Returns
    -------
    strata, places : ndarrays of int64, shape (k,)

    See Also
    --------
    equipoise.drawing.compiled.place : The same numbers, faster, where numba is installed.
    """
    order = np.argsort(cells(shuffles, counts), kind="stable")  # position of the draw in each slot
    if len(wanted) == len(order):
        slots, lengths = np.arange(len(order)), runs.lengths
    else:
        answer = np.full(len(order), -1)
        answer[wanted] = np.arange(len(wanted))
        order = answer[order]
        slots = np.flatnonzero(order >= 0)
        order = order[slots]
        lengths = np.diff(np.searchsorted(slots, np.append(runs.slots, counts.sum())))
    of_pass = (slots + np.repeat(runs.places - runs.slots, lengths)).astype(np.uint32)
    strata, places = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
    strata[order] = np.repeat(runs.strata, lengths)
    places[order] = orders.apply_in_turn(lengths, of_pass) + np.repeat(starts, lengths)
    return strata, places


def cells(shuffles: Permutations, counts: Ints) -> NDArray[np.unsignedinteger]:
    """Return the number of the (block, stratum) cell that is drawn from at each position of whole blocks.

    It is ``block * S + stratum``, in the narrowest type: numpy sorts 16-bit integers by radix.
    """
    numbers = np.arange(counts.size, dtype=np.min_scalar_type(counts.size - 1))
    of_slot = np.repeat(numbers, counts.ravel())
    return shuffled(shuffles, of_slot, np.empty_like(of_slot))


def shuffled(shuffles: Permutations, of_slot: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Shuffle the values of whole blocks' slots inside each block, into `out`."""
    starts = np.arange(len(shuffles.sizes)) * shuffles.sizes
    slots = np.add(shuffles.whole(), starts[:, None], dtype=np.intp)  # the type that take needs: no copy
    return of_slot.take(slots.ravel(), out=out, mode="clip")  # all are inside: clip only spares the check
