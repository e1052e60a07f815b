"""Results of the baseline and of the other arm: the mean over the tasks, and of each task."""

from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.compare.result import SignedRank
from equipoise.metrics import METRICS, Estimate, metric_of
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import (
    arm_heads,
    capital,
    chosen,
    counted,
    ends,
    estimate_cell,
    interval,
    number,
    p_value,
    signed,
)
from equipoise.pages.page import Cell, Head, HtmlFigure, HtmlTable, Section
from equipoise.pages.plots import interval_plot

NONE = Estimate(None)


@dataclass(frozen=True)
class Pair:
    """One metric of both, and their difference: over seeds, and over resampled groups of test rows."""

    metric: str
    task: str | None
    before: Estimate
    after: Estimate
    over_seeds: Estimate
    over_groups: Estimate


@dataclass(frozen=True)
class ScoresPart:
    """Both arms, side by side.

    Attributes
    ----------
    baseline, other : str
        The arms.
    mean, tasks : tuple of Pair
        Of the mean over the tasks, and of each task.
    signed_rank : SignedRank or None
        The test of the metric over pairs of task and seed.
    seeds : int
        How many trainings of each.
    """

    metric: str
    baseline: str
    other: str
    mean: tuple[Pair, ...]
    tasks: tuple[Pair, ...]
    signed_rank: SignedRank | None
    seeds: int

    @property
    def arms(self) -> tuple[str, ...]:
        """Both, or the baseline alone where no other candidate was trained in full."""
        return tuple(dict.fromkeys((self.baseline, self.other)))


def gather(data: ComparisonData) -> ScoresPart:
    """Return the scores of both arms."""
    result, other = data.result, data.other
    versus = result.versus.get(other)
    finalist = result.finalists[result.baseline]

    def pair(key: str, task: str | None) -> Pair:
        groups = {} if versus is None else versus.groups if task is None else versus.tasks.get(task, {})
        seeds = versus.seeds.get(key, NONE) if versus is not None and task is None else NONE
        before, after = (data.estimate(name, key, task) for name in (result.baseline, other))
        return Pair(key, task, before, after, seeds, groups.get(key, NONE))

    return ScoresPart(
        metric=result.metric,
        baseline=result.baseline,
        other=other,
        mean=tuple(pair(key, None) for key in chosen(result.metric, finalist.test)),
        tasks=tuple(
            pair(key, task)
            for key in chosen(result.metric, finalist.test)
            for task, metrics in finalist.tasks.items()
            if key in metrics
        ),
        signed_rank=None if versus is None else versus.signed_rank,
        seeds=len(result.seeds),
    )


def section(part: ScoresPart) -> Section:
    """Return the section of the page."""
    keys = [pair.metric for pair in part.mean]
    by_metric = {key: [pair for pair in part.tasks if pair.metric == key] for key in keys}
    figures = [_figure(part, key, by_metric[key]) for key in _pictured(part.metric, by_metric)]
    tables = [_mean_table(part)]
    for key in keys:
        described = metric_of(key)
        better = "less" if described.less_is_better else "more"
        rows = [_row(part, pair.task or "", pair) for pair in by_metric[key]]
        caption = f"{capital(described.title)} of each task ({better} is better); intervals of differences over groups"
        if rows:
            tables.append(HtmlTable(caption, _heads(part, "task"), rows, folded=key != part.metric, stacked=True))
    return Section("Results", texts=_texts(part), figures=figures, tables=tables)


def _texts(part: ScoresPart) -> list[str]:
    texts = [f"All numbers are of the test rows, for {' and '.join(part.arms)}."]
    if part.seeds > 1:
        texts.append(
            f"Intervals over seeds, from {part.seeds} trainings, show the variance between seeds; intervals over"
            " groups, from resampled groups of test rows such as patients, show the variance between test sets. A"
            " difference is shown if both exclude zero."
        )
    test = part.signed_rank
    if test is not None:
        texts.append(
            f"Signed-rank test of {metric_of(part.metric).title}"
            f" (Wilcoxon) over {counted(test.pairs, 'pair')} of task and seed: {p_value(test.p_value)},"
            f" {p_value(test.adjusted)} after Holm's correction for several candidates; effect"
            f" {signed(test.effect)} on a scale from {number(-1.0, 0)} (always worse) to +1 (always better). Seeds of"
            " one task share their test rows, so the test is about these tasks and rows, not about tasks in general."
        )
    return texts


def _heads(part: ScoresPart, first: str) -> list[Head]:
    return [Head(first), *arm_heads(part.arms), *([Head("difference")] if len(part.arms) > 1 else [])]


def _row(part: ScoresPart, name: str, pair: Pair) -> list[Cell]:
    if len(part.arms) == 1:
        return [Cell(name), estimate_cell(pair.before)]
    return [Cell(name), estimate_cell(pair.before), estimate_cell(pair.after), _difference(pair.over_groups)]


def _mean_table(part: ScoresPart) -> HtmlTable:
    both, twice = len(part.arms) > 1, len(part.arms) > 1 and part.seeds > 1
    heads = [Head("metric"), *arm_heads(part.arms)]
    heads += [Head("difference, over seeds")] * twice + [Head("difference, over groups")] * both
    rows = [
        [
            Cell(
                capital(metric_of(pair.metric).title),
                "less is better" if metric_of(pair.metric).less_is_better else "",
            ),
            estimate_cell(pair.before),
            *([estimate_cell(pair.after)] * both),
            *([_difference(pair.over_seeds)] * twice),
            *([_difference(pair.over_groups)] * both),
        ]
        for pair in part.mean
    ]
    return HtmlTable("Mean over the tasks, with 95% intervals", heads, rows, stacked=part.seeds == 1)


def _difference(estimate: Estimate) -> Cell:
    return Cell(signed(estimate.value), interval(estimate), number=estimate.value)


def _pictured(metric: str, by_metric: dict[str, list[Pair]]) -> list[str]:
    first: dict[str, str] = {}  # for answers, for probabilities, for texts
    for each in METRICS.values():
        if each.decides:
            first.setdefault(each.needs, each.name)
    wanted = dict.fromkeys((metric, *first.values()))
    return [key for key in wanted if by_metric.get(key)][:2]


def _figure(part: ScoresPart, key: str, pairs: list[Pair]) -> HtmlFigure:
    arms = {
        part.baseline: [ends(pair.before) for pair in pairs],
        part.other: [ends(pair.after) for pair in pairs],
    }
    name = metric_of(key).title
    plot = interval_plot(
        [str(pair.task) for pair in pairs],
        arms,
        f"{name} on the test rows",
        limits=(-0.02, 1.02) if metric_of(key).limits == (0, 1) else None,
    )
    caption = f"{capital(name)} of each task, with its 95% interval."
    return HtmlFigure(inline_svg(plot, f"tasks-{key}", caption), caption)
