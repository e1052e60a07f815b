"""Independent draws, with replacement: position -> stratum and example, a pure function of (plan, seed, position)."""

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.base.words import words
from equipoise.drawing.stream import DrawnStream
from equipoise.plan import Plan


class IndependentStream(DrawnStream):
    """Strata and examples drawn independently of each other, each example of a stratum with the same probability.

    The distribution of torch's WeightedRandomSampler with ``replacement=True``, at any position of an endless stream.
    Strata are chosen by their exact integer masses: no rate is rounded.

    Parameters
    ----------
    plan : Plan
        What to draw.
    seed : int
        Any integer. Streams of different seeds are unrelated.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> stream = IndependentStream(Plan.build(Census.from_counts({"a": {"x": 9, "y": 1}})), seed=0)
    >>> strata, places = stream.at(np.arange(5, 9))
    >>> np.array_equal(stream.at(np.arange(7, 8))[0], strata[2:3])
    True
    """

    def __init__(self, plan: Plan, seed: int) -> None:
        self._key = int(key("independent", seed))
        self._ends = np.cumsum(plan.masses)
        self._counts = plan.counts

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return stratum and place in the stratum of the draws at rising positions; shapes as in `DrawnStream.at`."""
        chosen = words(self._key, positions, each=2)
        # The masses sum to 2**60: the top 60 bits of a word choose among them without rounding.
        strata = np.searchsorted(self._ends, (chosen[:, 0] >> np.uint64(4)).astype(np.int64), side="right")
        uniform = (chosen[:, 1] >> np.uint64(11)).astype(np.float64) * 2.0**-53
        places = np.minimum((uniform * self._counts[strata]).astype(np.int64), self._counts[strata] - 1)
        return strata, places

    def used(self, position: int) -> NDArray[np.int64]:  # noqa: ARG002 - nothing, wherever
        """Return zeros: independent draws use nothing up."""
        return np.zeros_like(self._counts)
