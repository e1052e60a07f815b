"""Plans one after another over the draws of a training: shares that change, and stay exact."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equipoise.census import Census, Stratum
from equipoise.census.strata import Stratified
from equipoise.plan import Plan, Stage
from equipoise.plan.plan_json import check_unchanged
from equipoise.plan.resolving import checked_draws
from equipoise.rates import Rates
from equipoise.schedule import schedule_json
from equipoise.schedule.checking import checked_stages
from equipoise.schedule.forecast import ScheduleForecast, averaged, forecast
from equipoise.schedule.linear import Linear
from equipoise.schedule.picture import Drawn, bands, picture, reached
from equipoise.schedule.plotted import plot_bands
from equipoise.schedule.recipe import Recipe, resolved_steps

if TYPE_CHECKING:
    from equipoise.base.plots import Axes
    from equipoise.plan.label_shares import WeightsOrNames
    from equipoise.plan.limits import Passes
    from equipoise.plan.resolving import Tokens


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Stratified):
    """A sequence of plans over the draws of a training; it is drawn wherever a plan is.

    The shares of each stage are exact, and so is their sum over all stages. A stratum's passes run on where the plan
    changes: nothing is repeated or skipped. The last stage never ends.

    Parameters
    ----------
    stages : sequence of (int, Plan)
        The first draw of each stage, counted over the whole training and all ranks, and its plan. The first is 0, and
        they rise; all plans have the same strata and counts. A block ends where a stage begins, also if it has the
        plan of the stage before.

    Raises
    ------
    PlanError
        If there are no stages, they are not in order, or a plan has other strata or counts than the first.

    Examples
    --------
    >>> from equipoise import Census, Plan, draw_strata
    >>> census = Census.from_counts({"large": 900, "small": 100})
    >>> equal, natural = (Plan.build(census, rates=rates) for rates in ("equal", "proportional"))
    >>> schedule = Schedule([(0, equal), (2000, natural)])
    >>> strata = draw_strata(schedule, seed=0, first=0, last=2000 + 20_480)
    >>> [np.bincount(part).tolist() for part in (strata[:2000], strata[2000:])]
    [[1000, 1000], [18432, 2048]]
    >>> Schedule.from_json(schedule.to_json()) == schedule
    True
    """

    stages: tuple[Stage, ...]

    def __init__(self, stages: Sequence[tuple[int, Plan]]) -> None:
        object.__setattr__(self, "stages", checked_stages(stages))

    @classmethod
    def build(
        cls,
        census: Census,
        recipe: Recipe | str | Mapping[str, Any],
        rates: Rates | str = "equal",
        weights: WeightsOrNames = "sqrt",
        *,
        draws: int,
        global_batch: int = 1,
        max_passes: Passes | None = None,
        target_rates: Rates | str | None = None,
        target_weights: WeightsOrNames | None = None,
        tokens: Tokens | None = None,
    ) -> Schedule:
        """Resolve a recipe to a schedule; a stage that changes nothing is left out.

        Parameters
        ----------
        census : Census
            The counts of the training examples.
        recipe : Recipe, str or mapping
            What changes and when, such as ``Cooldown(5, 1, at=0.5)`` or its string form, "cooldown:5,1,at=0.5".
        rates, weights
            As for `Plan.build`: what the recipe does not change.
        draws : int
            The planned number of draws of the training.
        global_batch : int, default 1
            Stages begin at multiples of it, so that no batch is of two stages.
        max_passes, target_rates, target_weights, tokens
            As for `Plan.build`, of every stage. No stage gets more than its part of `max_passes`.

        Raises
        ------
        PlanError
            If the recipe or a plan cannot be resolved, or there are too few draws for the recipe's stages.

        Examples
        --------
        >>> from equipoise import Census
        >>> census = Census.from_counts({"large": 10_000, "small": 1})
        >>> schedule = Schedule.build(census, "cooldown", draws=4000, global_batch=32)
        >>> [(at, plan.probabilities.round(3).tolist()) for at, plan in schedule.stages]
        [(0, [0.863, 0.137]), (1984, [1.0, 0.0])]
        """
        stages: list[tuple[int, Plan]] = []
        for at, its_rates, its_weights in resolved_steps(recipe, rates, weights, draws, global_batch):
            plan = Plan.build(
                census,
                its_rates,
                its_weights,
                max_passes=max_passes,
                draws=draws,
                target_rates=target_rates,
                target_weights=target_weights,
                tokens=tokens,
            )
            if not stages or plan.fingerprint != stages[-1][1].fingerprint:
                stages.append((at, plan))
        return cls(stages)

    @classmethod
    def linear(
        cls,
        census: Census,
        *,
        draws: int,
        rates: Rates | str = "equal",
        weights: WeightsOrNames = "sqrt",
        start: Mapping[str, Any],
        end: Mapping[str, Any],
        stages: int = 10,
        global_batch: int = 1,
    ) -> Schedule:
        """Change options of rates and weights from one value to another, in stages of the same length.

        Parameters
        ----------
        census, draws, rates, weights, global_batch
            As for `build`.
        start, end : mapping of str to float, or to a mapping of str to float
            Options of `rates` or `weights`, by name, and their values in the first and the last stage; between them
            they are interpolated.
        stages : int, default 10
            The number of stages.

        Examples
        --------
        >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
        >>> schedule = Schedule.linear(
        ...     census, draws=3000, weights="power", start={"gamma": 0.0}, end={"gamma": 1.0}, stages=3
        ... )
        >>> [(at, plan.probabilities.tolist()) for at, plan in schedule.stages]
        [(0, [0.9, 0.1]), (1000, [0.75, 0.25]), (2000, [0.5, 0.5])]
        """
        return cls.build(census, Linear(start, end, stages), rates, weights, draws=draws, global_batch=global_batch)

    @property
    def strata(self) -> tuple[Stratum, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The strata of all plans, sorted by task and label."""
        return self.stages[0].plan.strata

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Examples of each stratum."""
        return self.stages[0].plan.counts

    @property
    def draws(self) -> int | None:
        """The planned number of draws of the training."""
        return self.stages[0].plan.draws

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of all that determines the draws; of a single stage, that of its plan."""
        return schedule_json.fingerprint(self.stages)

    def stage_at(self, position: int) -> int:
        """Return the number of the stage that holds a position, from 0."""
        return bisect_right([stage.at for stage in self.stages], position) - 1

    def lengths(self, draws: int | None = None) -> list[int]:
        """Return how many of the first `draws` draws (by default the planned number) are of each stage."""
        draws = checked_draws(draws, self.draws)
        begins = [min(stage.at, draws) for stage in self.stages]
        return [end - begin for begin, end in pairwise([*begins, draws])]

    def average(self, draws: int | None = None) -> Plan:
        """Return the plan of the average shares over `draws` draws, by default the planned number.

        What was trained on as a whole: for the passes of a training, and for calibration.

        Examples
        --------
        >>> census = Census.from_counts({"large": 900, "small": 100})
        >>> equal, natural = (Plan.build(census, rates=rates) for rates in ("equal", "proportional"))
        >>> Schedule([(0, equal), (1000, natural)]).average(4000).probabilities.tolist()
        [0.8, 0.2]
        """
        return averaged(self.stages, self.lengths(draws))

    def changed(self, plan: Plan, at: int) -> Schedule:
        """Return the schedule that draws a plan from a position on, instead of what it would draw there."""
        return Schedule([*(stage for stage in self.stages if stage.at < at), (at, plan)])

    def forecast(self, draws: int | None = None, allow_passes: float = 100.0) -> ScheduleForecast:
        """Forecast the effect of `draws` draws, per stage and in all; see `Plan.forecast`.

        Examples
        --------
        >>> census = Census.from_counts({"large": 900, "small": 100})
        >>> equal, natural = (Plan.build(census, rates=rates) for rates in ("equal", "proportional"))
        >>> forecast = Schedule([(0, equal), (1000, natural)]).forecast(4000)
        >>> [round(row.passes, 2) for row in forecast.rows], [at for at, _ in forecast.stages]
        ([3.56, 8.0], [0, 1000])
        """
        return forecast(self.stages, self.lengths(draws), self.average(draws), allow_passes)

    def to_svg(self, draws: int | None = None, drawn: Drawn | None = None) -> str:
        """Return a picture of the shares over the first `draws` draws (by default the planned number) as SVG.

        Shows tasks or labels, by what changes; of many those whose share changes most, as the picture says. What was
        `drawn` is shown as dots.

        Examples
        --------
        >>> census = Census.from_counts({"large": 900, "small": 100})
        >>> "large <tspan" in Schedule.build(census, "cooldown", draws=4000).to_svg()
        True
        """
        draws = checked_draws(draws, self.draws)
        return picture(self.strata, *reached(self.stages, draws), draws, drawn)

    def plot(self, ax: Axes | None = None, *, draws: int | None = None) -> Axes:
        """Draw the shares over the first `draws` draws as stacked bands; those that `to_svg` shows.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure of pyplot.
        draws : int, optional
            By default the planned number.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigError
            If matplotlib is not installed.

        Examples
        --------
        >>> census = Census.from_counts({"large": 900, "small": 100})
        >>> ax = Schedule.build(census, "cooldown", draws=4000).plot()
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['large: 60.8% → 90.0%', 'small: 39.2% → 10.0%']
        """
        draws = checked_draws(draws, self.draws)
        begins, shares = reached(self.stages, draws)
        return plot_bands(ax, *bands(self.strata, shares), begins, draws)

    def to_json(self) -> str:
        """Return the schedule as a JSON string, with its fingerprint."""
        return schedule_json.to_json(self.stages, self.fingerprint)

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Make a schedule from a string of `to_json`; a PlanError if it is damaged or was changed."""
        stages, fingerprint = schedule_json.parse(text)
        schedule = cls(stages)
        check_unchanged("schedule", schedule.fingerprint, fingerprint)
        return schedule

    def __repr__(self) -> str:
        begins = ", ".join(f"{stage.at:,}" for stage in self.stages[:8]) + (", ..." if self.stages[8:] else "")
        return (
            f"Schedule({len(self.stages)} stages from draws {begins}; {len(self.tasks)} tasks, {len(self.strata)}"
            f" strata, fingerprint={self.fingerprint[:12]})"
        )

    def _repr_html_(self) -> str:
        if not self.draws:
            return f"<p>{escape(repr(self))}</p>"
        forecast: Any = self.forecast()
        return f"<p>{escape(repr(self))}</p>{self.to_svg()}{forecast._repr_html_()}"
