"""Stages that are listed: where each begins, and its rates and weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.base.registry import suggest
from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.plan.label_shares import WeightsOrNames, class_weights
from equipoise.rates import Rates
from equipoise.schedule.recipe import Recipe, Step

_KEYS = ("at", "rates", "weights")


@dataclass(frozen=True)
class Stages(Recipe):
    """Stages one by one, as `plan.schedule` of a configuration lists them.

    Parameters
    ----------
    stages : sequence of mappings
        `at`, an integer (a draw) or a float (a part of the training); `rates` and `weights`, by default those of the
        plan. Before the first stage the plan is as it is without a schedule.

    Raises
    ------
    PlanError
        If there is no stage, or one has an unknown key, no `at`, or a position or scheme that cannot be used.

    Examples
    --------
    >>> steps = Stages([{"at": 0.5, "rates": "proportional"}]).steps("equal", "sqrt")
    >>> [(step.at, str(step.rates), str(step.weights)) for step in steps]
    [(0, 'equal', 'sqrt'), (0.5, 'Proportional(scale=1.0)', 'Power(gamma=0.5)')]
    """

    name = "stages"

    stages: Sequence[Mapping[str, Any]]

    def __post_init__(self) -> None:
        if isinstance(self.stages, str | Mapping) or not self.stages:
            message = f"`stages` must be a list of mappings with the key `at`, found {self.stages!r:.80}."
            raise PlanError("not-stages", message)
        object.__setattr__(self, "stages", tuple(_plain(stage) for stage in self.stages))

    def steps(self, rates: Rates | str, weights: WeightsOrNames, /) -> list[Step]:
        """Return the stages; the plan without a schedule first, unless one begins at 0."""
        listed = [
            Step(
                each["at"],
                Rates.of(each.get("rates", rates)),
                class_weights(each.get("weights", weights)),
            )
            for each in self.stages
        ]
        return listed if listed[0].at == 0 else [Step(0, rates, weights), *listed]


def _plain(stage: Any) -> dict[str, Any]:
    """Return a stage with its schemes as JSON values, or raise a PlanError."""
    if not isinstance(stage, Mapping):
        raise PlanError("not-stages", f"a stage must be a mapping with the key `at`, found {stage!r:.80}.")
    for key in stage:
        if key not in _KEYS:
            message = f"a stage must have the keys {', '.join(_KEYS)}, found {key!r:.80}.{suggest(key, _KEYS)}"
            raise PlanError("unknown-option", message)
    hint = "An integer is a draw, a number below 1 a part of the training."
    at = checked_number("at", stage.get("at"), least=0, hint=hint)
    if isinstance(stage["at"], float) and at >= 1:
        raise PlanError("out-of-range", f"`at` must be an integer, or a number below 1, found {stage['at']!r}. {hint}")
    plain: dict[str, Any] = {"at": stage["at"]}
    if "rates" in stage:
        plain["rates"] = Rates.of(stage["rates"]).to_dict()
    if "weights" in stage:
        weights = class_weights(stage["weights"])
        plain["weights"] = (
            {task: scheme.to_dict() for task, scheme in weights.items()}
            if isinstance(weights, Mapping)
            else weights.to_dict()
        )
    return plain
