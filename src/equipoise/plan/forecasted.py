"""The base of forecasts, of plans and of label sets: rows, groups of them and problems, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, ClassVar, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.problems import Problem
from equipoise.base.tables import aligned_columns, html_table

R = TypeVar("R")
G = TypeVar("G")

Columns = Mapping[str, Callable[[Any], str]]
COLUMNS: Columns = {
    "task": lambda row: row.task,
    "label": lambda row: row.label or "-",
    "count": lambda row: f"{row.count:,}",
    "data": lambda row: f"{row.data_share:.1%}",
    "draws": lambda row: f"{row.draw_share:.1%}",
    "expected": lambda row: f"{row.expected_draws:,.0f}",
    "passes": lambda row: f"{row.passes:.3g}",
    "unseen": lambda row: f"{row.unseen_fraction:.1%}",
}
"""Of every `RowForecast`."""
GROUP_COLUMNS: Columns = {
    "task": lambda group: "all" if group.task is None else group.task,
    **{heading: COLUMNS[heading] for heading in ("count", "draws", "expected")},
    "effective examples": lambda group: f"{group.effective_sample_size:,.0f}",
}
"""Of every group of rows."""


@dataclass(frozen=True, repr=False)
class Forecasted(Generic[R, G]):
    """Base of the forecasts: rows, groups of them, and problems."""

    columns: ClassVar[tuple[Columns, Columns]]
    """Of the tables of rows and of groups: heading and content."""

    draws: int
    rows: tuple[R, ...]
    tasks: tuple[G, ...]
    overall: G
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.draws} draws, {len(self.rows)} rows, {len(self.problems)} problems)"

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as JSON values."""
        return asdict(self) | {"problems": [problem._asdict() for problem in self.problems]}

    def to_arrow(self) -> pa.Table:
        """Return the rows as an Arrow table, a column for each field; `.to_pandas()` of it is a data frame."""
        return pa.Table.from_pylist([asdict(cast("Any", row)) for row in self.rows])

    def _repr_html_(self) -> str:
        of_rows, of_groups = self.columns
        groups = html_table(of_groups, (*self.tasks, self.overall))
        return f"{html_table(of_rows, self.rows)}{groups}<pre>{escape(chr(10).join(listed(self.problems)))}</pre>"

    def to_text(self) -> str:
        """Return the forecast as aligned plain-text tables and the problems."""
        of_rows, of_groups = self.columns
        groups = aligned_columns(of_groups, (*self.tasks, self.overall))
        parts = (aligned_columns(of_rows, self.rows), groups, listed(self.problems))
        return "\n\n".join("\n".join(part) for part in parts if part)


def rows_of(kind: Callable[..., R], **columns: Sequence[Any] | npt.NDArray[Any]) -> tuple[R, ...]:
    """Return a row for each place in the columns, which are named as its fields."""
    values = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values())
    return tuple(kind(**dict(zip(columns, row, strict=True))) for row in zip(*values, strict=True))


def listed(problems: Sequence[Problem], shown: int = 3) -> list[str]:
    """Return a line for each of the first `shown` problems of a kind and one that counts the rest; errors first."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in sorted(problems, key=lambda problem: problem.level):
        kinds.setdefault((problem.level, problem.code), []).append(problem)
    lines: list[str] = []
    for (level, code), found in kinds.items():
        lines += [str(problem) for problem in found[:shown]]
        if found[shown:]:
            lines.append(f"{level} ({code}): and {len(found) - shown} more; the table lists them.")
    return lines
