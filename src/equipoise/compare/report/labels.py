"""Results label by label: how much of it is found, how often it is right, and how rare it is."""

import math
from dataclasses import dataclass

from equipoise.compare.report.opened import Opened
from equipoise.compare.report.scores import estimate_cell
from equipoise.metrics import Estimate, LabelScores
from equipoise.pages.figure import inline_svg
from equipoise.pages.page import Cell, Head, HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import recall_plot
from equipoise.statistics import mean_interval

NAMES = ("recall", "precision", "f1")


@dataclass(frozen=True)
class LabelResult:
    """One label of one candidate: means over the seeds, or one seed with intervals of resampled groups."""

    task: str
    label: str
    train: int
    test: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True)
class LabelsPart:
    """By candidate, in the same order of labels."""

    arms: dict[str, tuple[LabelResult, ...]]


def gather(opened: Opened) -> LabelsPart:
    """Gather the labels of both arms; open-ended tasks have none."""
    return LabelsPart({name: _of_candidate(opened, name) for name in opened.arms})


def _of_candidate(opened: Opened, name: str) -> tuple[LabelResult, ...]:
    seeds = opened.scores(name)
    return tuple(
        _result(task, tuple(scores.tasks[task].labels[place] for scores in seeds))
        for task, held in seeds[0].tasks.items()
        for place in range(len(held.labels))
    )


def _result(task: str, seeds: tuple[LabelScores, ...]) -> LabelResult:
    first = seeds[0]
    recall, precision, f1 = (
        getattr(first, name) if len(seeds) == 1 else mean_interval(tuple(getattr(each, name).value for each in seeds))
        for name in NAMES
    )
    return LabelResult(task, first.label, first.train_count or 0, first.support, recall, precision, f1)


def section(part: LabelsPart) -> Section:
    """The section."""
    arms = list(part.arms)
    if not part.arms[arms[0]]:
        return Section("Label by label", texts=["No task has labels."])
    heads = [Head("task"), Head("label", left=True), Head("training rows"), Head("test rows")]
    for shown in ("recall", "precision", "F1"):
        heads += [Head(f"{shown}, {arm}", tone) for arm, tone in zip(arms, ("first", "second"), strict=False)]
    rows = [
        [
            Cell(each[0].task),
            Cell(each[0].label),
            Cell(f"{each[0].train:,}", number=each[0].train),
            Cell(f"{each[0].test:,}", number=each[0].test),
            *(estimate_cell(getattr(label, name)) for name in NAMES for label in each),
        ]
        for each in zip(*part.arms.values(), strict=True)
    ]
    points = {
        arm: (
            [each.train for each in labels],
            [math.nan if each.recall.value is None else each.recall.value for each in labels],
        )
        for arm, labels in part.arms.items()
    }
    joins = " A line joins its two dots." if len(arms) == 2 else ""
    caption = f"Each dot is a label: how much of it is found, by how rare it is.{joins}"
    return Section(
        "Label by label",
        texts=[
            (
                "Recall is the part of a label's rows that is found; precision, how often the answer is right when it"
                " is given; F1 joins the two. Labels without test rows are not measured."
            )
        ],
        figures=[HtmlFigure(inline_svg(recall_plot(points), "recall", caption), caption)],
        tables=[HtmlTable("Every label, with 95% intervals", heads, rows, folded=len(rows) > 12, sortable=True)],
    )
