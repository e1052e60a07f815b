"""The base of recipes: what changes during a training, and when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from equipoise.base.schemes import Scheme, checked_number
from equipoise.base.values import integer
from equipoise.errors import PlanError
from equipoise.plan.resolving import checked_draws

if TYPE_CHECKING:
    from equipoise.plan.label_shares import WeightsOrNames
    from equipoise.rates import Rates


class Step(NamedTuple):
    """Rates and weights of a stage.

    Attributes
    ----------
    at : int or float
        Where the stage begins: an integer is a draw, a float a part of the training, from 0.0 to below 1.0.
    rates : Rates or str
        Of its plan.
    weights : ClassWeights or str, or mapping of str to these
        Of its plan.
    """

    at: int | float
    rates: Rates | str
    weights: WeightsOrNames


class Recipe(Scheme, ABC):
    """Base of the recipes; to write your own, subclass it as a frozen dataclass with `steps`.

    A class attribute `name` makes a recipe known to configurations and the command line.

    Examples
    --------
    >>> from equipoise.schedule import Cooldown
    >>> [(step.at, str(step.rates)) for step in Cooldown(5, 1).steps("equal", "sqrt")]
    [(0, 'Temperature(temperature=5, scale=1.0)'), (0.5, 'Temperature(temperature=1, scale=1.0)')]
    """

    kind = "schedules"

    @abstractmethod
    def steps(self, rates: Rates | str, weights: WeightsOrNames, /) -> list[Step]:
        """Return the stages, of which the first begins at 0.

        Parameters
        ----------
        rates, weights
            Those of the plan, for what the recipe does not change.
        """


def resolved_steps(
    recipe: Recipe | str | Mapping[str, Any], rates: Rates | str, weights: WeightsOrNames, draws: int, global_batch: int
) -> list[tuple[int, Rates | str, WeightsOrNames]]:
    """Return the steps of a recipe, each at a draw, which is a multiple of the global batch; as `Schedule.build`."""
    draws, size = checked_draws(draws, None), integer("global_batch", global_batch, PlanError)
    steps = Recipe.of(recipe).steps(rates, weights)
    begins = [round((each.at if isinstance(each.at, int) else each.at * draws) / size) * size for each in steps]
    for before, begin in pairwise([-1, *begins]):
        if begin <= before:
            raise PlanError(
                "too-few-draws",
                f"{len(steps)} stages must each have a draw at least, found that two begin at draw {begin} of "
                f"{draws:,} (in batches of {size}). Use fewer stages, or more draws.",
            )
    return [(begin, each.rates, each.weights) for begin, each in zip(begins, steps, strict=True)]


def checked_part(name: str, value: float) -> float:
    """Return a part of a training, or raise a PlanError unless it is above 0 and below 1."""
    part = checked_number(name, value, above=0, hint="Use 0.5 for half of the training.")
    if part >= 1:
        raise PlanError("out-of-range", f"`{name}` must be below 1, found {value!r}. Use 0.5 for half of the training.")
    return part


def checked_stages(value: int) -> int:
    """Return a number of stages, or raise a PlanError unless it is an integer of at least 2."""
    if integer("stages", value, PlanError) < 2:
        raise PlanError("out-of-range", f"`stages` must be an integer of at least 2, found {value!r}.")
    return value
