"""Options of rates and weights that change linearly from one value to another."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeVar, cast

from equipoise.base.registry import registered, suggest
from equipoise.base.schemes import Scheme, checked_number
from equipoise.errors import PlanError
from equipoise.plan.label_shares import WeightsOrNames, class_weights
from equipoise.rates import Rates
from equipoise.schedule.recipe import Recipe, Step, checked_stages
from equipoise.weights import ClassWeights

S = TypeVar("S", bound=Scheme)


@dataclass(frozen=True)
class Linear(Recipe):
    """Options of the plan's rates and weights, interpolated from `start` to `end` in stages.

    Parameters
    ----------
    start, end : mapping of str to float, or to a mapping of str to float
        Options by name, such as ``{"temperature": 5}``, and their values in the first and the last stage. An option
        that is a table, such as the `rates` of `Fixed`, is interpolated entry by entry.
    stages : int
        Number of stages of the same length.

    Raises
    ------
    PlanError
        If `start` and `end` name different options, there are less than two stages, or, on use, rates and weights have
        no such option.

    Examples
    --------
    >>> steps = Linear({"temperature": 5}, {"temperature": 1}, stages=3).steps("temperature", "sqrt")
    >>> [(round(step.at, 3), step.rates.temperature) for step in steps]
    [(0.0, 5.0), (0.333, 3.0), (0.667, 1.0)]
    """

    name = "linear"

    start: Mapping[str, Any]
    end: Mapping[str, Any]
    stages: int = 10

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if not isinstance(getattr(self, name), Mapping) or not getattr(self, name):
                found = getattr(self, name)
                raise PlanError("not-a-mapping", f"`{name}` must map options to values, found {found!r:.80}.")
        if set(self.start) != set(self.end):
            raise PlanError(
                "other-options",
                f"`start` and `end` must name the same options, found {sorted(self.start)} and {sorted(self.end)}.",
            )
        checked_stages(self.stages)

    def steps(self, rates: Rates | str, weights: WeightsOrNames, /) -> list[Step]:
        """Return the stages."""
        first, by_task = (
            Rates.of(self._with_options(Rates, rates)),
            class_weights(self._with_options(ClassWeights, weights)),
        )
        schemes: list[Scheme] = [first, *(by_task.values() if isinstance(by_task, Mapping) else [by_task])]
        known = {name for scheme in schemes for name in _names(scheme)}
        for name in self.start:
            if name not in known:
                raise PlanError(
                    "unknown-option",
                    f"`start` and `end` must name options of {', '.join(map(str, schemes))}, found {name!r}."
                    f"{suggest(name, known)}",
                )
        steps: list[Step] = []
        for number in range(self.stages):
            part = number / (self.stages - 1)
            its_weights = (
                {task: self._at(part, scheme) for task, scheme in by_task.items()}
                if isinstance(by_task, Mapping)
                else self._at(part, by_task)
            )
            steps.append(Step(number / self.stages, self._at(part, first), its_weights))
        return steps

    def _with_options(self, base: type[Scheme], value: Any) -> Any:
        """Return the name of a scheme with the options in `start` that it cannot be made without."""
        kind = registered(base).get(value) if isinstance(value, str) else None
        required = [field.name for field in fields(cast("Any", kind)) if field.default is MISSING] if kind else []
        options = {name: self.start[name] for name in required if name in self.start}
        return {"name": value, **options} if options else value

    def _at(self, part: float, scheme: S) -> S:
        names = [name for name in self.start if name in _names(scheme)]
        values = {name: _between(name, self.start[name], self.end[name], part) for name in names}
        return replace(cast("Any", scheme), **values)


def _names(scheme: Scheme) -> list[str]:
    return [field.name for field in fields(cast("Any", scheme))]


def _between(name: str, start: Any, end: Any, part: float) -> Any:
    if isinstance(start, Mapping) and isinstance(end, Mapping) and set(start) == set(end):
        return {key: _between(f"{name}[{key!r}]", start[key], end[key], part) for key in start}
    hint = "Give `start` and `end` a number, or tables of the same names."
    first, last = (checked_number(name, value, hint=hint) for value in (start, end))
    return first + (last - first) * part
