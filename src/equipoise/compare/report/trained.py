"""What was drawn in training, planned and actual, and the learning curves: validation loss over draws."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.compare.report.census import shown
from equipoise.compare.report.data import ComparisonData, text_of_file
from equipoise.compare.titles import shares_words
from equipoise.errors import RunError
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import NOT_MEASURED, cells, counted, heads
from equipoise.pages.page import Head, HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import curves_plot, shares_plot
from equipoise.runs.directory import RunDirectory
from equipoise.runs.planning import short_of_a_block
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
    """The draws of one run.

    `block` is the number of draws after which the shares hold, `shares` names them, and `short` says if it has fewer.
    """

    training: str
    seed: int
    draws: int
    block: int
    shares: str
    strata: tuple[Drawn, ...]
    short: str

    @property
    def furthest(self) -> float:
        """The largest difference between planned and actual draws of a stratum."""
        return max(abs(each.drawn - each.planned) for each in self.strata)


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


def gather_shares(data: ComparisonData) -> tuple[RunShares, ...]:
    """Return the draws of natural sampling and of the other arm, each in the run of its first seed."""
    trainings = {data.result.candidates[name].training: name for name in reversed(data.arms)}
    return tuple(_of_run(data.runs(name)[0], training) for training, name in reversed(trainings.items()))


def draws_of(run: RunDirectory) -> int:
    """Return the draws of a finished run, of which the last step is in its log."""
    return max(line["step"] for line in logged(run)) * run.read_config().training.batch_size


def drawn_of(run: RunDirectory) -> NDArray[np.int64]:
    """Count, without reading the data, how often a finished run drew each stratum of its plan.

    The draws are a function of plan, seed and position alone.
    """
    return count_draws(run.read_config(), run.read_drawn(), draws_of(run))


def _of_run(run: RunDirectory, training: str) -> RunShares:
    drawn = drawn_of(run)
    draws = int(drawn.sum())
    used = run.read_drawn()
    plan, block = used.average(draws), max(each.block for _, each in used.stages)
    strata = tuple(
        Drawn(task, label, rows, share, draws * share, count, count / rows if rows else None)
        for (task, label), rows, share, count in zip(
            plan.strata, plan.counts.tolist(), plan.probabilities.tolist(), drawn.tolist(), strict=True
        )
    )
    config = run.read_config()
    short = short_of_a_block(config, used, draws)
    return RunShares(training, config.seed, draws, block, shares_words(config.plan), strata, short)


def gather_curves(data: ComparisonData) -> tuple[Curve, ...]:
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


def shares_section(parts: tuple[RunShares, ...]) -> Section:
    """Return the section of planned and actual draws."""
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
            f"{part.training} ({part.shares}): after {part.draws:,} draws with seed"
            f" {part.seed}, the largest difference between planned and actual draws of a label was {part.furthest:.1f}."
            f" {part.short}".rstrip()
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


def curves_section(curves: tuple[Curve, ...]) -> Section:
    """Return the section of the learning curves."""
    if not curves:
        return Section("Learning curves", texts=["No validation loss was logged: training.validate_every is not set."])
    plot = curves_plot(
        {each.training: (each.draws, each.mean) for each in curves},
        "validation loss",
        single={each.training: each.losses for each in curves if len(each.losses) > 1},
    )
    seeds = max(len(each.losses) for each in curves)
    lines = f" Thick: the mean over {counted(seeds, 'seed')}; thin: each of them." if seeds > 1 else ""
    caption = f"Loss on a few validation rows of each label, so that rare labels are visible.{lines}"
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
