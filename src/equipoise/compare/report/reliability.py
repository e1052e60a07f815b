"""Reliability: how well probabilities agree with how often they are right."""

from dataclasses import dataclass

import numpy as np

from equipoise.calibration import ReliabilityTable, reliability_table
from equipoise.calibration.logs import safe_log
from equipoise.compare.report.data import ComparisonData
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import arm_heads, counted, number
from equipoise.pages.page import Cell, Head, HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import reliability_plot

MOST_FIGURES = 12
BIN = ("task", "candidate", "probability", "rows", "mean probability", "right")


@dataclass(frozen=True)
class Reliability:
    """The bins of one task of one candidate, all seeds together."""

    task: str
    candidate: str
    rows: int
    table: ReliabilityTable


def gather(data: ComparisonData) -> tuple[Reliability, ...]:
    """Return the bins of both arms, task by task; tasks without probabilities are left out."""
    first = data.predictions(data.result.baseline)[0]
    return tuple(
        _of_task(data, task, arm)
        for task, part in first.items()
        if part.probabilities is not None and len(part.targets)
        for arm in data.arms
    )


def _of_task(data: ComparisonData, task: str, candidate: str) -> Reliability:
    log_probs, true = [], []
    for predictions in data.predictions(candidate):
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
    pictured = sorted(tasks, key=lambda task: -tasks[task][0].rows)[:MOST_FIGURES]
    figures = [
        _figure(task, tasks[task], place) for place, task in enumerate(name for name in tasks if name in pictured)
    ]
    arms = [part.candidate for part in next(iter(tasks.values()))]
    heads = [Head("task"), *arm_heads(arms)]
    rows = [[Cell(task), *(Cell(number(part.table.ece)) for part in held)] for task, held in tasks.items()]
    bins = [
        [
            Cell(part.task), Cell(part.candidate),
            Cell(f"{place / part.table.bins:.2f} to {(place + 1) / part.table.bins:.2f}"),
            Cell(f"{held:,}"), Cell(number(part.table.confidence[place])), Cell(number(part.table.accuracy[place])),
        ]
        for part in parts
        for place, held in enumerate(part.table.rows)
        if held
    ]  # fmt: skip
    bin_heads = [Head(text, left=text == "candidate") for text in BIN]
    more = f" The {MOST_FIGURES} tasks with the most rows are plotted." if len(tasks) > MOST_FIGURES else ""
    return Section(
        "Reliability of the probabilities",
        texts=[
            (
                "Of the answers with a probability of 80%, 80% should be right. Rows are put into bins by the"
                " probability of their most probable label. On the diagonal probabilities are calibrated; below it the"
                " model is overconfident, above it underconfident. The larger a dot, the more rows; small dots vary by"
                f" chance.{more}"
            )
        ],
        figures=figures,
        tables=[
            HtmlTable("Calibration error: mean distance from the diagonal (less is better)", heads, rows),
            HtmlTable("Every bin", bin_heads, bins, folded=True),
        ],
    )


def _figure(task: str, parts: list[Reliability], place: int) -> HtmlFigure:
    plot = reliability_plot({part.candidate: part.table.dots for part in parts})
    caption = f"{task}: {counted(parts[0].rows, 'row')}"
    return HtmlFigure(inline_svg(plot, f"reliability-{place}", f"Reliability of {caption}"), caption)
