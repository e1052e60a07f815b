"""A small, label-balanced part of the validation rows, to watch a training by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROWS_PER_STRATUM = 20


def validation_rows(
    tasks: Sequence[str], labels: Sequence[str | None], seed: int, most: int = ROWS_PER_STRATUM
) -> NDArray[np.int64]:
    """Choose up to `most` rows of every stratum, in a way that the seed alone decides.

    The loss on them shows rare labels as much as common ones; it is for watching, never for judging.

    Parameters
    ----------
    tasks, labels : sequence of str
        Of every validation row; the label of an open-ended task is None.
    seed : int
        Decides the choice.
    most : int
        Rows of one stratum.

    Returns
    -------
    int64 array
        Row numbers, ascending.

    Examples
    --------
    >>> validation_rows(["a"] * 5, ["no"] * 4 + ["yes"], seed=0, most=2).tolist()[-1]
    4
    """
    shuffled = np.random.default_rng(seed).permutation(len(tasks))
    taken: dict[tuple[str, str | None], int] = {}
    chosen: list[int] = []
    rows: list[int] = shuffled.tolist()
    for row in rows:
        stratum = (tasks[row], labels[row])
        if taken.setdefault(stratum, 0) < most:
            taken[stratum] += 1
            chosen.append(row)
    return np.sort(np.array(chosen, dtype=np.int64))
