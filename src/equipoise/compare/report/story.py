"""All that a report says, gathered once: the page, the Markdown and the JSON are written from the same values."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from equipoise.compare.report import (
    alerts,
    answer,
    candidates,
    census,
    confusion,
    costs,
    curves,
    labels,
    reliability,
    reproduce,
    scores,
    shares,
    tradeoff,
)
from equipoise.compare.report.opened import Opened
from equipoise.compare.result import Ranks
from equipoise.plan import Plan

FORMAT, VERSION = "equipoise-report", 1


@dataclass(frozen=True)
class Report:
    """A finished comparison, told.

    Attributes
    ----------
    answer : Answer
        The first screen.
    alerts : tuple of Alert
        What should be known.
    census : CensusPart
        What is in the data.
    shares : tuple of RunShares
        What was planned and drawn.
    curves : tuple of Curve
        How the runs learned.
    scores, labels : ScoresPart, LabelsPart
        Results by task and by label.
    confusion : tuple of Confusion
        Which labels are taken for which.
    reliability : tuple of Reliability
        Whether the probabilities can be believed.
    tradeoff : TradeoffPart
        Macro-F1 against log-loss.
    ranks : Ranks or None
        Who wins how often.
    candidates : CandidatesPart
        All of them.
    costs : CostsPart
        Time, draws and tokens.
    reproduce : ReproducePart
        How to do it again.
    plan : Plan
        Of the recommended candidate.
    """

    answer: answer.Answer
    alerts: tuple[alerts.Alert, ...]
    census: census.CensusPart
    shares: tuple[shares.RunShares, ...]
    curves: tuple[curves.Curve, ...]
    scores: scores.ScoresPart
    labels: labels.LabelsPart
    confusion: tuple[confusion.Confusion, ...]
    reliability: tuple[reliability.Reliability, ...]
    tradeoff: tradeoff.TradeoffPart
    ranks: Ranks | None
    candidates: candidates.CandidatesPart
    costs: costs.CostsPart
    reproduce: reproduce.ReproducePart
    plan: Plan

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "plan"}
        plain = {name: _plain(value) for name, value in fields.items()}
        return {"format": FORMAT, "version": VERSION, **plain, "plan": json.loads(self.plan.to_json())}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return None if value is None else asdict(value)


def gather(directory: Path) -> Report:
    """Gather the report of a comparison from its directory.

    Parameters
    ----------
    directory : pathlib.Path
        Of a finished comparison.

    Returns
    -------
    Report
        Plain values; nothing is read afterwards.

    Raises
    ------
    RunError
        If there is no finished comparison, or one of its runs is missing or damaged.
    """
    opened = Opened.open(directory)
    return Report(
        answer=answer.gather(opened),
        alerts=alerts.gather(opened),
        census=census.gather(opened),
        shares=shares.gather(opened),
        curves=curves.gather(opened),
        scores=scores.gather(opened),
        labels=labels.gather(opened),
        confusion=confusion.gather(opened),
        reliability=reliability.gather(opened),
        tradeoff=tradeoff.gather(opened),
        ranks=opened.result.ranks,
        candidates=candidates.gather(opened),
        costs=costs.gather(opened),
        reproduce=reproduce.gather(opened),
        plan=opened.plan(opened.result.recommended),
    )
