"""A number of draws to begin with, and the limits that its passes need."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

from equipoise.census import Census
from equipoise.errors import PlanError, PlanWarning
from equipoise.plan.forecast import MANY_PASSES, Forecast, StratumForecast
from equipoise.plan.limits import ROUNDING
from equipoise.plan.plan import Plan

LEAST_DRAWS: Final = 10_240
"""With fewer draws small models from scratch had learnt little (benchmarks/RESULTS.md, the learning curves)."""
MOST_PASSES: Final = 100.0
"""A forecast of more is an error."""
_BATCH: Final = 32


@dataclass(frozen=True)
class Suggested:
    """A plan to begin with.

    Attributes
    ----------
    rates, weights : str
        The schemes, as the command takes them.
    draws : int
        The number of draws.
    max_passes : float or None
        The limit of passes that these draws need, if they need one.
    why_draws, why_passes : str
        Where the numbers come from.
    forecast : Forecast
        What the draws do.
    """

    rates: str
    weights: str
    draws: int
    max_passes: float | None
    why_draws: str
    why_passes: str
    forecast: Forecast

    @property
    def rarest(self) -> StratumForecast:
        """The label with the fewest rows."""
        return min((row for row in self.forecast.rows if row.count), key=lambda row: row.count)

    @property
    def most_seen(self) -> StratumForecast:
        """The label whose rows are repeated most."""
        return max(self.forecast.rows, key=lambda row: row.passes)

    @property
    def repeats(self) -> bool:
        """Whether a label is repeated more than 20 times."""
        return self.most_seen.passes > MANY_PASSES * ROUNDING


def suggest_plan(census: Census, rates: str = "equal", weights: str = "sqrt", draws: int | None = None) -> Suggested:
    """Suggest draws for rates and weights, and limit the passes where the forecast would be refused.

    One pass over all rows is suggested. Of fewer than 10,240 rows it is more: as many draws, up to that number, as
    repeat no label more than 20 times. A label is limited to 100 passes where it would get more, and where a whole task
    would, `rates` become ``unimax:100``.

    Parameters
    ----------
    census : Census
        The counts of the training rows.
    rates, weights : str
        The schemes.
    draws : int, optional
        A number of draws that is given.

    Raises
    ------
    PlanError
        If the schemes do not fit the census.

    Examples
    --------
    >>> found = suggest_plan(Census.from_counts({"mood": {"glad": 980, "sad": 20}}))
    >>> found.draws, found.max_passes, round(found.most_seen.passes, 1)
    (3200, None, 20.0)
    """
    why = "the number is given"
    if draws is None:
        draws, why = _draws(census, rates, weights)
    forecast = _forecast(census, rates, weights, draws)
    most = max(forecast.rows, key=lambda row: row.passes)
    if most.passes <= MOST_PASSES:
        passes = f"{named(most)} is repeated most, {most.passes:.3g} times"
        return Suggested(rates, weights, draws, None, why, passes, forecast)
    passes = f"without a limit {named(most)} would be repeated {most.passes:,.3g} times, and more than 100 are refused"
    for scheme in (rates, f"unimax:{MOST_PASSES:g}"):
        try:
            forecast = _forecast(census, scheme, weights, draws, MOST_PASSES)
        except PlanError:  # a task does not fit
            continue
        return Suggested(scheme, weights, draws, MOST_PASSES, why, passes, forecast)
    fitting = int(census.total * MOST_PASSES)
    raise PlanError(
        "too-many-passes",
        f"{draws:,} draws repeat the {census.total:,} training rows more than {MOST_PASSES:g} times. Give at most"
        f" {fitting:,} draws.",
    )


def named(row: StratumForecast) -> str:
    """Return the name of a stratum for people.

    Examples
    --------
    >>> named(suggest_plan(Census.from_counts({"mood": {"glad": 980, "sad": 20}})).rarest)
    "'sad' of mood"
    """
    return row.task if row.label is None else f"{row.label!r} of {row.task}"


def _draws(census: Census, rates: str, weights: str) -> tuple[int, str]:
    if census.total >= LEAST_DRAWS:
        return census.total, f"one pass over the {census.total:,} training rows"
    forecast = _forecast(census, rates, weights, LEAST_DRAWS)
    most = max(forecast.rows, key=lambda row: row.passes)
    if most.passes <= MANY_PASSES:
        return LEAST_DRAWS, "with fewer, small models from scratch have learnt little"
    fitting = int(LEAST_DRAWS * MANY_PASSES / most.passes) // _BATCH * _BATCH
    if fitting <= census.total:
        return census.total, f"one pass over the {census.total:,} training rows"
    return fitting, f"as many as repeat no label more than {MANY_PASSES:g} times"


def _forecast(census: Census, rates: str, weights: str, draws: int, max_passes: float | None = None) -> Forecast:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlanWarning)  # open-ended tasks have no labels to weigh
        plan = Plan.build(census, rates, weights, draws=draws, max_passes=max_passes)
    return plan.forecast(draws)
