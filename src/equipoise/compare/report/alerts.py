"""What should be known before the numbers are believed."""

from collections import Counter
from dataclasses import dataclass

from equipoise.compare.report.opened import Opened
from equipoise.compare.report.words import counted, listed
from equipoise.pages.page import Notice, Section

FEW_ROWS = 10
"""Below this a label's recall moves by a tenth or more with one row."""
LEAST_PAIRS = 6
"""Below this Wilcoxon's two-sided test cannot fall under 0.05 whatever the data: 2 / 2**5 is 0.06."""


@dataclass(frozen=True)
class Alert:
    """Something to know of; `level` is "warning" or "note", `code` names its kind."""

    level: str
    code: str
    text: str


def gather(opened: Opened) -> tuple[Alert, ...]:
    """Gather the alerts, warnings first."""
    found = [*_notes(opened), *_samples(opened), *_labels(opened), *_plan(opened)]
    return tuple(sorted(found, key=lambda alert: alert.level != "warning"))


def section(alerts: tuple[Alert, ...]) -> Section:
    """The section."""
    texts = () if alerts else ("Nothing of note.",)
    return Section("What to watch", texts=texts, notices=[Notice(alert.level, alert.text) for alert in alerts])


def _notes(opened: Opened) -> list[Alert]:
    return [Alert("note", "note", note) for note in opened.result.notes]


def _samples(opened: Opened) -> list[Alert]:
    result, found = opened.result, list[Alert]()
    if len(result.seeds) == 1:
        text = (
            "Each finalist was trained once. Another seed may change the order of candidates that are near each other;"
            " the intervals do not cover that."
        )
        found.append(Alert("warning", "one-seed", text))
    versus = result.versus.get(opened.other)
    if versus is not None and versus.signed_rank is None:
        text = "The signed-rank test could not be made: baseline and candidate tie on every pair of task and seed."
        found.append(Alert("note", "all-tie", text))
    elif versus is not None and versus.signed_rank is not None and versus.signed_rank.pairs < LEAST_PAIRS:
        text = (
            f"The signed-rank test had {counted(versus.signed_rank.pairs, 'pair')} of task and seed. With fewer than"
            f" {LEAST_PAIRS} it cannot show a difference (p below 0.05) however large that is."
        )
        found.append(Alert("warning", "few-pairs", text))
    return found


def _labels(opened: Opened) -> list[Alert]:
    predictions = opened.predictions(opened.result.baseline)[0]
    plan = opened.plan(opened.result.baseline)
    trained = {
        each: rows for each, rows in zip(plan.strata, plan.counts.tolist(), strict=True) if each.label is not None
    }
    tested = Counter((name, label) for name, part in predictions.items() if part.labels for label in part.targets)
    untested = [f"{task}: {label}" for task, label in trained if not tested[task, str(label)]]
    known = {tuple(stratum) for stratum, rows in trained.items() if rows}
    untrained = [_named(task, label, count) for (task, label), count in tested.items() if (task, label) not in known]
    few = [_named(task, label, count) for (task, label), count in tested.items() if count < FEW_ROWS]
    found: list[Alert] = []
    if untested:
        text = f"{counted(len(untested), 'label')} without a test row, in no mean over labels: {listed(untested)}."
        found.append(Alert("warning", "no-test-rows", text))
    if untrained:
        text = (
            f"{counted(len(untrained), 'label')} in the test rows without a training row; no candidate can say them:"
            f" {listed(untrained)}."
        )
        found.append(Alert("warning", "no-training-rows", text))
    if few:
        text = (
            f"{counted(len(few), 'label')} with fewer than {FEW_ROWS} test rows, whose scores jump with a single row:"
            f" {listed(few)}."
        )
        found.append(Alert("warning", "few-test-rows", text))
    return found


def _named(task: str, label: str, count: int) -> str:
    return f"{task}: {label} ({count})"


def _plan(opened: Opened) -> list[Alert]:
    problems = opened.plan(opened.result.recommended).forecast().problems
    found: list[Alert] = []
    for code in dict.fromkeys(problem.code for problem in problems):
        same = [problem.message for problem in problems if problem.code == code]
        more = f" And {len(same) - 1} more of this kind, see below." if len(same) > 1 else ""
        found.append(Alert("warning", code, f"Forecast of the recommended plan: {same[0]}{more}"))
    return found
