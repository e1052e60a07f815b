"""Independent draws: the distribution of torch's WeightedRandomSampler, at any position of an endless stream."""

from collections.abc import Sequence

import numpy as np

from equipoise.base.keys import key
from equipoise.base.words import words
from equipoise.drawing.drawn import DrawnStream
from equipoise.drawing.placing import Ints
from equipoise.plan import Stage


class IndependentStream(DrawnStream):
    """Strata and examples drawn independently of each other, each example of a stratum with the same probability.

    The distribution of torch's WeightedRandomSampler with ``replacement=True``, at any position of an endless stream.
    Strata are chosen by their exact integer masses: no rate is rounded.

    Parameters
    ----------
    stages : sequence of Stage
        What to draw from which position on; the first begins where the stream does.
    seed : int
        Any integer. Streams of different seeds are unrelated.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"a": {"x": 9, "y": 1}}), weights="natural")
    >>> stream = IndependentStream(plan.stages, seed=0)
    >>> strata, places = stream.at(np.arange(5, 9))
    >>> np.array_equal(stream.at(np.arange(7, 8))[0], strata[2:3])
    True
    """

    def __init__(self, stages: Sequence[Stage], seed: int) -> None:
        self._key = int(key("independent", seed))
        self._begins = [stage.at for stage in stages]
        self._ends = [np.cumsum(stage.plan.masses) for stage in stages]
        self._counts = stages[0].plan.counts

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return stratum and place in the stratum of the draws at rising positions; shapes as in `DrawnStream.at`."""
        chosen = words(self._key, positions, each=2)
        # The masses sum to 2**60: the top 60 bits of a word choose among them without rounding.
        marks = (chosen[:, 0] >> np.uint64(4)).astype(np.int64)
        cuts = [0, *np.searchsorted(positions, self._begins[1:]).tolist(), len(positions)]
        strata = np.concatenate(
            [
                np.searchsorted(ends, marks[first:last], side="right")
                for ends, first, last in zip(self._ends, cuts, cuts[1:], strict=False)
            ]
        )
        uniform = (chosen[:, 1] >> np.uint64(11)).astype(np.float64) * 2.0**-53
        places = np.minimum((uniform * self._counts[strata]).astype(np.int64), self._counts[strata] - 1)
        return strata, places

    def used(self, position: int) -> Ints:  # noqa: ARG002 - nothing, wherever
        """Return zeros: independent draws use nothing up."""
        return np.zeros_like(self._counts)
