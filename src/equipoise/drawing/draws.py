"""Draws: strata or dataset rows at any stretch of the stream, a pure function of (plan, index, seed, position)."""

import numpy as np
from numpy.typing import NDArray

from equipoise.base.values import integer
from equipoise.drawing.apportion import LENGTH
from equipoise.drawing.batches import Mixed
from equipoise.drawing.index import StratumIndex
from equipoise.drawing.labelled import check_sizes, on_rows
from equipoise.errors import PlanError
from equipoise.schedule import Drawable


def draws(plan: Drawable, index: StratumIndex, seed: int, first: int, last: int) -> NDArray[np.int64]:
    """Return the row numbers of draws `first` to `last - 1` of the endless stream.

    The stream is cut into blocks of ``plan.block`` draws. In every block each stratum has an integer number of draws,
    so that at a block's end no stratum is a whole draw or more from its exact share in practice; inside a block the
    order is shuffled. A stratum's draws are passes over all of its examples, in an order that is new for each pass.
    Any stretch is computed without the draws before it.

    Parameters
    ----------
    plan : Plan or Schedule
        What to draw.
    index : StratumIndex
        The dataset's rows, grouped by the plan's strata.
    seed : int
        Any integer; streams of different seeds are unrelated.
    first, last : int
        ``0 <= first <= last <= 2**59``.

    Returns
    -------
    ndarray of int64, shape (last - first,)

    Raises
    ------
    PlanError
        If the index does not have the plan's counts, or the stretch is not inside the stream.

    Examples
    --------
    >>> from equipoise import Census, Plan, StratumIndex, draws, rates
    >>> tasks = ["large"] * 6 + ["small"] * 2
    >>> labels = ["no", "no", "no", "no", "yes", "yes", "no", "yes"]
    >>> plan = Plan.build(Census.from_labels(tasks, labels), rates=rates.Equal())
    >>> index = StratumIndex.from_labels(plan, tasks, labels)
    >>> rows = draws(plan, index, seed=0, first=0, last=2048)
    >>> int((rows >= 6).sum())  # half of the draws are of the small task
    1024
    >>> bool((draws(plan, index, seed=0, first=1000, last=2048) == rows[1000:]).all())
    True
    """
    check_sizes(plan, index)
    seed = integer("seed", seed, PlanError)
    stream = Mixed().stream(on_rows(plan.stages, index), seed)
    return index.rows_of_entries(stream.entries_at(_stretch(first, last), index.starts))


def draw_strata(plan: Drawable, seed: int, first: int, last: int) -> NDArray[np.int64]:
    """Return the stratum of draws `first` to `last - 1` of the endless stream.

    For your own datasets, one for each stratum: it tells from which to take the next example. The stream is that of
    `draws`, and no index is needed.

    Parameters
    ----------
    plan : Plan or Schedule
        What to draw.
    seed : int
        Any integer; streams of different seeds are unrelated.
    first, last : int
        ``0 <= first <= last <= 2**59``.

    Returns
    -------
    ndarray of int64, shape (last - first,)
        Positions in ``plan.strata``.

    Raises
    ------
    PlanError
        If the stretch is not inside the stream.

    Examples
    --------
    >>> from equipoise import Census, Plan, draw_strata, rates
    >>> plan = Plan.build(Census.from_counts({"large": 1_000_000, "small": 10}), rates=rates.Equal())
    >>> sources = draw_strata(plan, seed=0, first=0, last=4096)
    >>> [plan.strata[source].task for source in sources[:4]]
    ['large', 'small', 'small', 'small']
    >>> np.bincount(sources).tolist()
    [2048, 2048]
    """
    return Mixed().stream(plan.stages, integer("seed", seed, PlanError)).strata_at(_stretch(first, last))


def _stretch(first: int, last: int) -> NDArray[np.int64]:
    first, last = integer("first", first, PlanError), integer("last", last, PlanError)
    if not 0 <= first <= last <= LENGTH:
        raise PlanError(
            "outside-the-stream",
            f"`first` and `last` must be 0 <= first <= last <= 2**59, found {first} and {last}. "
            "Positions count the draws of the whole training, over all ranks.",
        )
    return np.arange(first, last)
