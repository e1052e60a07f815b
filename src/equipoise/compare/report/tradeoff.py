"""Good answers against good probabilities: the finalists in one picture."""

from dataclasses import dataclass

from equipoise.compare.report.finalist_plots import tradeoff_plot
from equipoise.compare.report.opened import Opened
from equipoise.compare.report.words import counted
from equipoise.metrics import Estimate
from equipoise.pages.figure import inline_svg
from equipoise.pages.page import HtmlFigure, Section


@dataclass(frozen=True)
class Dot:
    """One finalist, on the test rows."""

    candidate: str
    macro_f1: Estimate
    log_loss: Estimate


@dataclass(frozen=True)
class TradeoffPart:
    """All finalists that have both numbers."""

    dots: tuple[Dot, ...]
    baseline: str
    other: str
    seeds: int


def gather(opened: Opened) -> TradeoffPart:
    """Gather the dots."""
    result = opened.result
    dots = tuple(
        Dot(name, opened.estimate(name, "macro_f1"), opened.estimate(name, "log_loss")) for name in result.finalists
    )
    measured = tuple(dot for dot in dots if dot.macro_f1.value is not None and dot.log_loss.value is not None)
    return TradeoffPart(measured, result.baseline, opened.other, len(result.seeds))


def section(part: TradeoffPart) -> Section:
    """The section."""
    title = "Answers or probabilities?"
    if not part.dots:
        return Section(title, texts=["No finalist has both macro-F1 and log-loss: no task has labels."])
    dots = {dot.candidate: (_ends(dot.macro_f1), _ends(dot.log_loss)) for dot in part.dots}
    plot = tradeoff_plot(dots, part.baseline, part.other)
    bars = f" Bars: 95% intervals over {part.seeds} seeds." if part.seeds > 1 else ""
    caption = f"Every finalist on the test rows, mean over the tasks; the best place is below on the right.{bars}"
    text = (
        "Macro-F1 judges the answers, and counts rare labels in full; log-loss judges the probabilities. A method may"
        f" be good at one and bad at the other: {counted(len(part.dots), 'finalist')}, one dot each. The numbers are in"
        " the table of all candidates."
    )
    return Section(title, texts=[text], figures=[HtmlFigure(inline_svg(plot, "tradeoff", caption), caption)])


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.value is not None
    if estimate.low is None or estimate.high is None:
        return estimate.value, estimate.value, estimate.value
    return estimate.value, estimate.low, estimate.high
