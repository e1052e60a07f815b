"""Runs: stretches of consecutive draws of one pass of one stratum."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of whole blocks of the stream, block after block, stratum after stratum.

    The draws of the blocks in that order are called slots.

    Parameters
    ----------
    slots : ndarray of int64, shape (R,)
        First slot of each run.
    lengths : ndarray of int64, shape (R,)
    strata : ndarray of int64, shape (R,)
    passes : ndarray of int64, shape (R,)
        Pass of the stratum that the run belongs to.
    places : ndarray of int64, shape (R,)
        Place in the pass of the run's first draw.
    """

    slots: NDArray[np.int64]
    lengths: NDArray[np.int64]
    strata: NDArray[np.int64]
    passes: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def between(cls, ends: NDArray[np.int64], sizes: NDArray[np.int64]) -> "Runs":
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
