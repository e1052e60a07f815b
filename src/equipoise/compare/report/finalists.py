"""The finalists in one plot of macro-F1 and log-loss, and their mean ranks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from equipoise.base.plots import SHORT, short
from equipoise.compare.findings import Ranks
from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import METRICS, Estimate, metric_of
from equipoise.pages.figure import THEMED, drawing, inline_svg
from equipoise.pages.format import capital, cells, counted, ends, heads, p_value
from equipoise.pages.page import HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import WIDTH, Interval
from equipoise.statistics import cliques


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
    dots = (Dot(name, data.estimate(name, "macro_f1"), data.estimate(name, "log_loss")) for name in result.finalists)
    measured = tuple(dot for dot in dots if dot.macro_f1.value is not None and dot.log_loss.value is not None)
    return TradeoffPart(measured, result.baseline, data.result.other, len(result.seeds))


def tradeoff_section(part: TradeoffPart) -> Section:
    """Return the section of macro-F1 and log-loss."""
    title = "Answers and probabilities"
    if not part.dots:
        return Section(title, texts=["No finalist has both macro-F1 and log-loss: no task has labels."])
    dots = {dot.candidate: (ends(dot.macro_f1, point=True), ends(dot.log_loss, point=True)) for dot in part.dots}
    plot = _tradeoff_plot(dots, part.baseline, part.other)
    bars = f" Bars: 95% intervals over {part.seeds} seeds." if part.seeds > 1 else ""
    caption = f"Every finalist on the test rows, mean over the tasks; the best corner is the lower right.{bars}"
    text = (
        "Macro-F1 measures the answers, and counts rare labels as much as frequent ones; log-loss measures the"
        f" probabilities. A candidate may be good at one and bad at the other: {counted(len(part.dots), 'finalist')},"
        " one dot each. The numbers are in the table of all candidates."
    )
    return Section(title, texts=[text], figures=[HtmlFigure(inline_svg(plot, "tradeoff", caption), caption)])


def ranks_section(ranks: Ranks | None, metric: str, baseline: str, other: str) -> Section:
    """Return the section of the mean ranks."""
    title = "Mean ranks"
    if ranks is None:
        return Section(title, texts=["Ranks need three finalists or more."])
    name = metric_of(metric).title
    friedman = "They differ" if ranks.p_value < 0.05 else "No difference between them is shown"
    caption = (
        f"Mean rank by {name} over {counted(ranks.blocks, 'pair')} of task and seed; 1 is best. A bar joins candidates"
        f" whose ranks differ by less than the critical difference of {ranks.critical_difference:.2f}."
    )
    plot = _ranks_plot(ranks, baseline, other)
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


def _tradeoff_plot(dots: Mapping[str, tuple[Interval, Interval]], baseline: str, other: str) -> Figure:
    """Plot log-loss over macro-F1: a numbered dot for each candidate, its name beneath the axes."""
    with drawing(WIDTH, 3.6 + 0.2 * len(dots)) as (figure, axes):
        handles: list[Line2D] = []
        for place, (name, ((x, x_low, x_high), (y, y_low, y_high))) in enumerate(dots.items(), start=1):
            colour = _colour(name, baseline, other)
            axes.errorbar(
                x, y, xerr=np.abs([[x - x_low], [x_high - x]]), yerr=np.abs([[y - y_low], [y_high - y]]),
                fmt="o", color=colour, markersize=5, linewidth=1.2, alpha=0.9,
            )  # fmt: skip
            axes.annotate(str(place), (x, y), (5, 4), textcoords="offset points", fontsize=9, color=colour)
            text = f"{place}  {name}"
            handles.append(Line2D([], [], marker="o", linestyle="", color=colour, markersize=5, label=text))
        axes.margins(0.12)
        names = [METRICS[key].title for key in ("macro_f1", "log_loss")]
        axes.set(xlabel=f"{names[0]} (more is better)", ylabel=f"{names[1]} (less is better)")
        figure.legend(handles=handles, loc="outside lower left", handletextpad=0.1, labelspacing=0.3)
    return figure


def _ranks_plot(ranks: Ranks, baseline: str, other: str) -> Figure:
    """Plot mean ranks, with bars that join candidates within the critical difference.

    References
    ----------
    Demsar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", figure 1.
    """
    count = len(ranks.mean)
    groups = cliques(ranks.mean, ranks.critical_difference)
    top = 0.8 + 0.45 * len(groups)  # bars are above the names, one a line
    with drawing(WIDTH, 0.9 + 0.26 * (count + top)) as (figure, axes):
        rows = -np.arange(count, dtype=float)
        for (name, mean), row in zip(ranks.mean.items(), rows, strict=True):
            axes.plot([mean, mean], [row, top], color=THEMED.line, linewidth=0.8, zorder=1)
            axes.plot([mean], [row], "o", color=_colour(name, baseline, other), markersize=6, zorder=3)
            axes.annotate(f"{mean:.2f}", (mean, row), (7, 0), textcoords="offset points", va="center", fontsize=9)
        for place, group in enumerate(groups):
            ends_of, level = [ranks.mean[group[0]], ranks.mean[group[-1]]], 0.8 + 0.45 * place
            axes.plot(ends_of, [level, level], color=THEMED.ink, linewidth=4, solid_capstyle="round", zorder=2)
        axes.set_yticks(rows, [short(name, SHORT) for name in ranks.mean])
        axes.set(xlabel="mean rank (1 is best)", xlim=(0.8, count + 0.2), ylim=(-count + 0.4, top))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.spines["top"].set_visible(True)
        axes.spines[["bottom", "left"]].set_visible(False)
        axes.grid(visible=False)
        axes.tick_params(axis="y", length=0)
    return figure


def _colour(name: str, baseline: str, other: str) -> str:
    return THEMED.first if name == baseline else THEMED.second if name == other else THEMED.third
