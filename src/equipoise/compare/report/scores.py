"""Results of the baseline and of the other arm: the mean over the tasks, and of each task."""

from dataclasses import dataclass

from equipoise.compare.findings import Evidence, SignedRank
from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import METRICS, Estimate, metric_of
from equipoise.metrics.known import title_of
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import (
    arm_heads,
    capital,
    cells,
    chosen,
    counted,
    ends,
    heads,
    interval,
    number,
    p_value,
    signed,
)
from equipoise.pages.page import Cell, HtmlFigure, HtmlTable, Section
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
    evidence : Evidence or None
        Of the metric; None with one seed.
    seeds : int
        How many trainings of each.
    alarm_rate : float
        Of the recall at a false-alarm rate.
    """

    metric: str
    baseline: str
    other: str
    mean: tuple[Pair, ...]
    tasks: tuple[Pair, ...]
    signed_rank: SignedRank | None
    evidence: Evidence | None
    seeds: int
    alarm_rate: float

    @property
    def arms(self) -> tuple[str, ...]:
        """Both, or the baseline alone where no other candidate was trained in full."""
        return tuple(dict.fromkeys((self.baseline, self.other)))


def gather(data: ComparisonData) -> ScoresPart:
    """Return the scores of both arms."""
    result, other = data.result, data.result.other
    versus = result.versus.get(other)
    finalist = result.finalists[result.baseline]
    keys = chosen(result.metric, finalist.test)

    def pair(key: str, task: str | None) -> Pair:
        groups = {} if versus is None else versus.groups if task is None else versus.tasks.get(task, {})
        seeds = versus.seeds.get(key, NONE) if versus is not None and task is None else NONE
        before, after = (data.estimate(name, key, task) for name in (result.baseline, other))
        return Pair(key, task, before, after, seeds, groups.get(key, NONE))

    return ScoresPart(
        metric=result.metric,
        baseline=result.baseline,
        other=other,
        mean=tuple(pair(key, None) for key in keys),
        tasks=tuple(pair(key, task) for key in keys for task, held in finalist.tasks.items() if key in held),
        signed_rank=None if versus is None else versus.signed_rank,
        evidence=None if versus is None else versus.evidence,
        seeds=len(result.seeds),
        alarm_rate=data.config.evaluation.alarm_rate,
    )


def section(part: ScoresPart) -> Section:
    """Return the section of the page."""
    by_metric = {pair.metric: [each for each in part.tasks if each.metric == pair.metric] for pair in part.mean}
    figures = [_figure(part, key, by_metric[key]) for key in _pictured(part.metric, by_metric)]
    tables = [_mean_table(part)]
    columns = heads("task", *arm_heads(part.arms), *(["difference"] if len(part.arms) > 1 else []))
    for key, pairs in by_metric.items():
        described = metric_of(key)
        better = "less" if described.less_is_better else "more"
        rows = [cells(pair.task or "", *_measured(part, pair, seeds=False)) for pair in pairs]
        title = capital(title_of(key, part.alarm_rate))
        caption = f"{title} of each task ({better} is better); intervals of differences over groups"
        if rows:
            tables.append(HtmlTable(caption, columns, rows, folded=key != part.metric, stacked=True))
    return Section("Results", texts=_texts(part), figures=figures, tables=tables)


def _texts(part: ScoresPart) -> list[str]:
    texts = [f"All numbers are of the test rows, for {' and '.join(part.arms)}."]
    if part.seeds > 1:
        texts.append(
            f"Intervals over seeds, from {part.seeds} trainings, show the variance between seeds; intervals over"
            " groups, from resampled groups of test rows such as patients, show the variance between test sets. The"
            " interval on the first screen has both."
        )
    if part.evidence is not None:
        texts.append(_aggregates(part, part.evidence))
    test = part.signed_rank
    if test is not None:
        texts.append(
            f"Signed-rank test of {metric_of(part.metric).title}"
            f" (Wilcoxon) over {counted(test.pairs, 'pair')} of task and seed: {p_value(test.p_value)},"
            f" {p_value(test.adjusted)} after Holm's correction for several candidates; effect"
            f" {signed(test.effect)} on a scale from \N{MINUS SIGN}1 (always worse) to +1 (always better). Seeds of"
            " one task share their test rows, so the test is about these tasks and rows, not about tasks in general."
        )
    return texts


def _aggregates(part: ScoresPart, evidence: Evidence) -> str:
    name = metric_of(part.metric).title
    before, after = evidence.interquartile
    tasks = ""
    if evidence.over_tasks is not None:
        worse, same, better = (f"{each:.0%}" for each in evidence.over_tasks)
        tasks = (
            f" Over tasks like these, {part.other} is better with a probability of {better}, practically the same"
            f" {same}, worse {worse} (Bayesian signed-rank test)."
        )
    within = f" ({interval(evidence.improvement)})" if interval(evidence.improvement) else ""
    return (
        f"A training of {part.other} is better by {name} than one of {part.baseline}, on a task at random, with a"
        f" probability of {number(evidence.improvement.value)}{within}. The interquartile mean, of the middle half of"
        f" the scores of all seeds and tasks, is {number(after.value)} ({interval(after)}) instead of"
        f" {number(before.value)} ({interval(before)}).{tasks} These intervals resample the seeds of each task, and are"
        " too narrow with few seeds."
    )


def _measured(part: ScoresPart, pair: Pair, *, seeds: bool) -> list[Estimate | Cell]:
    """Return the cells of a pair: the arms, and if there are two their differences."""
    if len(part.arms) == 1:
        return [pair.before]
    differences = [pair.over_seeds, pair.over_groups] if seeds else [pair.over_groups]
    return [
        *(pair.before, pair.after),
        *(Cell(signed(each.value), interval(each), number=each.value) for each in differences),
    ]


def _mean_table(part: ScoresPart) -> HtmlTable:
    differences = (
        ["difference, over seeds", "difference, over groups"] if part.seeds > 1 else ["difference, over groups"]
    )
    columns = heads("metric", *arm_heads(part.arms), *(differences if len(part.arms) > 1 else []))
    rows: list[list[Cell]] = []
    for pair in part.mean:
        metric = metric_of(pair.metric)
        title = capital(title_of(pair.metric, part.alarm_rate))
        name = Cell(title, "less is better" if metric.less_is_better else "")
        rows.append(cells(name, *_measured(part, pair, seeds=part.seeds > 1)))
    return HtmlTable("Mean over the tasks, with 95% intervals", columns, rows, stacked=part.seeds == 1)


def _pictured(metric: str, by_metric: dict[str, list[Pair]]) -> list[str]:
    first: dict[str, str] = {}  # for answers, for probabilities, for texts
    for each in METRICS.values():
        if each.decides:
            first.setdefault(each.needs, each.name)
    wanted = dict.fromkeys((metric, *first.values()))
    return [key for key in wanted if by_metric.get(key)][:2]


def _figure(part: ScoresPart, key: str, pairs: list[Pair]) -> HtmlFigure:
    arms = {part.baseline: [ends(pair.before) for pair in pairs], part.other: [ends(pair.after) for pair in pairs]}
    metric = metric_of(key)
    limits = (-0.02, 1.02) if metric.limits == (0, 1) else None
    plot = interval_plot([str(pair.task) for pair in pairs], arms, f"{metric.title} on the test rows", limits=limits)
    caption = f"{capital(metric.title)} of each task, with its 95% interval."
    return HtmlFigure(inline_svg(plot, f"tasks-{key}", caption), caption)
