"""Results of each label: recall, precision, F1 and numbers of rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import Estimate, LabelScores
from equipoise.metrics.curves import CURVES
from equipoise.metrics.known import LABEL_METRICS, title_of
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
    auroc: Estimate
    average_precision: Estimate
    recall_at_alarm_rate: Estimate


@dataclass(frozen=True)
class LabelsPart:
    """By candidate, with the labels in the same order; and the share of false alarms of the recall at it."""

    arms: dict[str, tuple[LabelResult, ...]]
    alarm_rate: float


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
        },
        data.config.evaluation.alarm_rate,
    )


def _result(task: str, seeds: Sequence[LabelScores]) -> LabelResult:
    first = seeds[0]
    found: dict[str, list[Estimate]] = {name: [getattr(each, name) for each in seeds] for name in LABEL_METRICS}
    values = {
        name: each[0]
        if len(seeds) == 1
        else replace(mean_interval([of_seed.value for of_seed in each], limits=(0, 1)), rows=_fewest(each))
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
    answers = [name for name in LABEL_METRICS if name not in CURVES]
    tables = [_table(part, "Every label, with 95% intervals", answers)]
    if any(label.auroc.value is not None for labels in part.arms.values() for label in labels):
        text += (
            " The second table shows how well the probability of a label ranks the rows, whatever the answers: AUROC is"
            " how often one of its rows is ranked above another row (0.5 is chance), average precision the mean"
            " precision at its rows (chance is its share), and the last is the recall at the threshold at which"
            f" {100 * part.alarm_rate:.4g} % of the other rows would be false alarms."
        )
        tables.append(_table(part, "Ranking of the rows by the probability of each label", CURVES))
    return Section(
        "Results of each label",
        texts=[text],
        figures=[HtmlFigure(inline_svg(recall_plot(points), "recall", caption), caption)],
        tables=tables,
    )


def _table(part: LabelsPart, caption: str, names: Sequence[str]) -> HtmlTable:
    titles = [title_of(name, part.alarm_rate) for name in names]
    measured = [head for title in titles for head in arm_heads(part.arms, title)]
    columns = heads("task", "label", "training rows", "test rows", *measured, left="label")
    rows = [
        cells(
            *(each[0].task, each[0].label, each[0].train, each[0].test),
            *(getattr(label, name) for name in names for label in each),
        )
        for each in zip(*part.arms.values(), strict=True)
    ]
    return HtmlTable(caption, columns, rows, folded=len(rows) > 12, sortable=True)
