"""The forecast for label sets as text: aligned tables, then the problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from equipoise.base.tables import aligned
from equipoise.plan.forecast import listed

if TYPE_CHECKING:
    from equipoise.multilabel.forecast import MultiLabelForecast

_LABEL_HEADS = (
    "task",
    "label",
    "count",
    "data",
    "factor",
    "draws",
    "asked",
    "lift",
    "expected",
    "passes",
    "unseen",
    "pulled by",
)
_TASK_HEADS = ("task", "count", "draws", "expected", "effective examples", "cardinality", "mean imbalance")


def to_text(forecast: MultiLabelForecast) -> str:
    """Give the tables of labels and of tasks, and the problems."""
    labels = [
        (
            row.task,
            row.label or "-",
            f"{row.count}",
            f"{row.data_share:.1%}",
            f"{row.factor:.3g}",
            f"{row.draw_share:.1%}",
            f"{row.asked:.3g}",
            f"{row.lift:.3g}",
            f"{row.expected_draws:.0f}",
            f"{row.passes:.3g}",
            f"{row.unseen_fraction:.1%}",
            f"{row.pulled_by} {row.pulled_share:.0%}" if row.pulled_by else "-",
        )
        for row in forecast.rows
    ]
    tasks = [
        (
            "all" if group.task is None else group.task,
            f"{group.count}",
            f"{group.draw_share:.1%}",
            f"{group.expected_draws:.0f}",
            f"{group.effective_sample_size:.0f}",
            f"{group.cardinality_before:.2f} -> {group.cardinality_after:.2f}",
            f"{group.imbalance_before:.2f} -> {group.imbalance_after:.2f}",
        )
        for group in (*forecast.tasks, forecast.overall)
    ]
    parts = [aligned(_LABEL_HEADS, labels), aligned(_TASK_HEADS, tasks), listed(forecast.problems)]
    return "\n\n".join("\n".join(part) for part in parts if part)
