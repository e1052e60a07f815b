"""What a training began with, and the plans that were decided while it ran."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from equipoise.base.codec import from_plain
from equipoise.base.plain_json import parse_json
from equipoise.errors import PlanError
from equipoise.plan import Plan, Stage
from equipoise.schedule.schedule import Schedule
from equipoise.schedule.schedule_json import is_schedule

Drawable = Plan | Schedule
"""What can be drawn from: it has `stages`, `strata`, `counts`, a `fingerprint`, an `average` and a `forecast`."""


def read_drawable(text: str) -> Drawable:
    """Make a plan or a schedule from the string of its `to_json`; a PlanError if it is neither.

    Examples
    --------
    >>> from equipoise import Census
    >>> plan = Plan.build(Census.from_counts({"large": 900, "small": 100}))
    >>> read_drawable(plan.to_json()) == plan, read_drawable(Schedule([(0, plan)]).to_json()).stages == plan.stages
    (True, True)
    """
    return Schedule.from_json(text) if is_schedule(text) else Plan.from_json(text)


@dataclass(frozen=True)
class _Values:
    declared: str
    decided: list[tuple[int, str]]


@dataclass(frozen=True)
class Replanned:
    """A plan or schedule, and what was decided instead of it.

    Parameters
    ----------
    declared : Plan or Schedule
        What the training began with.
    decided : tuple of Stage
        The plans that were decided during it, by rising positions.

    Examples
    --------
    >>> from equipoise import Census
    >>> census = Census.from_counts({"large": 900, "small": 100})
    >>> equal, natural = (Plan.build(census, rates=rates) for rates in ("equal", "proportional"))
    >>> course = Replanned(equal).changed(natural, at=2000)
    >>> course.drawn == Schedule([(0, equal), (2000, natural)]), Replanned.from_json(course.to_json()) == course
    (True, True)
    """

    declared: Drawable
    decided: tuple[Stage, ...] = ()

    @cached_property
    def drawn(self) -> Drawable:
        """What is drawn in all."""
        plan = self.declared
        for at, decided in self.decided:
            plan = Schedule(plan.stages).changed(decided, at)
        return plan

    def changed(self, plan: Plan, at: int) -> Replanned:
        """Return the same with a plan that is drawn from a position on; itself if that is what is drawn there."""
        last = self.drawn.stages[-1]
        if last.at < at and last.plan.fingerprint == plan.fingerprint:
            return self
        return Replanned(self.declared, (*(stage for stage in self.decided if stage.at < at), Stage(at, plan)))

    def to_json(self) -> str:
        """Return all as a JSON string: that of the plan itself if nothing was decided."""
        return self._json

    @cached_property
    def _json(self) -> str:  # a state holds it, and loaders may take one at every batch
        if not self.decided:
            return self.declared.to_json()
        decided = [[at, plan.to_json()] for at, plan in self.decided]
        return json.dumps({"declared": self.declared.to_json(), "decided": decided})

    @classmethod
    def from_json(cls, text: str) -> Replanned:
        """Make it from a string of `to_json`; a PlanError if that is damaged or was changed."""
        values = parse_json(text, lambda why: PlanError("not-json", f"a plan or a schedule must be JSON: {why}."))
        if not isinstance(values, dict) or "declared" not in values:
            return cls(read_drawable(text))
        found = from_plain(_Values, values, lambda why: PlanError("damaged-schedule", f"this is not a schedule: {why}"))
        decided = tuple(Stage(at, Plan.from_json(plan)) for at, plan in found.decided)
        for before, now in pairwise(decided):
            if not before.at < now.at:
                message = f"decided plans must begin at rising draws, found {now.at} after {before.at}."
                raise PlanError("unsorted-stages", message)
        replanned = cls(read_drawable(found.declared), decided)
        _ = replanned.drawn  # refuses other strata
        return replanned
