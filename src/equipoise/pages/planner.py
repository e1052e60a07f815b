"""The planner: sliders that show in the browser what another plan would draw from the same training rows."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from equipoise.census import Census
from equipoise.errors import PlanError, PlanWarning
from equipoise.pages.page import render
from equipoise.plan import Plan
from equipoise.rates import Equal, Temperature
from equipoise.schedule import Drawable
from equipoise.weights import Power

MOST_ROWS = 200
"""Rows of a table; the planner reports how many tasks or labels are left out."""

# Round numbers, about evenly spaced in 1/T, in gamma, and in the logarithm of passes. None: equal, no cap.
_TEMPERATURES: tuple[float | None, ...] = (
    *(1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.3, 3.5, 4, 4.5, 5, 6, 7, 8),
    *(10, 12, 15, 20, 30, 50, 100, None),
)
_GAMMAS = tuple(round(0.05 * step, 2) for step in range(21))
_CAPS: tuple[float | None, ...] = (*(1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100), None)
_TIMES_THE_ROWS: tuple[float, ...] = tuple(np.geomspace(0.1, 20, 47).tolist())

_RATES_TEXT = re.compile(r"(?:Proportional|(Equal)|Temperature)\((?:temperature=([0-9.e+-]+))?.*\)")
_WEIGHTS_TEXT = re.compile(
    r"(?:(Natural)|Power|Balanced|InverseFrequency)\((?:gamma=([0-9.e+-]+))?\)(?:, at most ([0-9.e+-]+) passes)?"
)


class Settings(NamedTuple):
    """The positions of the sliders; T is None for equal rates, the cap None for no cap."""

    temperature: float | None
    gamma: float
    max_passes: float | None
    draws: int


@dataclass(frozen=True)
class _Slider:
    name: str
    title: str
    low: str
    high: str
    stops: Sequence[float | None]


def planner_section(plan: Drawable) -> Markup:
    """Return the planner as a fragment of a page, without a heading: HTML, style, data and script; one per page.

    It uses the page's CSS variables --ink, --faint, --line, --first, --second and --third. The sliders start at
    the plan's settings if they can show them: equal, proportional or temperature-scaled rates (T of at
    least 1) with natural, power (gamma of at most 1) or balanced weights. Otherwise they start at equal rates and
    square-root weights; the fragment shows which. They cannot show a schedule.

    Parameters
    ----------
    plan : Plan or Schedule
        Its settings are the start of the sliders; its strata and counts are what they draw from.

    Returns
    -------
    Markup
        HTML in which every string from data is escaped.

    Examples
    --------
    >>> plan = Plan.build(Census.from_counts({"mood": {"</script>": 900, "sad": 100}, "topic": 50}), draws=2000)
    >>> planner_section(plan).count("</script>")
    2
    """
    total = int(plan.counts.sum())
    shown = plan.average(plan.draws or total)
    own = own_settings(shown)
    start = own or Settings(None, 0.5, None, plan.draws or total)
    sliders = _sliders(start, total)
    numbers = {task: number for number, task in enumerate(plan.tasks)}
    values = {
        "data": {
            "tasks": plan.tasks,
            "task": [numbers[stratum.task] for stratum in plan.strata],
            "label": [stratum.label for stratum in plan.strata],
            "count": plan.counts.tolist(),
        },
        "stops": {slider.name: slider.stops for slider in sliders},
        "start": {slider.name: slider.stops.index(at) for slider, at in zip(sliders, start, strict=True)},
        "most": MOST_ROWS,
    }
    fields: dict[str, Any] = {
        "plan": shown,
        "is_own": own is not None,
        "total": total,
        "sliders": sliders,
    }
    text = render("planner.html.j2", **fields, values=values)
    return Markup(text)  # noqa: S704 (the template escapes)


def own_settings(plan: Plan) -> Settings | None:
    """Return the settings at which the sliders show exactly this plan, or None if there are none.

    They are parsed from the plan's texts, and checked by building the plan again.

    Examples
    --------
    >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": {"a": 50}})
    >>> own_settings(Plan.build(census, Temperature(2), Power(0.3), draws=500))
    Settings(temperature=2.0, gamma=0.3, max_passes=None, draws=500)
    >>> own_settings(Plan.build(census, Temperature(2, maximum=100))) is None
    True
    """
    rates, weights = _RATES_TEXT.fullmatch(plan.rates_text), _WEIGHTS_TEXT.fullmatch(plan.weights_text)
    if rates is None or weights is None:
        return None
    temperature = None if rates[1] else float(rates[2] or 1)
    gamma = float(weights[2] or (0 if weights[1] else 1))
    max_passes = float(weights[3]) if weights[3] else None
    if (temperature is not None and temperature < 1) or gamma > 1:
        return None
    census = Census(plan.strata, plan.counts)
    scheme = Equal() if temperature is None else Temperature(temperature)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PlanWarning)  # given where the plan itself was built
            built = Plan.build(census, scheme, Power(gamma), max_passes=max_passes, draws=plan.draws)
    except PlanError:
        return None
    same = np.allclose([built.probabilities, built.target], [plan.probabilities, plan.target], rtol=1e-9, atol=2**-60)
    return Settings(temperature, gamma, max_passes, plan.draws or int(plan.counts.sum())) if same else None


def _sliders(start: Settings, total: int) -> list[_Slider]:
    rows = (max(1, int(float(f"{total * times:.2g}"))) for times in _TIMES_THE_ROWS)
    return [
        _Slider(
            "temperature", "Task temperature T", "as in the data", "equal", _stops(_TEMPERATURES, start.temperature)
        ),
        _Slider("gamma", "Class weights, gamma", "as in the data", "balanced", _stops(_GAMMAS, start.gamma)),
        _Slider("maxPasses", "Cap on passes", "few", "off", _stops(_CAPS, start.max_passes)),
        _Slider("draws", "Draws", "few", "many", _stops((*rows, total), start.draws)),
    ]


def _stops(values: Sequence[float | None], start: float | None) -> list[float | None]:
    """Sort the stops, with the plan's own; None comes last."""
    return sorted({*values, start}, key=lambda value: (value is None, value))
