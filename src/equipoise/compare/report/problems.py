"""What the reader should know before trusting the numbers."""

import re
from collections import Counter
from typing import Final

from equipoise.base.problems import Problem
from equipoise.compare.report.data import ComparisonData
from equipoise.pages.format import counted, listed
from equipoise.pages.page import Section

FEW_ROWS = 10
"""With fewer, one row changes the recall of a label by a tenth or more."""
LEAST_PAIRS = 6
"""With fewer, the p-value of Wilcoxon's two-sided test is never below 0.05: 2 / 2**5 is 0.06."""
LEAK = "duplicates-across-splits"
"""The first of the warnings."""
_COLUMN: Final = re.compile(r"`Columns\(([a-z_]+)=\.\.\.\)`")
SAID_OF_LABELS = {"label-without-training-rows", "label-not-measured"}
"""Codes of problems of the data that the report has with the numbers of rows."""


def gather(data: ComparisonData) -> tuple[Problem, ...]:
    """Find the problems of a comparison, warnings first."""
    notes = [Problem("note", "note", note) for note in data.result.notes]
    of_data = [
        each._replace(message=_COLUMN.sub(r"`data.columns.\1`", each.message))  # what is compared has a configuration
        for each in data.result.problems
        if each.code not in SAID_OF_LABELS
    ]
    found = [*of_data, *notes, *_samples(data), *_labels(data), *_plan(data)]
    return tuple(sorted(found, key=lambda problem: (problem.level != "warning", problem.code != LEAK)))


def section(problems: tuple[Problem, ...]) -> Section:
    """Return the section of the page."""
    return Section("Warnings and notes", texts=() if problems else ("None.",), problems=problems)


def _samples(data: ComparisonData) -> list[Problem]:
    result, found = data.result, list[Problem]()
    if len(result.seeds) == 1:
        text = (
            "Each finalist was trained once. With another seed, candidates with similar scores may change places; the"
            " intervals do not include the variance between seeds."
        )
        found.append(Problem("warning", "one-seed", text))
    versus = result.versus.get(data.result.other)
    test = versus.signed_rank if versus else None
    if versus and test is None:
        text = "There is no signed-rank test: baseline and candidate tie on every pair of task and seed."
        found.append(Problem("note", "all-tie", text))
    elif test is not None and test.pairs < LEAST_PAIRS:
        text = (
            f"The signed-rank test has {counted(test.pairs, 'pair')} of task and seed. With fewer than"
            f" {LEAST_PAIRS} its p-value cannot be below 0.05, however large the difference."
        )
        found.append(Problem("warning", "few-pairs", text))
    return found


def _labels(data: ComparisonData) -> list[Problem]:
    predictions = data.predictions[data.result.baseline][0]
    plan = data.plan(data.result.baseline)
    trained = {
        each: rows for each, rows in zip(plan.strata, plan.counts.tolist(), strict=True) if each.label is not None
    }
    tested = Counter((name, label) for name, part in predictions.items() if part.labels for label in part.targets)
    untested = [f"{task}: {label}" for task, label in trained if not tested[task, str(label)]]
    known = {tuple(stratum) for stratum, rows in trained.items() if rows}
    no_rows = [f"{task}: {label} ({count})" for (task, label), count in tested.items() if (task, label) not in known]
    few = [f"{task}: {label} ({count})" for (task, label), count in tested.items() if count < FEW_ROWS]
    kinds = {
        "no-test-rows": (untested, " without a test row, in no mean over labels"),
        "no-training-rows": (no_rows, " in the test rows without a training row, never predicted"),
        "few-test-rows": (few, f" with fewer than {FEW_ROWS} test rows, whose scores depend on single rows"),
    }
    return [
        Problem("warning", code, f"{counted(len(labels), 'label')}{what}: {listed(labels)}.")
        for code, (labels, what) in kinds.items()
        if labels
    ]


def _plan(data: ComparisonData) -> list[Problem]:
    problems = data.plan(data.result.recommended).forecast().problems
    found: list[Problem] = []
    for code in dict.fromkeys(problem.code for problem in problems):
        same = [problem.message for problem in problems if problem.code == code]
        more = f" And {len(same) - 1} more of this kind, see below." if len(same) > 1 else ""
        found.append(Problem("warning", code, f"Forecast of the recommended plan: {same[0]}{more}"))
    return found
