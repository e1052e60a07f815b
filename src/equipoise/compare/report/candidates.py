"""All candidates: the stages that each reached, and the test scores of the finalists."""

from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import Estimate, metric_of
from equipoise.metrics.known import title_of
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import capital, cells, chosen, heads, listed
from equipoise.pages.page import Cell, HtmlFigure, HtmlTable, Section, View
from equipoise.pages.plots import curves_plot
from equipoise.statistics import mean_interval

MEAN = "the mean over the tasks"


@dataclass(frozen=True)
class Row:
    """One candidate.

    Attributes
    ----------
    candidate, title : str
        Its name, and what it does.
    steps : int
        How many steps it adds to plain training.
    stages : tuple of Estimate
        The metric on validation rows in each stage; not measured where it was not trained.
    mean : dict of str to Estimate
        Metrics on the test rows, means over the tasks; empty if it is not a finalist.
    tasks : dict of str to dict of str to Estimate
        The same of each task.
    """

    candidate: str
    title: str
    steps: int
    stages: tuple[Estimate, ...]
    mean: dict[str, Estimate]
    tasks: dict[str, dict[str, Estimate]]


@dataclass(frozen=True)
class CandidatesPart:
    """All candidates, those that reached the last stage first."""

    metric: str
    draws: tuple[int, ...]
    metrics: tuple[str, ...]
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    recommended: str
    baseline: str
    arms: tuple[str, ...]
    alarm_rate: float


def gather(data: ComparisonData) -> CandidatesPart:
    """Return all candidates."""
    result = data.result
    sign = -metric_of(result.metric).sign
    metrics = chosen(result.metric, result.finalists[result.baseline].test)
    rows = [_row(data, name, metrics) for name in result.candidates]

    def order(row: Row) -> tuple[float, ...]:
        reached = [place for place, each in enumerate(row.stages) if each.value is not None]
        last = row.stages[reached[-1]].value if reached else None
        return (-(reached[-1] if reached else -1), 0.0 if last is None else sign * last, row.steps)

    return CandidatesPart(
        result.metric,
        tuple(stage.draws for stage in result.stages),
        metrics,
        tuple(data.tasks),
        tuple(sorted(rows, key=order)),
        result.recommended,
        result.baseline,
        tuple(data.arms),
        data.config.evaluation.alarm_rate,
    )


def _row(data: ComparisonData, name: str, metrics: tuple[str, ...]) -> Row:
    result = data.result
    info, finalist = result.candidates[name], result.finalists.get(name)
    stages = tuple(
        mean_interval(stage.scores.get(name, ()), limits=metric_of(result.metric).bounds) for stage in result.stages
    )
    mean = {key: data.estimate(name, key) for key in metrics} if finalist else {}
    tasks = {
        task: {key: data.estimate(name, key, task) for key in metrics if key in held}
        for task, held in (finalist.tasks.items() if finalist else ())
    }
    return Row(name, info.title, info.steps, stages, mean, tasks)


def section(part: CandidatesPart) -> Section:
    """Return the section of the page."""
    name = metric_of(part.metric).title
    columns = heads(
        *("candidate", "changes"),
        *(f"stage {place}: {draws:,} draws" for place, draws in enumerate(part.draws, start=1)),
        *(f"test: {title_of(key, part.alarm_rate)}" for key in part.metrics),
    )
    views = [View(MEAN, [_row_of(part, row, row.mean) for row in part.rows])]
    if len(part.tasks) > 1:
        views += [View(task, [_row_of(part, row, row.tasks.get(task, {})) for row in part.rows]) for task in part.tasks]
    text = (
        f"In each stage, candidates were selected by {name} on the validation rows, as the mean over the tasks. Only"
        " finalists were evaluated on the test rows. Changes are how many things a candidate does that plain training"
        " does not: of those within one standard error of the best, the one with the fewest is recommended."
    )
    caption = f"{capital(name)} by stage on validation rows, then test scores of the finalists"
    titles = [cells(row.candidate, row.title) for row in part.rows]
    described = heads("candidate", "what it does", left="what it does")
    return Section(
        "All candidates",
        texts=[text],
        figures=_figures(part),
        tables=[
            HtmlTable(caption, columns, views=views, choice="Test scores of", sortable=True),
            HtmlTable("What each candidate does", described, titles, folded=True),
        ],
    )


def _figures(part: CandidatesPart) -> list[HtmlFigure]:
    """Return the picture of the metric by the draws of a training, of the candidates that the page compares."""
    name = metric_of(part.metric).title
    curves = {
        row.candidate: ([*part.draws], [each.value for each in row.stages if each.value is not None])
        for row in sorted(part.rows, key=lambda row: row.candidate != part.baseline)
        if row.candidate in part.arms
    }
    if len(part.draws) < 2 or any(len(values) < len(part.draws) for _, values in curves.values()):
        return []
    caption = (
        f"{capital(name)} on validation rows after trainings of {listed(f'{draws:,}' for draws in part.draws)} draws."
    )
    return [HtmlFigure(inline_svg(curves_plot(curves, name), "by-draws", caption), caption)]


def _row_of(part: CandidatesPart, row: Row, test: dict[str, Estimate]) -> list[Cell]:
    notes = {part.recommended: "recommended", part.baseline: "baseline"}
    if part.recommended == part.baseline:
        notes = {part.baseline: "baseline, recommended"}
    name = Cell(row.candidate, notes.get(row.candidate, ""))
    return cells(name, row.steps, *row.stages, *(test.get(key) for key in part.metrics))
