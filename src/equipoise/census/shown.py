"""How a census is shown: its picture on matplotlib axes, and its table in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from equipoise.base.plots import LONG, PRINTED, axes_for, count_bars, extremes, row_height, spans_decades
from equipoise.base.tables import html_table
from equipoise.census.strata import Stratum, names_of

if TYPE_CHECKING:
    from equipoise.base.plots import Axes

_COLUMNS: Mapping[str, Callable[[tuple[Stratum, int]], str]] = {
    "task": lambda cell: cell[0].task,
    "label": lambda cell: cell[0].label or "-",
    "count": lambda cell: f"{cell[1]:,}",
}


def plot_counts(ax: Axes | None, strata: Sequence[Stratum], counts: npt.NDArray[np.int64]) -> Axes:
    """Draw a bar for each stratum, as `Census.plot` does."""
    places, note = extremes(counts, "labels")
    names, decades = names_of(strata), spans_decades(counts)
    with axes_for(ax, row_height(len(places))) as axes:
        shown = counts[places].tolist()
        count_bars(axes, [names[at] for at in places], shown, PRINTED, decades=decades, longest=LONG)
        axes.set(xlabel="rows (logarithmic)" if decades else "rows", title=f"Rows of each label{note}")
    return axes


def html_of(strata: Sequence[Stratum], counts: npt.NDArray[np.int64]) -> str:
    """Return a table of the counts as HTML."""
    return html_table(_COLUMNS, list(zip(strata, counts.tolist(), strict=True)))
