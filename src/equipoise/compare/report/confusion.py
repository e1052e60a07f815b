"""Confusion matrices: which labels are predicted for which."""

from collections import Counter
from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.pages.format import NOT_MEASURED, cells, counted, heads
from equipoise.pages.page import Cell, Fold, HtmlTable, Section

MOST_LABELS = 25
MOST_PAIRS = 20
NO_LABEL = "(no label)"
"""Stands for answers that are not a label of the task."""


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of one task of one candidate, all seeds together: true labels down, answers across."""

    task: str
    candidate: str
    seeds: int
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def shares(self) -> list[list[float]]:
        """Each row divided by its sum; zeros without rows."""
        return [[count / max(sum(row), 1) for count in row] for row in self.counts]

    def most_confused(self) -> list[tuple[str, str, int, float]]:
        """Return true label, answer, rows and share of the true label's rows, the largest numbers of rows first."""
        wrong = [
            (label, answer, count, share)
            for label, row, shares in zip(self.labels, self.counts, self.shares, strict=True)
            for answer, count, share in zip(self.answers, row, shares, strict=True)
            if count and answer != label
        ]
        return sorted(wrong, key=lambda each: (-each[2], each[0], each[1]))[:MOST_PAIRS]


def gather(data: ComparisonData) -> tuple[Confusion, ...]:
    """Return the confusions of both arms, task by task; open-ended tasks have none."""
    with_labels = [name for name, part in data.predictions[data.result.baseline][0].items() if part.labels]
    return tuple(_of_task(data, task, arm) for task in with_labels for arm in data.arms)


def _of_task(data: ComparisonData, task: str, candidate: str) -> Confusion:
    seeds = [predictions[task] for predictions in data.predictions[candidate]]
    known = seeds[0].labels
    pairs = Counter(
        (target, answer if answer in known else NO_LABEL)
        for part in seeds
        for target, answer in zip(part.targets, part.predicted, strict=True)
    )
    labels = (*known, *sorted({target for target, _ in pairs} - set(known)))
    answers = known if not any(answer == NO_LABEL for _, answer in pairs) else (*known, NO_LABEL)
    counts = tuple(tuple(pairs[label, answer] for answer in answers) for label in labels)
    return Confusion(task, candidate, len(seeds), labels, answers, counts)


def section(parts: tuple[Confusion, ...]) -> Section:
    """Return the section of the page."""
    if not parts:
        return Section("Confusions", texts=["No task has labels."])
    folds = [
        Fold(task, [_table(part) for part in parts if part.task == task], open=task == parts[0].task)
        for task in dict.fromkeys(part.task for part in parts)
    ]
    seeds = f", of {counted(parts[0].seeds, 'seed')} together" if parts[0].seeds > 1 else ""
    text = (
        f"Each row is a true label and sums to 100%, each column is an answer{seeds}. For tasks with more than"
        f" {MOST_LABELS} labels the most frequent confusions are listed instead."
    )
    return Section("Confusions", texts=[text], folds=folds)


def _table(part: Confusion) -> HtmlTable:
    if len(part.labels) > MOST_LABELS:
        columns = heads("true label", "answer", "rows", "of the label", left="answer")
        rows = [cells(label, said, count, f"{share:.1%}") for label, said, count, share in part.most_confused()]
        return HtmlTable(f"{part.task}: {part.candidate}, the most frequent confusions", columns, rows)
    rows = [
        cells(
            label,
            *(Cell(f"{share:.0%}", shade=share) if any(row) else NOT_MEASURED for share in shares),
            sum(row),
        )
        for label, row, shares in zip(part.labels, part.counts, part.shares, strict=True)
    ]
    columns = heads("true label", *part.answers, "rows")
    return HtmlTable(f"{part.task}: {part.candidate}", columns, rows, matrix=True)
