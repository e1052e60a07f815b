"""Write a report as a page, as Markdown and as JSON."""

from pathlib import Path

from equipoise.base.files import write_atomically
from equipoise.compare.report import (
    alerts,
    answer,
    candidates,
    census,
    confusion,
    costs,
    curves,
    labels,
    ranks,
    reliability,
    reproduce,
    scores,
    shares,
    tradeoff,
)
from equipoise.compare.report.gather import Report, gather
from equipoise.pages.markdown import to_markdown
from equipoise.pages.page import Page, Section
from equipoise.pages.planner import planner_section
from equipoise.runs.directory import write_json


def write_report(directory: Path) -> Path:
    """Write ``report.html``, ``report.md`` and ``report.json`` into the directory of a comparison.

    Parameters
    ----------
    directory : pathlib.Path
        Of a finished comparison. Reports that are there are replaced: they follow from the rest.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    RunError
        If there is no finished comparison, or one of its runs is missing or damaged.
    """
    report = gather(directory)
    page = build_page(report)
    write_json(directory / "report.json", report.to_dict())
    for name, text in (("report.md", to_markdown(page)), ("report.html", page.to_html())):
        with write_atomically(directory / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return directory / "report.html"


def build_page(report: Report) -> Page:
    """Put the page together from a report."""
    told = report.answer
    return Page(
        title=answer.TITLE,
        question=told.question,
        choice=told.choice,
        answer=told.cards,
        verdict=told.verdict,
        meaning=told.meaning,
        use="To train what is recommended on all the draws:",
        commands=told.commands,
        facts=told.facts,
        sections=[
            alerts.section(report.alerts),
            census.section(report.census),
            shares.section(report.shares),
            curves.section(report.curves),
            scores.section(report.scores),
            labels.section(report.labels),
            confusion.section(report.confusion),
            reliability.section(report.reliability),
            tradeoff.section(report.tradeoff),
            ranks.section(report.ranks, told.metric, told.baseline, told.other),
            candidates.section(report.candidates),
            costs.section(report.costs),
            reproduce.section(report.reproduce),
            Section("Try another plan", fragment=planner_section(report.plan)),
        ],
        command=report.reproduce.command,
        details="Configuration of what is recommended, and of the comparison",
        files=report.reproduce.files,
    )
