"""Planned and actual draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.compare.report.census import shown
from equipoise.compare.report.curves import logged
from equipoise.compare.report.data import ComparisonData
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import NOT_MEASURED, cells, heads
from equipoise.pages.page import Head, HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import shares_plot
from equipoise.runs.directory import RunDirectory
from equipoise.runs.sampling import count_draws


@dataclass(frozen=True)
class Drawn:
    """One stratum in one run: its share of the plan, its planned draws, and its actual draws."""

    task: str
    label: str | None
    rows: int
    share: float
    planned: float
    drawn: int
    passes: float | None


@dataclass(frozen=True)
class RunShares:
    """The draws of one run; `block` is the number of draws after which the shares hold."""

    training: str
    seed: int
    draws: int
    block: int
    rates: str
    weights: str
    strata: tuple[Drawn, ...]

    @property
    def furthest(self) -> float:
        """The largest difference between planned and actual draws of a stratum."""
        return max(abs(each.drawn - each.planned) for each in self.strata)


def gather(data: ComparisonData) -> tuple[RunShares, ...]:
    """Return the draws of natural sampling and of the other arm, each in the run of its first seed."""
    trainings = {data.result.candidates[name].training: name for name in reversed(data.arms)}
    return tuple(_of_run(data.runs(name)[0], training) for training, name in reversed(trainings.items()))


def drawn_of(run: RunDirectory) -> NDArray[np.int64]:
    """Count, without reading the data, how often a finished run drew each stratum of its plan.

    The draws are a function of plan, seed and position alone; their number is that of the last logged step.
    """
    config, plan = run.read_config(), run.read_plan()
    draws = max(line["step"] for line in logged(run)) * config.training.batch_size
    return count_draws(config, plan, draws)


def _of_run(run: RunDirectory, training: str) -> RunShares:
    plan, drawn = run.read_plan(), drawn_of(run)
    draws = int(drawn.sum())
    strata = tuple(
        Drawn(task, label, rows, share, draws * share, count, count / rows if rows else None)
        for (task, label), rows, share, count in zip(
            plan.strata, plan.counts.tolist(), plan.probabilities.tolist(), drawn.tolist(), strict=True
        )
    )
    return RunShares(training, run.read_config().seed, draws, plan.block, plan.rates_text, plan.weights_text, strata)


def section(parts: tuple[RunShares, ...]) -> Section:
    """Return the section of the page."""
    columns = heads("task", "label", "training rows", left="label")
    texts = [
        (
            "The plan sets the share of each label, and the sampler follows it. One pass draws every row of a label"
            " once on average."
        )
    ]
    for part, tone in zip(parts, ("first", "second"), strict=False):
        columns += [Head(f"{part.training}: planned", tone), Head("drawn", tone), Head("passes", tone)]
        texts.append(
            f"{part.training} (rates {part.rates}, weights {part.weights}): after {part.draws:,} draws with seed"
            f" {part.seed}, the largest difference between planned and actual draws of a label was {part.furthest:.1f}."
        )
    rows = [
        cells(*(each[0].task, shown(each[0].label), each[0].rows), *(text for run in each for text in _texts(run)))
        for each in zip(*(part.strata for part in parts), strict=True)
    ]
    caption = "Every label: planned draws, actual draws and passes"
    return Section(
        "Planned and drawn",
        texts=texts,
        figures=[_figure(part, place) for place, part in enumerate(parts)],
        tables=[HtmlTable(caption, columns, rows, folded=len(rows) > 12)],
    )


def _texts(each: Drawn) -> tuple[str, str, str]:
    passes = NOT_MEASURED if each.passes is None else f"{each.passes:.2f}"
    return f"{each.planned:,.1f}", f"{each.drawn:,}", passes


def _figure(part: RunShares, place: int) -> HtmlFigure:
    total = sum(each.rows for each in part.strata)
    names = list(dict.fromkeys(each.task for each in part.strata))
    kinds = {"in the data": "rows", "planned": "share", "drawn": "drawn"}
    whole = {"rows": total, "share": 1.0, "drawn": part.draws}
    by_task = {
        kind: [sum(getattr(each, key) for each in part.strata if each.task == name) / whole[key] for name in names]
        for kind, key in kinds.items()
    }
    caption = f"Shares of the tasks in {part.training}: of the training rows, of the plan, and of the draws."
    return HtmlFigure(inline_svg(shares_plot(names, by_task, "share"), f"shares-{place}", caption), caption)
