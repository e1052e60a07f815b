"""Who wins how often: mean ranks of the finalists, and which of them cannot be told apart."""

from equipoise.compare.report.finalist_plots import ranks_plot
from equipoise.compare.report.format import capital, counted, p_value, title_of_metric
from equipoise.compare.result import Ranks
from equipoise.pages.figure import inline_svg
from equipoise.pages.page import Cell, Head, HtmlFigure, HtmlTable, Section


def section(ranks: Ranks | None, metric: str, baseline: str, other: str) -> Section:
    """The section."""
    title = "Who wins how often?"
    if ranks is None:
        return Section(title, texts=["Ranks need three finalists or more."])
    name = title_of_metric(metric).name
    friedman = "They differ" if ranks.p_value < 0.05 else "That all are equally good is not ruled out"
    caption = (
        f"Mean rank by {name} over {counted(ranks.blocks, 'pair')} of task and seed; 1 is best. A bar joins candidates"
        f" whose ranks are nearer than the critical difference of {ranks.critical_difference:.2f}."
    )
    plot = ranks_plot(ranks.mean, ranks.critical_difference, baseline, other)
    rows = [[Cell(candidate), Cell(f"{rank:.2f}", number=rank)] for candidate, rank in ranks.mean.items()]
    return Section(
        title,
        texts=[
            (
                f"On each task and seed the finalists are ranked. {friedman} (Friedman's test,"
                f" {p_value(ranks.p_value)}). Candidates that a bar joins show no difference (Nemenyi's test at 5%)."
                " Seeds of one task are more alike than tasks are, so this picture is generous; read it beside the"
                " intervals."
            )
        ],
        figures=[HtmlFigure(inline_svg(plot, "ranks", caption), caption)],
        tables=[HtmlTable(f"{capital(name)}: mean ranks", [Head("candidate"), Head("mean rank")], rows, folded=True)],
    )
