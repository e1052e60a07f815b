"""Results of each label: recall, precision, F1 and numbers of rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import Estimate, LabelScores
from equipoise.metrics.known import LABEL_METRICS
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import arm_heads, cells, heads
from equipoise.pages.page import HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import recall_plot
from equipoise.statistics import mean_interval


@dataclass(frozen=True)
class LabelResult:
    """One label of one candidate: means over the seeds, or of one seed with intervals from resampled groups."""

    task: str
    label: str
    train: int
    test: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True)
class LabelsPart:
    """By candidate, with the labels in the same order."""

    arms: dict[str, tuple[LabelResult, ...]]


def gather(data: ComparisonData) -> LabelsPart:
    """Return the labels of both arms; open-ended tasks have none."""
    return LabelsPart(
        {
            name: tuple(
                _result(task, [scores.tasks[task].labels[place] for scores in seeds])
                for task, held in seeds[0].tasks.items()
                for place in range(len(held.labels))
            )
            for name, seeds in data.scores.items()
        }
    )


def _result(task: str, seeds: Sequence[LabelScores]) -> LabelResult:
    first = seeds[0]
    found: dict[str, list[Estimate]] = {name: [getattr(each, name) for each in seeds] for name in LABEL_METRICS}
    values = {
        name: each[0]
        if len(seeds) == 1
        else replace(mean_interval([of_seed.value for of_seed in each]), rows=_fewest(each))
        for name, each in found.items()
    }
    return LabelResult(task, first.label, first.train_count or 0, first.support, **values)


def _fewest(estimates: Sequence[Estimate]) -> int | None:
    return min((each.rows for each in estimates if each.rows is not None), default=None)


def section(part: LabelsPart) -> Section:
    """Return the section of the page."""
    arms = list(part.arms)
    if not part.arms[arms[0]]:
        return Section("Results of each label", texts=["No task has labels."])
    measured = [head for title in LABEL_METRICS.values() for head in arm_heads(arms, title)]
    rows = [
        cells(
            *(each[0].task, each[0].label, each[0].train, each[0].test),
            *(getattr(label, name) for name in LABEL_METRICS for label in each),
        )
        for each in zip(*part.arms.values(), strict=True)
    ]
    points = {
        arm: (
            [each.train for each in labels],
            [math.nan if each.recall.value is None else each.recall.value for each in labels],
        )
        for arm, labels in part.arms.items()
    }
    joins = " A line joins the two dots of a label." if len(arms) == 2 else ""
    caption = f"Recall of each label over its number of training rows.{joins}"
    text = (
        "Recall is the share of a label's rows that is found, precision the share of its predictions that is right; F1"
        " is their harmonic mean. Labels without test rows are not measured. Numbers from fewer than 10 rows say so."
    )
    columns = heads("task", "label", "training rows", "test rows", *measured, left="label")
    return Section(
        "Results of each label",
        texts=[text],
        figures=[HtmlFigure(inline_svg(recall_plot(points), "recall", caption), caption)],
        tables=[HtmlTable("Every label, with 95% intervals", columns, rows, folded=len(rows) > 12, sortable=True)],
    )
