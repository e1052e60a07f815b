"""The forecast of a schedule: what each stage does, and what all of them do together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.base.masses import WHOLE, largest_remainder
from equipoise.base.tables import aligned_columns, html_table
from equipoise.plan import Forecast, Plan, Stage
from equipoise.plan.forecast import GroupForecast, ratios

_SHOWN = 6  # stages in a table
_NAMED = 3  # rates or weights in a sentence
_ROUNDING = 1e-9  # shares that differ by less do not change


@dataclass(frozen=True, repr=False)
class ScheduleForecast(Forecast):
    """The effect of a number of draws of a schedule.

    Rows, tasks, `overall` and problems are those of all stages together: `draw_share` is the average over the draws,
    and `effective_draws` counts the importance weight of each draw in its own stage.

    Parameters
    ----------
    stages : tuple of (int, Forecast)
        The first draw of each stage that is reached, and the forecast of its draws, without problems.
    """

    stages: tuple[tuple[int, Forecast], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as JSON values."""
        stages = [{"at": at, **each.to_dict()} for at, each in self.stages]
        return super().to_dict() | {"stages": stages}

    def shares(self) -> tuple[list[str], list[list[str]]]:
        """Return headings and cells of the table of shares: a column for each stage, a row for each share that changes.

        Tasks have a row if their shares change, and labels if those inside their task do. Of many stages the first,
        the last and some between them are shown.
        """
        places = np.unique(np.linspace(0, len(self.stages) - 1, _SHOWN).round().astype(int)).tolist()
        of_tasks = {
            task.task: [each.tasks[number].draw_share for _, each in self.stages]
            for number, task in enumerate(self.stages[0][1].tasks)
        }
        of_labels = {
            (row.task, row.label): [each.rows[number].draw_share for _, each in self.stages]
            for number, row in enumerate(self.stages[0][1].rows)
        }
        inside = {key: ratios(np.array(of_labels[key]), np.array(of_tasks[key[0]])) for key in of_labels}
        tasks_change = any(map(_changes, of_tasks.values()))
        labels_change = not tasks_change or any(_changes(shares[shares > 0]) for shares in inside.values())
        found: list[tuple[str, str, list[float]]] = []
        for name in dict.fromkeys([*(task.task for task in self.tasks if task.task), *(row.task for row in self.rows)]):
            labels = [row.label for row in self.rows if row.task == name]
            if tasks_change and (len(labels) != 1 or not labels_change):
                found.append((name, "all", of_tasks[name]))
            if labels_change:
                found += [(name, label or "-", of_labels[name, label]) for label in labels]
        cells = [[task, label, *(f"{shares[place]:.1%}" for place in places)] for task, label, shares in found]
        return ["task", "label", *(f"from {self.stages[place][0]:,}" for place in places)], cells

    @property
    def about(self) -> str:
        """What the table of shares has, in a sentence."""
        count = len(self.stages)
        shown = f"; the table has {_SHOWN} of them" if count > _SHOWN else ""
        return f"{count:,} stages in {self.draws:,} draws{shown}. Shares of the draws of each:"

    def to_text(self) -> str:
        """Return the shares of each stage, the forecast of all of them, and the problems, as plain text."""
        headings, cells = self.shares()
        table = aligned_columns({name: _cell(place) for place, name in enumerate(headings)}, cells)
        return "\n\n".join(["\n".join([self.about, *table]), f"All draws:\n{super().to_text()}"])

    def _repr_html_(self) -> str:
        headings, cells = self.shares()
        table = html_table({name: _cell(place) for place, name in enumerate(headings)}, cells)
        return f"<p>{self.about}</p>{table}<p>All draws:</p>{super()._repr_html_()}"


def _changes(shares: Sequence[float] | npt.NDArray[np.float64]) -> bool:
    return len(shares) > 0 and float(np.ptp(shares)) > _ROUNDING


def _cell(place: int) -> Callable[[list[str]], str]:
    return itemgetter(place)


def averaged(stages: Sequence[Stage], lengths: Sequence[int]) -> Plan:
    """Return the plan of the average shares of stages over so many draws of each; see `Schedule.average`."""
    first = stages[0].plan
    if not any(lengths[1:]):
        return first

    def mean(columns: list[list[int]]) -> npt.NDArray[np.int64]:
        sums = [sum(map(int.__mul__, lengths, column)) for column in zip(*columns, strict=True)]
        return np.array(largest_remainder(sums, WHOLE))

    masses = mean([plan.masses.tolist() for _, plan in stages])
    target_masses = mean([plan.target_masses.tolist() for _, plan in stages])
    rates, weights = (
        _course([plan.rates_text for _, plan in stages]),
        _course([plan.weights_text for _, plan in stages]),
    )
    return Plan(first.strata, first.counts, masses, target_masses, sum(lengths), rates, weights)


def _course(texts: Sequence[str]) -> str:
    """Join the texts of stages; of many the first and the last are named."""
    known = list(dict.fromkeys(texts))
    return " -> ".join(known if len(known) <= _NAMED else [known[0], "...", known[-1]])


def forecast(stages: Sequence[Stage], lengths: Sequence[int], average: Plan, allow_passes: float) -> ScheduleForecast:
    """Forecast a schedule; see `Schedule.forecast`.

    Parameters
    ----------
    stages : sequence of Stage
    lengths : sequence of int
        Draws of each stage.
    average : Plan
        The plan of the average shares over these draws.
    allow_passes : float
        As for `Plan.forecast`.
    """
    draws = sum(lengths)
    whole = average.forecast(draws, allow_passes)
    share = np.array(lengths) / draws
    targets = np.array([plan.target for _, plan in stages])
    squares = np.array([ratios(plan.target**2, plan.probabilities) for _, plan in stages])
    target, square = share @ targets, share @ squares

    def with_effective_draws(group: GroupForecast) -> GroupForecast:
        span = slice(None) if group.task is None else average.span(group.task)
        total = float(square[span].sum())
        return replace(group, effective_draws=draws * float(target[span].sum()) ** 2 / total if total else 0.0)

    of_stages = tuple(
        (stage.at, replace(stage.plan.forecast(length), problems=()))
        for stage, length in zip(stages, lengths, strict=True)
        if length
    )
    tasks = tuple(map(with_effective_draws, whole.tasks))
    return ScheduleForecast(draws, whole.rows, tasks, with_effective_draws(whole.overall), whole.problems, of_stages)
