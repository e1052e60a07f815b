"""The fields of the plan: what is drawn, how it changes, and what decides that."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from equipoise.config._values import ScheduleFile, in_range
from equipoise.errors import ConfigError
from equipoise.feedback import Feedback
from equipoise.plan.limits import Passes
from equipoise.rates import Equal, Rates
from equipoise.schedule import Recipe
from equipoise.weights import ClassWeights, Power

VALIDATIONS = 8
"""Validations during a training, and decisions of a feedback rule, unless the configuration sets their steps."""


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """The plan: mixing rates of the tasks, class weights inside them, how they change, and the number of draws.

    Attributes
    ----------
    rates : Rates
        Mixing rates: how often each task is drawn.
    rates_in : {"examples", "tokens", "input_tokens", "target_tokens"}
        What the mixing rates are shares of.
    weights : ClassWeights or mapping of str to ClassWeights
        Class weights: how often each label is drawn within its task; one scheme for all tasks, or one per task.
    draws : int or None
        Number of examples to draw. None is the number of training rows.
    max_passes : float, or mapping of str to float or to mapping of str to float, or None
        At most this many passes over the rows of any label, on average: one number, or one per task or label
        (``"*"``: the rest).
    target_rates : Rates or None
        Mixing rates that the loss is weighted to. None is those that are drawn.
    target_weights : ClassWeights or mapping of str to ClassWeights, or None
        Class weights that the loss is weighted to. None is those that are drawn.
    schedule : Recipe or ScheduleFile, or None
        How the shares change during the training: a recipe, a list of stages, or the file of a schedule that is drawn
        as it is. The schedule of the learning rate is `training.schedule`.
    feedback : Feedback or None
        A rule that changes the plan during the training, from scores or losses on half of the validation rows.
    feedback_every : int or None
        Steps between two decisions of `feedback`. None is eight decisions during the training.
    proxy_of : int or None
        The draws of the full training of which the run is a short proxy. Shares are those of that training, and of
        every label only as large a part of the training rows is drawn as the draws are of its draws, so that the passes
        over a row are those of that training.
    allow_repeats : bool
        Accept a plan whose forecast has errors.
    """

    rates: Rates = field(default_factory=Equal)
    rates_in: Literal["examples", "tokens", "input_tokens", "target_tokens"] = "examples"
    weights: ClassWeights | Mapping[str, ClassWeights] = field(default_factory=Power)
    draws: int | None = None
    max_passes: Passes | None = None
    target_rates: Rates | None = None
    target_weights: ClassWeights | Mapping[str, ClassWeights] | None = None
    schedule: Recipe | ScheduleFile | None = None
    feedback: Feedback | None = None
    feedback_every: int | None = None
    proxy_of: int | None = None
    allow_repeats: bool = False

    def __post_init__(self) -> None:
        if self.draws is not None:
            in_range("plan.draws", self.draws, 1)
        if self.feedback_every is not None:
            in_range("plan.feedback_every", self.feedback_every, 1)
            if self.feedback is None:
                message = "`plan.feedback_every` is how often a rule decides, and `plan.feedback` names none. Set it."
                raise ConfigError("every-without-feedback", message)
        if self.max_passes is not None:
            limits_in_range("plan.max_passes", self.max_passes)
        if self.proxy_of is not None and not 1 <= (self.draws or 0) <= self.proxy_of:
            raise ConfigError(
                "proxy-draws",
                f"`plan.proxy_of` is the number of draws of a full training, of which the run draws a part:"
                f" `plan.draws` must be from 1 to {self.proxy_of}, found {self.draws}. Give fewer draws, or leave"
                " `plan.proxy_of` out.",
            )
        if isinstance(self.schedule, ScheduleFile):
            _refuse_beside_a_file(self)
        if self.schedule is not None and self.feedback is not None:
            message = "`plan.schedule` and `plan.feedback` would both change the plan. Leave one of the two out."
            raise ConfigError("schedule-and-feedback", message)

    @property
    def part(self) -> Fraction:
        """The part that the draws are of those of the full training; 1 unless the run is a proxy.

        Examples
        --------
        >>> PlanConfig(draws=1000, proxy_of=9000).part, PlanConfig(draws=1000).part
        (Fraction(1, 9), Fraction(1, 1))
        """
        return Fraction(1) if self.proxy_of is None or self.draws is None else Fraction(self.draws, self.proxy_of)

    def decided(self, batch_size: int) -> "PlanConfig":
        """Return the same with the steps between two decisions of `feedback`, if there is one; `draws` must be set.

        Examples
        --------
        >>> from equipoise.feedback import ART
        >>> PlanConfig(draws=2880, feedback=ART()).decided(batch_size=32).feedback_every
        10
        """
        if self.feedback is None or self.draws is None:
            return self
        steps = math.ceil(self.draws / batch_size)
        return replace(self, feedback_every=self.feedback_every or max(1, steps // (VALIDATIONS + 1)))


def _refuse_beside_a_file(plan: PlanConfig) -> None:
    default = PlanConfig()
    for name in ("rates", "rates_in", "weights", "max_passes", "target_rates", "target_weights", "proxy_of"):
        if getattr(plan, name) != getattr(default, name):
            raise ConfigError(
                "schedule-and-plan",
                f"`plan.schedule` is a file, which holds all shares, so leave `plan.{name}` out, or give a recipe.",
            )


def limits_in_range(name: str, limits: Passes) -> None:
    if not isinstance(limits, Mapping):
        in_range(name, limits, 0, open_low=True)
        return
    for key, limit in limits.items():
        limits_in_range(f"{name}.{key}", limit)
