"""Macro-F1 and log-loss of all finalists in one plot."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import METRICS, Estimate
from equipoise.pages.figure import THEMED, Palette, drawing, inline_svg
from equipoise.pages.format import counted, ends
from equipoise.pages.page import HtmlFigure, Section
from equipoise.pages.plots import WIDTH, Interval


@dataclass(frozen=True)
class Dot:
    """One finalist, on the test rows."""

    candidate: str
    macro_f1: Estimate
    log_loss: Estimate


@dataclass(frozen=True)
class TradeoffPart:
    """All finalists that have both metrics."""

    dots: tuple[Dot, ...]
    baseline: str
    other: str
    seeds: int


def gather(data: ComparisonData) -> TradeoffPart:
    """Return the dots."""
    result = data.result
    dots = tuple(
        Dot(name, data.estimate(name, "macro_f1"), data.estimate(name, "log_loss")) for name in result.finalists
    )
    measured = tuple(dot for dot in dots if dot.macro_f1.value is not None and dot.log_loss.value is not None)
    return TradeoffPart(measured, result.baseline, data.other, len(result.seeds))


def section(part: TradeoffPart) -> Section:
    """Return the section of the page."""
    title = "Answers and probabilities"
    if not part.dots:
        return Section(title, texts=["No finalist has both macro-F1 and log-loss: no task has labels."])
    dots = {dot.candidate: (ends(dot.macro_f1, point=True), ends(dot.log_loss, point=True)) for dot in part.dots}
    plot = tradeoff_plot(dots, part.baseline, part.other)
    bars = f" Bars: 95% intervals over {part.seeds} seeds." if part.seeds > 1 else ""
    caption = f"Every finalist on the test rows, mean over the tasks; the best corner is the lower right.{bars}"
    text = (
        "Macro-F1 measures the answers, and counts rare labels as much as frequent ones; log-loss measures the"
        f" probabilities. A candidate may be good at one and bad at the other: {counted(len(part.dots), 'finalist')},"
        " one dot each. The numbers are in the table of all candidates."
    )
    return Section(title, texts=[text], figures=[HtmlFigure(inline_svg(plot, "tradeoff", caption), caption)])


def tradeoff_plot(
    dots: Mapping[str, tuple[Interval, Interval]], baseline: str, other: str, palette: Palette = THEMED
) -> Figure:
    """Plot log-loss over macro-F1: a numbered dot for each candidate, its name beneath the axes.

    Parameters
    ----------
    dots : mapping of str to pair of Interval
        For each candidate its macro-F1 and its log-loss.
    baseline, other : str
        The two with their own colours.
    palette : Palette
        The colours.
    """
    with drawing(WIDTH, 3.6 + 0.2 * len(dots), palette) as (figure, axes):
        handles: list[Line2D] = []
        for place, (name, ((x, x_low, x_high), (y, y_low, y_high))) in enumerate(dots.items(), start=1):
            colour = colour_of(name, baseline, other, palette)
            axes.errorbar(
                x, y, xerr=np.abs([[x - x_low], [x_high - x]]), yerr=np.abs([[y - y_low], [y_high - y]]),
                fmt="o", color=colour, markersize=5, linewidth=1.2, alpha=0.9,
            )  # fmt: skip
            axes.annotate(str(place), (x, y), (5, 4), textcoords="offset points", fontsize=9, color=colour)
            text = f"{place}  {name}"
            handles.append(Line2D([], [], marker="o", linestyle="", color=colour, markersize=5, label=text))
        axes.margins(0.12)
        axes.set_xlabel(f"{METRICS['macro_f1'].title} (more is better)")
        axes.set_ylabel(f"{METRICS['log_loss'].title} (less is better)")
        figure.legend(handles=handles, loc="outside lower left", handletextpad=0.1, labelspacing=0.3)
    return figure


def colour_of(name: str, baseline: str, other: str, palette: Palette) -> str:
    """Return the colour of a candidate: the baseline's, the other arm's, or that of the rest."""
    return palette.first if name == baseline else palette.second if name == other else palette.third
