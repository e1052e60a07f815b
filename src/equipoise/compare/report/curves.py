"""Learning curves: validation loss over draws."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.compare.report.data import ComparisonData, text_of_file
from equipoise.errors import RunError
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import cells, counted, heads
from equipoise.pages.page import HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import curves_plot
from equipoise.runs.directory import RunDirectory


@dataclass(frozen=True)
class Curve:
    """The validation loss of one training, of each seed at the same draws."""

    training: str
    draws: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]

    @property
    def mean(self) -> list[float]:
        """The mean over the seeds."""
        return np.mean(self.losses, axis=0).tolist()


def gather(data: ComparisonData) -> tuple[Curve, ...]:
    """Return the curves of the trainings of both arms; those without a logged validation loss are left out."""
    arms = {data.result.candidates[name].training: name for name in data.arms}
    found: list[Curve] = []
    for training, name in arms.items():
        runs = data.runs(name)
        batch = runs[0].read_config().training.batch_size
        seeds = [[line for line in logged(run) if line.get("eval_loss") is not None] for run in runs]
        length = min(map(len, seeds))
        if length:
            losses = tuple(tuple(line["eval_loss"] for line in lines[:length]) for lines in seeds)
            found.append(Curve(training, tuple(line["step"] * batch for line in seeds[0][:length]), losses))
    return tuple(found)


def logged(run: RunDirectory) -> list[dict[str, Any]]:
    """Read the log of a training.

    Raises
    ------
    RunError
        If it is missing, empty or damaged.
    """
    text = text_of_file(run.metrics)
    try:
        lines = [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise RunError("not-json", f"`{run.metrics}` must hold one JSON object per line: {error}.") from error
    if not lines:
        raise RunError("empty-file", f"`{run.metrics}` must hold the log of the training, found it empty.")
    return lines


def section(curves: tuple[Curve, ...]) -> Section:
    """Return the section of the page."""
    if not curves:
        return Section("Learning curves", texts=["No validation loss was logged: training.validate_every is not set."])
    plot = curves_plot(
        {each.training: (each.draws, each.mean) for each in curves},
        "validation loss",
        single={each.training: each.losses for each in curves if len(each.losses) > 1},
    )
    seeds = max(len(each.losses) for each in curves)
    lines = f" Thick: the mean over {counted(seeds, 'seed')}; thin: each of them." if seeds > 1 else ""
    caption = f"Loss on up to 20 validation rows of each label, so that rare labels are visible.{lines}"
    tables = [
        HtmlTable(
            f"Validation loss of {each.training}, mean over {counted(len(each.losses), 'seed')}",
            heads("draws", "loss"),
            [cells(f"{draws:,.0f}", loss) for draws, loss in zip(each.draws, each.mean, strict=True)],
            folded=True,
        )
        for each in curves
    ]
    return Section(
        "Learning curves",
        texts=["A curve that still falls at its end would improve with more draws; one that rises is overfitting."],
        figures=[HtmlFigure(inline_svg(plot, "curves", caption), caption)],
        tables=tables,
    )
