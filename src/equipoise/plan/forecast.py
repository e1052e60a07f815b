"""The forecast: the effect of a number of draws, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.plots import axes_for, extremes, pass_bars, row_height
from equipoise.base.problems import Problem
from equipoise.base.tables import aligned_columns, html_table
from equipoise.census import Stratum
from equipoise.census.strata import names_of
from equipoise.plan.limits import Passes, limits_of
from equipoise.rates.base import FloatArray, IntArray

if TYPE_CHECKING:
    from equipoise.base.plots import Axes

R = TypeVar("R")
G = TypeVar("G")

MANY_PASSES = 20.0
"""A rare part of a pretraining mixture gains up to here (Sedova et al. 2026); see "Passes" in docs/methods.md."""
ROUNDING = 1 + 1e-9  # a stratum filled up to `max_passes` does not exceed it


@dataclass(frozen=True)
class RowForecast:
    """The effect on one label of a task, or with `label` None on a task without labels."""

    task: str
    label: str | None
    count: int
    data_share: float
    draw_share: float
    expected_draws: float
    passes: float
    unseen_fraction: float

    def problems(self, draws: int, allow_passes: float, name: str | None = None) -> list[Problem]:
        """Check how often the row is drawn; `name` begins the sentences."""
        name = name or (f"{self.task!r}" if self.label is None else f"{self.task!r}, label {self.label!r}")
        if not self.count:
            return [Problem("warning", "no-examples", f"{name} has no examples: the model learns nothing from it.")]
        if not self.draw_share:
            return [Problem("warning", "never-drawn", f"{name} is never drawn, of {self.count:,} examples.")]
        if self.expected_draws < 1:
            message = f"{name} may never be drawn: {self.expected_draws:.2g} draws are expected of {draws:,}."
            return [Problem("warning", "rarely-drawn", message)]
        examples = "1 example" if self.count == 1 else f"{self.count:,} examples"
        seen = f"{name} is seen {self.passes:.3g} times in {draws:,} draws ({examples})."
        if self.passes > allow_passes * ROUNDING:
            option = f"`max_passes={allow_passes:g}` (`--max-passes {allow_passes:g}`)"
            advice = f"At most {allow_passes:g} are allowed; set {option}, or use weights closer to natural."
            return [Problem("error", "too-many-passes", f"{seen} {advice}")]
        if self.passes > MANY_PASSES * ROUNDING:
            option = f"`max_passes={MANY_PASSES:g}` (`--max-passes {MANY_PASSES:g}`)"
            advice = (
                "In pretraining, a rare part of a mixture gains from up to 15 to 20 passes; in fine-tuning, until its"
                f" training accuracy saturates (docs/methods.md#passes). {option} sets a limit."
            )
            return [Problem("warning", "many-passes", f"{seen} {advice}")]
        return []


@dataclass(frozen=True)
class StratumForecast(RowForecast):
    """The effect on one stratum.

    `passes` are expected draws per example. Draws visit all examples of a stratum before any is repeated, so
    the fraction never seen is max(0, 1 - passes). `importance_weight` is p*/q.
    """

    importance_weight: float


@dataclass(frozen=True)
class GroupForecast:
    """The effect on one task, or with `task` None on all of them.

    `effective_sample_size` is Kish's (sum_i r_i)^2 / sum_i r_i^2 over examples, r_i = q_c / n_c being the
    probability that a draw is example i of stratum c; in closed form (sum_c q_c)^2 / sum_c q_c^2 / n_c. It is
    the number of examples if all are equally likely.

    `effective_draws` is Kish's (sum u)^2 / sum u^2 over the expected draws, u = p*/q being their importance
    weights; in closed form draws (sum_c p_c)^2 / sum_c p_c^2 / q_c. It equals the expected draws
    if all have the same weight.

    `imbalance_before` and `imbalance_after` are the largest count over the smallest, and the largest share
    of the draws over the smallest, over strata that have any.
    """

    task: str | None
    count: int
    data_share: float
    draw_share: float
    expected_draws: float
    effective_sample_size: float
    effective_draws: float
    imbalance_before: float
    imbalance_after: float


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


@dataclass(frozen=True, repr=False)
class Forecast(Forecasted[StratumForecast, GroupForecast]):
    """The effect of a number of draws of a plan: a row per stratum and per task, and the problems.

    Parameters
    ----------
    draws : int
        The number of draws.
    rows : tuple of StratumForecast
        One for each stratum, in the plan's order.
    tasks : tuple of GroupForecast
        One for each task.
    overall : GroupForecast
        All tasks together.
    problems : tuple of Problem
        What to check, in the order of the rows.

    Examples
    --------
    >>> from equipoise.census import Census
    >>> from equipoise.plan.plan import Plan
    >>> from equipoise.weights import InverseFrequency
    >>> census = Census.from_counts({"mood": {"glad": 980, "sad": 20}})
    >>> forecast = Plan.build(census, weights=InverseFrequency()).forecast(draws=1000)
    >>> print(forecast.to_text())
    task  label  count   data  draws  expected  passes  unseen  importance weight
    mood  glad     980  98.0%  50.0%       500    0.51   49.0%                  1
    mood  sad       20   2.0%  50.0%       500      25    0.0%                  1
    <BLANKLINE>
    task  count   draws  expected  effective examples  effective draws      imbalance
    mood  1,000  100.0%     1,000                  78            1,000  49.00 -> 1.00
    all   1,000  100.0%     1,000                  78            1,000  49.00 -> 1.00
    <BLANKLINE>
    warning (many-passes): 'mood', label 'sad' is seen 25 times in 1,000 draws (20 examples). In pretraining, ...
    """

    columns = (
        {**COLUMNS, "importance weight": lambda row: f"{row.importance_weight:.3g}"},
        {
            **GROUP_COLUMNS,
            "effective draws": lambda group: f"{group.effective_draws:,.0f}",
            "imbalance": lambda group: f"{group.imbalance_before:,.2f} -> {group.imbalance_after:,.2f}",
        },
    )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the passes over the rows of each stratum on a logarithmic axis, as bars that begin at one pass.

        A bar to the left means that rows remain unseen, one to the right that rows repeat; more than 20 passes stand
        out. Of more than 60 strata those with the 30 smallest and the 30 largest numbers of passes are shown.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure of pyplot.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigError
            If matplotlib is not installed.

        Examples
        --------
        >>> from equipoise import Census, Plan
        >>> forecast = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}})).forecast(1200)
        >>> [float(bar.get_x() + bar.get_width()) for bar in forecast.plot().patches]
        [1.0, 3.0]
        """
        passes = np.array([row.passes for row in self.rows])
        places, note = extremes(passes, "labels")
        names = names_of([Stratum(row.task, row.label) for row in self.rows])
        with axes_for(ax, row_height(len(places))) as axes:
            pass_bars(axes, [names[at] for at in places], passes[places], MANY_PASSES * ROUNDING)
            axes.set_title(f"Passes over the rows of each label in {self.draws:,} draws{note}")
        return axes


def forecast(
    strata: Sequence[Stratum],
    spans: Mapping[str, slice],
    counts: IntArray,
    sampling: FloatArray,
    target: FloatArray,
    draws: int,
    allow_passes: Passes = 100.0,
) -> Forecast:
    """Forecast the effect of draws from a sampling distribution q to a target p*; see `Plan.forecast`.

    Strata are sorted by task, and `spans` are those of each; all arrays have the shape (S,).
    """
    expected = draws * sampling
    passes = ratios(expected, counts)
    rows = rows_of(
        StratumForecast,
        task=[stratum.task for stratum in strata],
        label=[stratum.label for stratum in strata],
        count=counts,
        data_share=counts / counts.sum(),
        draw_share=sampling,
        expected_draws=expected,
        passes=passes,
        unseen_fraction=np.where(counts > 0, (1 - passes).clip(min=0), 0.0),
        importance_weight=ratios(target, sampling),
    )

    def group(task: str | None, span: slice) -> GroupForecast:
        n, q, p = counts[span], sampling[span], target[span]
        return GroupForecast(
            task=task,
            count=int(n.sum()),
            data_share=float(n.sum() / counts.sum()),
            draw_share=float(q.sum()),
            expected_draws=float(draws * q.sum()),
            effective_sample_size=_kish(q, ratios(q**2, n)),
            effective_draws=draws * _kish(p, ratios(p**2, q)),
            imbalance_before=_imbalance(n.astype(np.float64)),
            imbalance_after=_imbalance(q),
        )

    groups = tuple(group(task, span) for task, span in spans.items())
    limits = limits_of("allow_passes", allow_passes, strata).tolist()
    problems = tuple(problem for row, most in zip(rows, limits, strict=True) for problem in row.problems(draws, most))
    return Forecast(draws, rows, groups, group(None, slice(None)), problems)


def rows_of(kind: Callable[..., R], **columns: Sequence[Any] | npt.NDArray[Any]) -> tuple[R, ...]:
    """Return a row for each place in the columns, which are named as its fields."""
    values = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values())
    return tuple(kind(**dict(zip(columns, row, strict=True))) for row in zip(*values, strict=True))


def _kish(sums: FloatArray, squares: FloatArray) -> float:
    return float(sums.sum() ** 2 / squares.sum()) if sums.any() else 0.0


def _imbalance(amounts: FloatArray) -> float:
    present = amounts[amounts > 0]
    return float(present.max() / present.min()) if present.size else 1.0


def ratios(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> FloatArray:
    """Return a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(len(a)), where=b > 0)


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
