"""Reliability: how well probabilities agree with how often they are right."""

from dataclasses import dataclass

import numpy as np

from equipoise.calibration import ReliabilityTable, reliability_table
from equipoise.calibration.logs import safe_log
from equipoise.compare.report.data import ComparisonData
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import arm_heads, cells, counted, heads
from equipoise.pages.page import HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import reliability_plot

MOST_FIGURES = 12


@dataclass(frozen=True)
class Reliability:
    """The bins of one task of one candidate, all seeds together."""

    task: str
    candidate: str
    rows: int
    table: ReliabilityTable


def gather(data: ComparisonData) -> tuple[Reliability, ...]:
    """Return the bins of both arms, task by task; tasks without probabilities are left out."""
    first = data.predictions[data.result.baseline][0]
    return tuple(
        _of_task(data, task, arm)
        for task, part in first.items()
        if part.probabilities is not None and len(part.targets)
        for arm in data.arms
    )


def _of_task(data: ComparisonData, task: str, candidate: str) -> Reliability:
    log_probs, true = [], []
    for predictions in data.predictions[candidate]:
        part = predictions[task]
        assert part.probabilities is not None
        log_probs.append(safe_log(part.probabilities))
        # No answer is right for a label without training rows.
        true.append(np.array([part.labels.index(target) if target in part.labels else -1 for target in part.targets]))
    table = reliability_table(np.concatenate(log_probs), np.concatenate(true))
    return Reliability(task, candidate, sum(table.rows), table)


def section(parts: tuple[Reliability, ...]) -> Section:
    """Return the section of the page."""
    if not parts:
        return Section("Reliability of the probabilities", texts=["No task has probabilities."])
    tasks: dict[str, list[Reliability]] = {}
    for part in parts:
        tasks.setdefault(part.task, []).append(part)
    most = sorted(tasks, key=lambda task: -tasks[task][0].rows)[:MOST_FIGURES]
    pictured = [task for task in tasks if task in most]
    arms = [part.candidate for part in tasks[parts[0].task]]
    rows = [cells(task, *(part.table.ece for part in held)) for task, held in tasks.items()]
    bins = [
        cells(part.task, part.candidate, f"{place / table.bins:.2f} to {(place + 1) / table.bins:.2f}", *of_bin)
        for part in parts
        for table in (part.table,)
        for place, of_bin in enumerate(zip(table.rows, table.confidence, table.accuracy, strict=True))
        if of_bin[0]
    ]
    more = f" The {MOST_FIGURES} tasks with the most rows are plotted." if len(tasks) > MOST_FIGURES else ""
    text = (
        "Of the answers with a probability of 80%, 80% should be right. Rows are put into bins by the probability of"
        " their most probable label. On the diagonal probabilities are calibrated; below it the model is overconfident,"
        f" above it underconfident. The larger a dot, the more rows; small dots vary by chance.{more}"
    )
    of_bins = heads("task", "candidate", "probability", "rows", "mean probability", "right", left="candidate")
    caption = "Calibration error: mean distance from the diagonal (less is better)"
    return Section(
        "Reliability of the probabilities",
        texts=[text],
        figures=[_figure(task, tasks[task], place) for place, task in enumerate(pictured)],
        tables=[
            HtmlTable(caption, heads("task", *arm_heads(arms)), rows),
            HtmlTable("Every bin", of_bins, bins, folded=True),
        ],
    )


def _figure(task: str, parts: list[Reliability], place: int) -> HtmlFigure:
    plot = reliability_plot({part.candidate: part.table.dots for part in parts})
    caption = f"{task}: {counted(parts[0].rows, 'row')}"
    return HtmlFigure(inline_svg(plot, f"reliability-{place}", f"Reliability of {caption}"), caption)
