"""The forecast as text: aligned tables, then the problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.forecast import Forecast, PlanProblem

_STRATUM_HEADS = ("task", "label", "count", "data", "draws", "expected", "passes", "unseen", "weight")
_GROUP_HEADS = ("task", "count", "draws", "expected", "effective examples", "effective draws", "imbalance")


def to_text(forecast: Forecast) -> str:
    """Give the tables of strata and of tasks, and the problems."""
    strata = [
        (
            row.task,
            row.label or "-",
            f"{row.count}",
            f"{row.data_share:.1%}",
            f"{row.draw_share:.1%}",
            f"{row.expected_draws:.0f}",
            f"{row.passes:.3g}",
            f"{row.unseen_fraction:.1%}",
            f"{row.importance_weight:.3g}",
        )
        for row in forecast.rows
    ]
    groups = [
        (
            "all" if group.task is None else group.task,
            f"{group.count}",
            f"{group.draw_share:.1%}",
            f"{group.expected_draws:.0f}",
            f"{group.effective_sample_size:.0f}",
            f"{group.effective_draws:.0f}",
            f"{group.imbalance_before:.2f} -> {group.imbalance_after:.2f}",
        )
        for group in (*forecast.tasks, forecast.overall)
    ]
    problems = listed(forecast.problems)
    parts = [table(_STRATUM_HEADS, strata, texts=2), table(_GROUP_HEADS, groups, texts=1), problems]
    return "\n\n".join("\n".join(part) for part in parts if part)


def listed(problems: Sequence[PlanProblem], shown: int = 3) -> list[str]:
    """One line for each of the first `shown` problems of a kind, and one that counts the others; errors first."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for problem in sorted(problems, key=lambda problem: problem.level):
        kinds.setdefault((problem.level, problem.code), []).append(problem.message)
    lines: list[str] = []
    for (level, code), messages in kinds.items():
        lines += [f"{level} ({code}): {message}" for message in messages[:shown]]
        if messages[shown:]:
            lines.append(f"{level} ({code}): and {len(messages) - shown} more such; the table lists them.")
    return lines


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> list[str]:
    """Align columns: the first `texts` to the left, the numbers after them to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (heads, *rows)
    ]
