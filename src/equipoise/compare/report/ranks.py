"""Mean ranks of the finalists, and which of them differ significantly."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from equipoise.compare.report.tradeoff import colour_of
from equipoise.compare.result import Ranks
from equipoise.metrics import metric_of
from equipoise.pages.figure import THEMED, Palette, drawing, inline_svg
from equipoise.pages.format import capital, cells, counted, heads, p_value
from equipoise.pages.page import HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import WIDTH, short
from equipoise.statistics import cliques


def section(ranks: Ranks | None, metric: str, baseline: str, other: str) -> Section:
    """Return the section of the page."""
    title = "Mean ranks"
    if ranks is None:
        return Section(title, texts=["Ranks need three finalists or more."])
    name = metric_of(metric).title
    friedman = "They differ" if ranks.p_value < 0.05 else "No difference between them is shown"
    caption = (
        f"Mean rank by {name} over {counted(ranks.blocks, 'pair')} of task and seed; 1 is best. A bar joins candidates"
        f" whose ranks differ by less than the critical difference of {ranks.critical_difference:.2f}."
    )
    plot = ranks_plot(ranks.mean, ranks.critical_difference, baseline, other)
    rows = [cells(candidate, f"{rank:.2f}") for candidate, rank in ranks.mean.items()]
    text = (
        f"The finalists are ranked on each pair of task and seed. {friedman} (Friedman's test,"
        f" {p_value(ranks.p_value)}). Candidates that a bar joins show no difference (Nemenyi's test at 5%). Seeds of"
        " one task are more similar than tasks are, so these tests are too optimistic; read them together with the"
        " intervals."
    )
    return Section(
        title,
        texts=[text],
        figures=[HtmlFigure(inline_svg(plot, "ranks", caption), caption)],
        tables=[HtmlTable(f"{capital(name)}: mean ranks", heads("candidate", "mean rank"), rows, folded=True)],
    )


def ranks_plot(
    ranks: Mapping[str, float], critical_difference: float, baseline: str, other: str, palette: Palette = THEMED
) -> Figure:
    """Plot mean ranks, with bars that join candidates within the critical difference.

    Parameters
    ----------
    ranks : mapping of str to float
        By candidate, best first.
    critical_difference : float
        Mean ranks that differ by less show no difference.
    baseline, other : str
        The two with their own colours.
    palette : Palette
        The colours.

    References
    ----------
    Demsar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", figure 1.
    """
    names, means = list(ranks), np.array(list(ranks.values()))
    groups = [(ranks[group[0]], ranks[group[-1]]) for group in cliques(ranks, critical_difference)]
    top = 0.8 + 0.45 * len(groups)  # bars are above the names, one a line
    with drawing(WIDTH, 0.9 + 0.26 * (len(names) + top), palette) as (figure, axes):
        rows = -np.arange(len(names), dtype=float)
        for name, mean, row in zip(names, means, rows, strict=True):
            colour = colour_of(name, baseline, other, palette)
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
