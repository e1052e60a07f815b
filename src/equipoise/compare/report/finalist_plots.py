"""Plots of all finalists at once: one measure against another, and their ranks."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from equipoise.pages.figure import THEMED, Palette, drawing
from equipoise.pages.plots import WIDTH, Interval, short
from equipoise.statistics import cliques


def tradeoff_plot(
    dots: Mapping[str, tuple[Interval, Interval]], baseline: str, other: str, palette: Palette = THEMED
) -> Figure:
    """Draw log-loss over macro-F1: a numbered dot for each candidate, its name beneath the axes.

    Parameters
    ----------
    dots : mapping of str to pair of Interval
        For each candidate its macro-F1 and its log-loss.
    baseline, other : str
        The two that are told apart by colour.
    palette : Palette
        The colours.
    """
    with drawing(WIDTH, 3.6 + 0.2 * len(dots), palette) as (figure, axes):
        handles: list[Line2D] = []
        for place, (name, ((x, x_low, x_high), (y, y_low, y_high))) in enumerate(dots.items(), start=1):
            colour = _colour(name, baseline, other, palette)
            axes.errorbar(
                x, y, xerr=np.abs([[x - x_low], [x_high - x]]), yerr=np.abs([[y - y_low], [y_high - y]]),
                fmt="o", color=colour, markersize=5, linewidth=1.2, alpha=0.9,
            )  # fmt: skip
            axes.annotate(str(place), (x, y), (5, 4), textcoords="offset points", fontsize=9, color=colour)
            text = f"{place}  {name}"
            handles.append(Line2D([], [], marker="o", linestyle="", color=colour, markersize=5, label=text))
        axes.margins(0.12)
        axes.set_xlabel("macro-F1 (more is better)")
        axes.set_ylabel("log-loss (less is better)")
        figure.legend(handles=handles, loc="outside lower left", handletextpad=0.1, labelspacing=0.3)
    return figure


def ranks_plot(
    ranks: Mapping[str, float], critical_difference: float, baseline: str, other: str, palette: Palette = THEMED
) -> Figure:
    """Draw mean ranks with bars that join what lies within the critical difference.

    Parameters
    ----------
    ranks : mapping of str to float
        By candidate, best first.
    critical_difference : float
        Means nearer than this show no difference.
    baseline, other : str
        The two that are told apart by colour.
    palette : Palette
        The colours.

    References
    ----------
    Demsar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", figure 1.
    """
    names, means = list(ranks), np.array(list(ranks.values()))
    groups = [(ranks[group[0]], ranks[group[-1]]) for group in cliques(ranks, critical_difference)]
    top = 0.8 + 0.45 * len(groups)  # bars stand in lines of their own above the names
    with drawing(WIDTH, 0.9 + 0.26 * (len(names) + top), palette) as (figure, axes):
        rows = -np.arange(len(names), dtype=float)
        for name, mean, row in zip(names, means, rows, strict=True):
            colour = _colour(name, baseline, other, palette)
            axes.plot([mean, mean], [row, top], color=palette.line, linewidth=0.8, zorder=1)
            axes.plot([mean], [row], "o", color=colour, markersize=6, zorder=3)
            axes.annotate(f"{mean:.2f}", (mean, row), (7, 0), textcoords="offset points", va="center", fontsize=9)
        for place, (first, last) in enumerate(groups):
            level = 0.8 + 0.45 * place
            axes.plot([first, last], [level, level], color=palette.ink, linewidth=4, solid_capstyle="round", zorder=2)
        axes.set_yticks(rows, [short(name) for name in names])
        axes.set_ylim(-len(names) + 0.4, top)
        axes.set_xlim(0.8, len(names) + 0.2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.spines["top"].set_visible(True)
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("mean rank (1 is best)")
    return figure


def _colour(name: str, baseline: str, other: str, palette: Palette) -> str:
    return palette.first if name == baseline else palette.second if name == other else palette.third
