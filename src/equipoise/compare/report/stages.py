"""Shares over time: what a run with a schedule planned in each stage, and what it drew."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from equipoise.census import Stratum
from equipoise.compare.report.data import ComparisonData
from equipoise.compare.report.trained import draws_of
from equipoise.drawing import StratumIndex
from equipoise.pages.format import MINUS, cells, counted, heads
from equipoise.pages.page import HtmlFigure, HtmlTable, Section, View
from equipoise.runs.directory import RunDirectory
from equipoise.runs.sampling import sampler_of
from equipoise.schedule.picture import Band, Drawn, bands, picture, windows

MOST_STAGES = 12  # in the table; all are in the picture


@dataclass(frozen=True)
class StageShares:
    """One stage of a run: its first draw and its draws, and of each stratum the planned share and the actual draws."""

    at: int
    draws: int
    rates: str
    weights: str
    shares: tuple[float, ...]
    drawn: tuple[int, ...]


@dataclass(frozen=True)
class RunStages:
    """The stages of one run.

    Attributes
    ----------
    training : str
        The name of the training.
    decided : int or None
        The first draw of what was decided while the run trained; None if all was planned.
    cut : int or None
        The draws of a block, if the training ended inside one, before the shares of its last stage were exact.
    strata : tuple of Stratum
        Task and label of each place in the shares.
    stages : tuple of StageShares
        Those that were reached.
    ends : tuple of int
        The ends of windows of draws.
    drawn : tuple of tuple of int
        The draws of each stratum in each window.
    """

    training: str
    decided: int | None
    cut: int | None
    strata: tuple[Stratum, ...]
    stages: tuple[StageShares, ...]
    ends: tuple[int, ...]
    drawn: tuple[tuple[int, ...], ...]

    @property
    def furthest(self) -> float:
        """The largest difference, at the end of a stage, between a stratum's draws so far and its planned ones."""
        planned = np.cumsum([stage.draws * np.array(stage.shares) for stage in self.stages], axis=0)
        return float(np.abs(np.cumsum([stage.drawn for stage in self.stages], axis=0) - planned).max())


def gather(data: ComparisonData) -> tuple[RunStages, ...]:
    """Return the stages of the finalists, each in the run of its first seed; runs of a single plan are left out."""
    names = dict.fromkeys((*data.arms, *data.result.finalists))
    trainings = {data.result.candidates[name].training: data.runs(name)[0] for name in names}
    found = (_of_run(run, training) for training, run in trainings.items())
    return tuple(each for each in found if each is not None)


def _of_run(run: RunDirectory, training: str) -> RunStages | None:
    declared, used = run.read_plan(), run.read_drawn()
    if len(used.stages) == 1:
        return None
    draws = draws_of(run)
    sampler = sampler_of(run.read_config(), used, StratumIndex.from_sizes(used), draws)
    _, strata = sampler.of_all_ranks(0, draws)

    def counts(ends: Sequence[int]) -> list[tuple[int, ...]]:
        parts = (strata[begin:end] for begin, end in pairwise([0, *ends]))
        return [tuple(np.bincount(part, minlength=len(used.strata)).tolist()) for part in parts]

    reached = [stage for stage in used.stages if stage.at < draws]
    ends = [*(stage.at for stage in reached[1:]), draws]
    stages = tuple(
        StageShares(at, end - at, plan.rates_text, plan.weights_text, tuple(plan.probabilities.tolist()), drawn)
        for (at, plan), end, drawn in zip(reached, ends, counts(ends), strict=True)
    )
    planned = {(at, plan.fingerprint) for at, plan in declared.stages}
    decided = next((at for at, plan in reached if (at, plan.fingerprint) not in planned), None)
    block = sampler.batches.block(reached[-1].plan)
    cut = block if stages[-1].draws % block else None
    last = windows(used.stages, draws)
    return RunStages(training, decided, cut, used.strata, stages, tuple(last), tuple(counts(last)))


def sections(parts: tuple[RunStages, ...]) -> list[Section]:
    """Return the section of shares over time; none where all runs are of a single plan."""
    if not parts:
        return []
    return [
        Section(
            "Shares over the training",
            texts=[_text(part) for part in parts],
            figures=[_figure(part) for part in parts],
            tables=[_table(part) for part in parts],
        )
    ]


def _text(part: RunStages) -> str:
    decided = "" if part.decided is None else f" What it drew from draw {part.decided:,} on was decided in the run."
    cut = (
        ""
        if part.cut is None
        else f" The last one ended inside a block of {part.cut:,}, at whose end shares are exact."
    )
    return (
        f"{part.training} has {counted(len(part.stages), 'stage')}.{decided} At the end of every stage, the draws of"
        f" each label so far were within {part.furthest:.1f} of those planned.{cut}"
    )


def _figure(part: RunStages) -> HtmlFigure:
    drawn = Drawn(part.ends, np.array(part.drawn))
    begins = [stage.at for stage in part.stages]
    svg = picture(part.strata, begins, np.array([stage.shares for stage in part.stages]), part.ends[-1], drawn)
    caption = f"Shares of the draws of {part.training} over the training: bands are planned, dots were drawn."
    return HtmlFigure(Markup(svg), caption)  # noqa: S704 (the picture escapes)


def _table(part: RunStages) -> HtmlTable:
    _, chosen = bands(part.strata, np.array([stage.shares for stage in part.stages]))
    places = np.unique(np.linspace(0, len(part.stages) - 1, MOST_STAGES).round().astype(int)).tolist()
    some = f" of {len(places)} of the {len(part.stages):,} stages" if len(places) < len(part.stages) else ""
    return HtmlTable(
        f"{part.training}: planned and actual shares{some}",
        heads("task or label", "planned share", "drawn", "planned draws", "drawn", "difference"),
        views=[_view(part.stages[place], chosen, place) for place in places],
        choice=f"Stage of {part.training}",
    )


def _view(stage: StageShares, chosen: Sequence[Band], place: int) -> View:
    drawn = np.array(stage.drawn)
    rows = [
        cells(
            band.name,
            f"{band.shares[place]:.2%}",
            f"{drawn[band.strata].sum() / stage.draws:.2%}",
            f"{(planned := stage.draws * float(band.shares[place])):,.1f}",
            f"{(actual := int(drawn[band.strata].sum())):,}",
            "0.0" if abs(actual - planned) < 0.05 else f"{actual - planned:+.1f}".replace("-", MINUS),
        )
        for band in chosen
    ]
    return View(f"{place + 1}, draws {stage.at:,} to {stage.at + stage.draws:,}", rows)
