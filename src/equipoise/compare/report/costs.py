"""The costs of the comparison, and of training all candidates in full."""

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.compare.result import RunCost
from equipoise.pages.format import cells, counted, duration, heads
from equipoise.pages.page import Cell, HtmlTable, Section


@dataclass(frozen=True)
class Cost:
    """The costs of all runs of one length."""

    draws_each: int
    trainings: int
    runs: int
    draws: int
    tokens: int
    flops: float
    training_seconds: float
    scoring_seconds: float


@dataclass(frozen=True)
class CostsPart:
    """Costs by length of the runs, and in total.

    Attributes
    ----------
    lengths : tuple of Cost
        One for each number of draws, the shortest first.
    total : Cost
        All runs; `draws_each` is 0.
    in_full : int
        The draws of training all in full with all seeds.
    flops_in_full : float
        Their floating-point operations, at the mean cost of a draw of each training.
    """

    lengths: tuple[Cost, ...]
    total: Cost
    in_full: int
    flops_in_full: float


def gather(data: ComparisonData) -> CostsPart:
    """Return the costs."""
    result = data.result
    lengths = sorted({run.draws for run in result.runs})
    of_draw = {run.training: run.flops / run.draws for run in result.runs}
    in_full = len(result.seeds) * result.stages[-1].draws
    return CostsPart(
        tuple(_sum(draws, [run for run in result.runs if run.draws == draws]) for draws in lengths),
        _sum(0, result.runs),
        len(of_draw) * in_full,
        sum(of_draw.values()) * in_full,
    )


def _sum(draws: int, runs: Sequence[RunCost]) -> Cost:
    return Cost(
        draws,
        len({run.training for run in runs}),
        len(runs),
        sum(run.draws for run in runs),
        sum(run.tokens for run in runs),
        sum(run.flops for run in runs),
        *(sum(run.seconds.get(kind, 0.0) for run in runs) for kind in ("training", "scoring")),
    )


def section(part: CostsPart) -> Section:
    """Return the section of the page."""
    saved = 1 - part.total.draws / part.in_full
    computed = 1 - part.total.flops / part.flops_in_full
    gain = (
        f" That is {saved:.0%} less than the {part.in_full:,} draws of training all in full with all seeds, and"
        f" {abs(computed):.0%} {'fewer' if computed > 0 else 'more'} floating-point operations."
        if saved > 0
        else f" Training all in full with all seeds is {part.in_full:,} draws."
    )
    columns = heads(
        *("draws of a run", "trainings", "runs", "draws in total", "tokens", "teraFLOPs", "training time"),
        "scoring time",
    )
    rows = [_row(f"{each.draws_each:,}", each) for each in part.lengths]
    return Section(
        "Costs",
        texts=[f"{counted(part.total.runs, 'run')} drew {counted(part.total.draws, 'example')}.{gain}"],
        tables=[HtmlTable("Costs by length of the runs", columns, rows, total=_row("all", part.total))],
    )


def _row(name: str, cost: Cost) -> list[Cell]:
    return cells(
        *(name, cost.trainings, cost.runs, cost.draws, cost.tokens, f"{cost.flops / 1e12:,.1f}"),
        *(duration(cost.training_seconds), duration(cost.scoring_seconds)),
    )
