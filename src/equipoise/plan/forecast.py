"""The forecast: the effect of a number of draws, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equipoise.base.problems import Problem
from equipoise.census import Stratum
from equipoise.plan.forecasted import COLUMNS, GROUP_COLUMNS, Forecasted, rows_of
from equipoise.plan.limits import ROUNDING, Passes, limit_advice, limits_of
from equipoise.plan.shown import plot_passes
from equipoise.rates.base import FloatArray, IntArray

if TYPE_CHECKING:
    from equipoise.base.plots import Axes

MANY_PASSES = 20.0
"""A rare part of a pretraining mixture gains up to here (Sedova et al. 2026); see "Passes" on the page "Methods"."""


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

    def problems(
        self, draws: int, allow_passes: float, name: str | None = None, passes: tuple[float, float] = (0.0, 0.0)
    ) -> list[Problem]:
        """Check how often the row is drawn.

        `name` begins the sentences; `passes` are those over the task that has the most, and over all tasks.
        """
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
            limit = limit_advice(allow_passes, draws, *passes, allow_passes)
            advice = f"At most {allow_passes:g} are allowed. {limit} Weights closer to natural repeat it less."
            return [Problem("error", "too-many-passes", f"{seen} {advice}")]
        if self.passes > MANY_PASSES * ROUNDING:
            limit = limit_advice(MANY_PASSES, draws, *passes, allow_passes)
            advice = (
                "In pretraining, a rare part of a mixture gains from up to 15 to 20 passes; in fine-tuning, until its"
                f' training accuracy saturates (see "Passes" on the page "Methods"). {limit}'
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
        strata = [Stratum(row.task, row.label) for row in self.rows]
        passes = np.array([row.passes for row in self.rows])
        return plot_passes(ax, strata, passes, MANY_PASSES * ROUNDING, self.draws)


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
    drawn = [(float(expected[span].sum()), int(counts[span][sampling[span] > 0].sum())) for span in spans.values()]
    of_a_task = max(each / rows_drawn for each, rows_drawn in drawn if rows_drawn)
    passes_of = of_a_task, draws / sum(rows_drawn for _, rows_drawn in drawn)
    problems = tuple(
        problem
        for row, most in zip(rows, limits, strict=True)
        for problem in row.problems(draws, most, passes=passes_of)
    )
    return Forecast(draws, rows, groups, group(None, slice(None)), problems)


def _kish(sums: FloatArray, squares: FloatArray) -> float:
    return float(sums.sum() ** 2 / squares.sum()) if sums.any() else 0.0


def _imbalance(amounts: FloatArray) -> float:
    present = amounts[amounts > 0]
    return float(present.max() / present.min()) if present.size else 1.0


def ratios(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> FloatArray:
    """Return a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(len(a)), where=b > 0)
