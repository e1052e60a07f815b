"""All candidates: how far each came, and what the test rows say of the finalists."""

from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.compare.report.format import capital, chosen, title_of_metric
from equipoise.compare.report.scores import estimate_cell
from equipoise.metrics import Estimate
from equipoise.pages.page import Cell, Head, HtmlTable, Section, View
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
        How many things it does that plain training does not.
    stages : tuple of Estimate
        The metric on validation rows in each stage; not measured where it was not trained.
    mean : dict of str to Estimate
        Metrics on the test rows, of the mean over the tasks; empty if it is no finalist.
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
    """All candidates, those that came furthest first."""

    metric: str
    draws: tuple[int, ...]
    metrics: tuple[str, ...]
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    recommended: str
    baseline: str


def gather(data: ComparisonData) -> CandidatesPart:
    """Gather all candidates."""
    result = data.result
    sign = 1 if title_of_metric(result.metric).less_is_better else -1
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
    )


def _row(data: ComparisonData, name: str, metrics: tuple[str, ...]) -> Row:
    result = data.result
    info, finalist = result.candidates[name], result.finalists.get(name)
    stages = tuple(mean_interval(stage.scores.get(name, ())) for stage in result.stages)
    mean = {key: data.estimate(name, key) for key in metrics} if finalist else {}
    tasks = {
        task: {key: data.estimate(name, key, task) for key in metrics if key in held}
        for task, held in (finalist.tasks.items() if finalist else ())
    }
    return Row(name, info.title, info.steps, stages, mean, tasks)


def section(part: CandidatesPart) -> Section:
    """The section."""
    name = capital(title_of_metric(part.metric).name)
    heads = [Head("candidate"), Head("steps")]
    heads += [Head(f"stage {place + 1}: {draws:,} draws") for place, draws in enumerate(part.draws)]
    heads += [Head(f"test: {title_of_metric(key).name}") for key in part.metrics]
    views = [View(MEAN, [_cells(part, row, row.mean) for row in part.rows])]
    if len(part.tasks) > 1:
        views += [View(task, [_cells(part, row, row.tasks.get(task, {})) for row in part.rows]) for task in part.tasks]
    titles = [[Cell(row.candidate), Cell(row.title)] for row in part.rows]
    return Section(
        "All candidates",
        texts=[
            (
                f"{name} on the validation rows decided in each stage who went on; these are means over the tasks."
                " Only finalists met the test rows. Steps count what a candidate does that plain training does"
                " not: of those within one standard error of the best, the one with the fewest is recommended."
            )
        ],
        tables=[
            HtmlTable(
                f"{title_of_metric(part.metric).name} by stage on validation rows, then finalists on test rows",
                heads,
                views=views,
                choice="Test scores of",
                sortable=True,
            ),
            HtmlTable(
                "What each candidate does", [Head("candidate"), Head("what it does", left=True)], titles, folded=True
            ),
        ],
    )


def _cells(part: CandidatesPart, row: Row, test: dict[str, Estimate]) -> list[Cell]:
    notes = {part.recommended: "recommended", part.baseline: "baseline"}
    if part.recommended == part.baseline:
        notes = {part.baseline: "baseline, recommended"}
    return [
        Cell(row.candidate, notes.get(row.candidate, "")),
        Cell(str(row.steps), number=row.steps),
        *(estimate_cell(each) for each in row.stages),
        *(estimate_cell(test.get(key, Estimate(None))) for key in part.metrics),
    ]
