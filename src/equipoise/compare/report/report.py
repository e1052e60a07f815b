"""The report of a comparison: gathered once, then written as a page, as Markdown and as JSON from the same values."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equipoise.base.codec import to_plain
from equipoise.base.files import write_atomically
from equipoise.base.plain_json import write_json
from equipoise.base.problems import Problem
from equipoise.compare.findings import Ranks
from equipoise.compare.report import (
    answer,
    candidates,
    census,
    confusion,
    costs,
    finalists,
    labels,
    natural,
    problems,
    reliability,
    reproduce,
    scores,
    stages,
    trained,
)
from equipoise.compare.report.data import ComparisonData
from equipoise.pages.markdown import to_markdown
from equipoise.pages.page import Page, Section
from equipoise.pages.planner import planner_section
from equipoise.schedule import Drawable

FORMAT, VERSION = "equipoise-report", 2


@dataclass(frozen=True)
class Report:
    """The values of a report.

    Attributes
    ----------
    answer : Answer
        The first screen.
    problems : tuple of Problem
        Warnings and notes.
    census : CensusPart
        Tasks and labels.
    shares : tuple of RunShares
        Planned and actual draws.
    stages : tuple of RunStages
        Planned and actual shares over the training, of runs with a schedule.
    curves : tuple of Curve
        Learning curves.
    scores, labels : ScoresPart, LabelsPart
        Results by task and by label.
    natural : NaturalPart
        The recommended candidate against natural sampling at its best.
    confusion : tuple of Confusion
        Confusion matrices.
    reliability : tuple of Reliability
        Reliability of the probabilities.
    tradeoff : TradeoffPart
        Macro-F1 and log-loss.
    ranks : Ranks or None
        Mean ranks; None where they are not measured.
    candidates : CandidatesPart
        All of them.
    costs : CostsPart
        Time, draws and tokens.
    reproduce : ReproducePart
        How to reproduce the comparison.
    plan : Plan or Schedule
        Of the recommended candidate.
    """

    answer: answer.Answer
    problems: tuple[Problem, ...]
    census: census.CensusPart
    shares: tuple[trained.RunShares, ...]
    stages: tuple[stages.RunStages, ...]
    curves: tuple[trained.Curve, ...]
    scores: scores.ScoresPart
    labels: labels.LabelsPart
    natural: natural.NaturalPart
    confusion: tuple[confusion.Confusion, ...]
    reliability: tuple[reliability.Reliability, ...]
    tradeoff: finalists.TradeoffPart
    ranks: Ranks | None
    candidates: candidates.CandidatesPart
    costs: costs.CostsPart
    reproduce: reproduce.ReproducePart
    plan: Drawable

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        fields = {name: to_plain(getattr(self, name)) for name in self.__dataclass_fields__ if name != "plan"}
        return {"format": FORMAT, "version": VERSION, **fields, "plan": json.loads(self.plan.to_json())}


def gather(directory: Path) -> Report:
    """Gather the report of a comparison from its directory; nothing is read afterwards.

    Parameters
    ----------
    directory : pathlib.Path
        Of a finished comparison.

    Returns
    -------
    Report
        All values that the page, the Markdown and the JSON show.

    Raises
    ------
    RunError
        If there is no finished comparison, or one of its runs is missing or damaged.
    """
    data = ComparisonData.open(directory)
    return Report(
        answer=answer.gather(data),
        problems=problems.gather(data),
        census=census.gather(data),
        shares=trained.gather_shares(data),
        stages=stages.gather(data),
        curves=trained.gather_curves(data),
        scores=scores.gather(data),
        labels=labels.gather(data),
        natural=natural.gather(data),
        confusion=confusion.gather(data),
        reliability=reliability.gather(data),
        tradeoff=finalists.gather(data),
        ranks=data.result.ranks,
        candidates=candidates.gather(data),
        costs=costs.gather(data),
        reproduce=reproduce.gather(data),
        plan=data.plan(data.result.recommended),
    )


def write_report(directory: Path) -> Path:
    """Write ``report.html``, ``report.md`` and ``report.json`` into the directory of a comparison.

    Parameters
    ----------
    directory : pathlib.Path
        Of a finished comparison. Existing reports are replaced.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    RunError
        As `gather`, or if the files cannot be written.
    """
    report = gather(directory)
    page = build_page(report)
    write_json(directory / "report.json", report.to_dict())
    for name, text in (("report.md", to_markdown(page)), ("report.html", page.to_html())):
        with write_atomically(directory / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return directory / "report.html"


def build_page(report: Report) -> Page:
    """Return the page of a report."""
    first = report.answer
    return Page(
        title=answer.TITLE,
        question=first.question,
        choice=first.choice,
        answer=first.cards,
        verdict=first.verdict,
        reason=first.reason,
        meaning=first.meaning,
        use="To train the recommended candidate with all draws:",
        commands=first.commands,
        facts=first.facts,
        sections=[
            problems.section(report.problems),
            census.section(report.census),
            trained.shares_section(report.shares),
            *stages.sections(report.stages),
            trained.curves_section(report.curves),
            scores.section(report.scores),
            labels.section(report.labels),
            natural.section(report.natural),
            confusion.section(report.confusion),
            reliability.section(report.reliability),
            finalists.tradeoff_section(report.tradeoff),
            finalists.ranks_section(report.ranks, first.metric, first.baseline, first.other),
            candidates.section(report.candidates),
            costs.section(report.costs),
            reproduce.section(report.reproduce),
            Section("Other plans", fragment=planner_section(report.plan)),
        ],
        command=report.reproduce.command,
        details="Configurations of the recommended candidate and of the comparison",
        files=report.reproduce.files,
    )
