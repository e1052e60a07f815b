"""The tasks and labels of the data, and how imbalanced they are."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from equipoise.compare.report.data import ComparisonData
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import cells, heads, ratio
from equipoise.pages.page import HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import census_plot

MOST_BARS = 40


@dataclass(frozen=True)
class LabelCount:
    """Numbers of rows of one label; `label` is None for an open-ended task."""

    task: str
    label: str | None
    train: int
    test: int
    share: float
    """Of the task's training rows."""


@dataclass(frozen=True)
class TaskCount:
    """Numbers of rows of one task; `imbalance` is largest over smallest label, None if it has no labels."""

    task: str
    train: int
    share: float
    labels: int
    smallest: int | None
    imbalance: float | None


@dataclass(frozen=True)
class CensusPart:
    """Counts of tasks and of labels."""

    tasks: tuple[TaskCount, ...]
    labels: tuple[LabelCount, ...]


def gather(data: ComparisonData) -> CensusPart:
    """Return the counts."""
    plan = data.plan(data.result.baseline)
    tested = Counter[tuple[str, str | None]]()
    for name, part in data.predictions[data.result.baseline][0].items():
        tested.update((name, label if part.labels else None) for label in part.targets)
    counts: dict[tuple[str, str | None], int] = dict(zip(plan.strata, plan.counts.tolist(), strict=True))
    of_task = Counter[str]()
    for (task, _), count in counts.items():
        of_task[task] += count
    strata = dict.fromkeys((*counts, *sorted(set(tested) - set(counts), key=str)))
    labels = tuple(
        LabelCount(task, label, held := counts.get((task, label), 0), tested[task, label], held / max(of_task[task], 1))
        for task, label in sorted(strata, key=lambda each: (each[0], each[1] or ""))
    )
    return CensusPart(tuple(_task(name, labels, of_task[name], of_task.total()) for name in plan.tasks), labels)


def _task(name: str, labels: tuple[LabelCount, ...], rows: int, total: int) -> TaskCount:
    counts = [each.train for each in labels if each.task == name and each.label is not None and each.train]
    smallest = min(counts, default=None)
    imbalance = max(counts) / smallest if smallest else None
    return TaskCount(name, rows, rows / max(total, 1), len(counts), smallest, imbalance)


def section(part: CensusPart) -> Section:
    """Return the section of the page."""
    tasks = [
        cells(
            *(each.task, each.train, f"{each.share:.1%}", str(each.labels) if each.labels else "open-ended"),
            *(each.smallest, ratio(each.imbalance)),
        )
        for each in part.tasks
    ]
    labels = [cells(each.task, shown(each.label), each.train, f"{each.share:.2%}", each.test) for each in part.labels]
    what, names, counts = _bars(part)
    caption = f"Training rows of each {what}, on a logarithmic axis."
    return Section(
        "The data",
        texts=["Imbalance is the number of rows of the most frequent label of a task over that of the rarest."],
        figures=[HtmlFigure(inline_svg(census_plot(names, counts), "census", caption), caption)],
        tables=[
            HtmlTable("Tasks", heads("task", "training rows", "share", "labels", "smallest label", "imbalance"), tasks),
            HtmlTable(
                "Every label",
                heads("task", "label", "training rows", "share of task", "test rows", left="label"),
                labels,
                folded=True,
            ),
        ],
    )


def _bars(part: CensusPart) -> tuple[str, list[str], list[int | None]]:
    """Return what has bars, labels below their task or tasks, and the names and numbers of the rows."""
    counted = [each for each in part.labels if each.train]
    if not 0 < len(counted) <= MOST_BARS:
        return "task", [each.task for each in part.tasks], [each.train for each in part.tasks]
    rows: list[tuple[str, int | None]] = []
    for task, labels in groupby(counted, key=lambda each: each.task):
        rows += [(task, None), *((shown(each.label), each.train) for each in labels)]
    names, counts = zip(*rows, strict=True)
    return "label", list(names), list(counts)


def shown(label: str | None) -> str:
    """Return the name of a label for a table; an open-ended task has none."""
    return "(open-ended)" if label is None else label
