"""The recommended candidate against the best that natural sampling comes to with recipes and corrections of its own."""

from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.metrics import Estimate, metric_of
from equipoise.metrics.known import title_of
from equipoise.pages.format import capital, cells, chosen, heads
from equipoise.pages.page import HtmlTable, Section

TITLE = "Natural sampling at its best"


@dataclass(frozen=True)
class NaturalPart:
    """The two candidates on the test rows.

    Attributes
    ----------
    metric : str
        The metric that decides.
    natural, title : str
        The best finalist of natural sampling on the validation rows, and what it does.
    recommended, baseline : str
        Names of candidates.
    scores : dict of str to tuple of Estimate
        Of each metric the scores of `natural` and of `recommended`, and the difference over seeds and over groups.
    alarm_rate : float
        The share of false alarms of the recall at it.
    """

    metric: str
    natural: str
    title: str
    recommended: str
    baseline: str
    scores: dict[str, tuple[Estimate, ...]]
    alarm_rate: float


def gather(data: ComparisonData) -> NaturalPart:
    """Return the scores of both."""
    result, none = data.result, Estimate(None)
    natural, versus = result.best_natural, result.versus_natural
    scores: dict[str, tuple[Estimate, ...]] = {}
    for key in chosen(result.metric, result.finalists[natural].test) if versus else ():
        both = (data.estimate(name, key) for name in (natural, result.recommended))
        gaps = (each.get(key, none) for each in (versus.seeds, versus.groups)) if versus else ()
        scores[key] = (*both, *gaps)
    title = result.candidates[natural].title
    alarm_rate = data.config.evaluation.alarm_rate
    return NaturalPart(result.metric, natural, title, result.recommended, result.baseline, scores, alarm_rate)


def section(part: NaturalPart) -> Section:
    """Return the section of the page."""
    name = metric_of(part.metric).title
    text = (
        f"Of natural sampling, with its own settings and each correction, {part.natural} was best by {name} on the"
        f" validation rows ({part.title})."
    )
    if not part.scores:
        return Section(TITLE, texts=[f"{text} It is the recommended candidate."])
    text += " A plan that is better than natural sampling as trained alone need not be better than this."
    rows = [cells(capital(title_of(key, part.alarm_rate)), *estimates) for key, estimates in part.scores.items()]
    head = heads("metric", part.natural, part.recommended, "difference, over seeds", "difference, over groups")
    caption = "Test rows, mean over the tasks"
    return Section(TITLE, texts=[text], tables=[HtmlTable(caption, head, rows)])
