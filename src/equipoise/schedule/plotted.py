"""A picture of a schedule on matplotlib axes: the bands of `equipoise.schedule.picture`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from equipoise.base.plots import PRINTED, axes_for, percent, whole
from equipoise.schedule.picture import COLOURS, SAME, Band, change_of, short_name

if TYPE_CHECKING:
    from equipoise.base.plots import Axes


def plot_bands(ax: Axes | None, title: str, chosen: Sequence[Band], begins: Sequence[int], draws: int) -> Axes:
    """Draw bands over a number of draws, with a legend that says how the share of each changes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    title : str
    chosen : sequence of Band
    begins : sequence of int
        The first draw of each stage.
    draws : int
        All stages begin before it.
    """
    edges = np.repeat([*begins, draws], 2)[1:-1]  # each stage from its first draw to that of the next
    shares = np.array([band.shares for band in chosen])
    total = shares.sum(axis=0)
    others = f" (all others: {change_of(1 - total)})" if (1 - total).max() > SAME else ""
    tops = np.cumsum(shares[::-1], axis=0)[::-1].repeat(2, axis=1)  # the first one is at the top, as in the legend
    lows = np.vstack([tops[1:], np.zeros(len(edges))])
    with axes_for(ax, 3.4 + 0.2 * len(chosen)) as axes:
        for band, low, high, colour in zip(chosen, lows, tops, COLOURS, strict=False):
            name = f"{short_name(band.name)}: {change_of(band.shares)}"
            axes.fill_between(edges, low, high, color=colour, alpha=0.85, linewidth=0, label=name)
        axes.set(title=f"{title}{others}", xlabel="draws", xlim=(0, draws), ylim=(0, total.max()))
        axes.xaxis.set_major_formatter(whole)
        axes.yaxis.set_major_formatter(percent)
        axes.grid(visible=False)
        legend = axes.legend(loc="upper left", bbox_to_anchor=(0, -0.18), borderpad=0, labelcolor=PRINTED.ink)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return axes
