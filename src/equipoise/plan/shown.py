"""How a plan and its forecast are shown: pictures on matplotlib axes, and the table of a plan in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.base.masses import WHOLE
from equipoise.base.plots import axes_for, extremes, pass_bars, row_height, share_pairs, spans_decades
from equipoise.base.tables import html_table
from equipoise.census import Stratum
from equipoise.census.strata import names_of
from equipoise.rates.base import FloatArray

if TYPE_CHECKING:
    from equipoise.base.plots import Axes

_COLUMNS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "task": lambda cell: cell["task"],
    "label": lambda cell: cell["label"] or "-",
    "count": lambda cell: f"{cell['count']:,}",
    "draws": lambda cell: f"{cell['mass'] / WHOLE:.2%}",
    "target": lambda cell: f"{cell['target_mass'] / WHOLE:.2%}",
}


def plot_shares(ax: Axes | None, strata: Sequence[Stratum], data: FloatArray, draws: FloatArray) -> Axes:
    """Draw the shares of each stratum in the data and in the draws, as `Plan.plot` does."""
    places, note = extremes(data, "labels")
    names, decades = names_of(strata), spans_decades(np.array([data, draws]))
    with axes_for(ax, row_height(len(places)) + 0.2) as axes:
        share_pairs(axes, [names[at] for at in places], data[places], draws[places], decades=decades)
        axes.set_xlabel(f"share{' (logarithmic)' if decades else ''}{note}")
    return axes


def plot_passes(ax: Axes | None, strata: Sequence[Stratum], passes: FloatArray, many: float, draws: int) -> Axes:
    """Draw the passes over the rows of each stratum, as `Forecast.plot` does; more than `many` stand out."""
    places, note = extremes(passes, "labels")
    names = names_of(strata)
    with axes_for(ax, row_height(len(places))) as axes:
        pass_bars(axes, [names[at] for at in places], passes[places], many)
        axes.set_title(f"Passes over the rows of each label in {draws:,} draws{note}")
    return axes


def html_of(cells: Sequence[dict[str, Any]]) -> str:
    """Return a table of the cells of a plan as HTML."""
    return html_table(_COLUMNS, cells)
