"""What a training does, in words: the text of tables and of the first screen."""

from collections.abc import Mapping
from typing import Any

from equipoise.config import LossConfig, PlanConfig, RunConfig
from equipoise.plan.limits import text_of
from equipoise.rates import Equal, Proportional, Temperature, UniMax
from equipoise.weights import Balanced, EffectiveNumber, Log, Natural, Power


def title_of(config: RunConfig) -> str:
    """Describe a training by what sets it apart from others."""
    plan, loss = config.plan, config.training.loss
    words = [shares_words(plan)]
    if plan.target_weights is not None or plan.target_rates is not None:
        target = f"{rates_words(plan.target_rates or plan.rates)}, {weights_words(plan.target_weights)}"
        words.append(f"weights in the loss to {target}")
    if plan.max_passes is not None:
        words.append(f"at most {text_of(plan.max_passes)} passes")
    if plan.schedule is not None:
        words.append(f"schedule {plan.schedule}")
    if plan.feedback is not None:
        words.append(f"feedback {plan.feedback}")
    if loss != LossConfig():
        options = ", ".join(f"{name}={value}" for name, value in loss.options.items())
        words.append(f"loss {loss.name}{f'({options})' if options else ''} by {loss.level}")
    return ", ".join(words)


def shares_words(plan: PlanConfig) -> str:
    """Name the shares that a training begins with.

    Examples
    --------
    >>> shares_words(PlanConfig(draws=64))
    'equal tasks, square-root class weights'
    """
    changes = plan.schedule is not None or plan.feedback is not None
    if (plan.rates, plan.weights or Natural(), changes) == (Proportional(), Natural(), False):
        return "every row equally often"
    return f"{rates_words(plan.rates)}, {weights_words(plan.weights)}"


def rates_words(rates: Any) -> str:
    """Name mixing rates.

    Examples
    --------
    >>> rates_words(Equal()), rates_words(Temperature(2.0)), rates_words(Proportional(maximum=900))
    ('equal tasks', 'tasks by temperature 2', 'rates Proportional(maximum=900, scale=1.0)')
    """
    if rates == Equal():
        return "equal tasks"
    if rates == Proportional():
        return "tasks by their rows"
    if isinstance(rates, Temperature) and rates == Temperature(rates.temperature):
        return f"tasks by temperature {rates.temperature:g}"
    return "tasks by UniMax" if rates == UniMax() else f"rates {rates}"


def weights_words(weights: Any) -> str:
    """Name class weights, also those of each task.

    Examples
    --------
    >>> weights_words(Power(0.5)), weights_words({"a": None, "*": Balanced()})
    ('square-root class weights', 'a: natural class shares, *: balanced class weights')
    """
    if isinstance(weights, Mapping):
        return ", ".join(f"{task}: {weights_words(each)}" for task, each in weights.items())
    names = {Natural(): "natural class shares", Power(0.5): "square-root class weights"}
    names |= {Balanced(): "balanced class weights", Log(): "logarithmic class weights"}
    if weights is None or weights in names:
        return names[weights or Natural()]
    if isinstance(weights, EffectiveNumber) and weights.beta is not None:
        return f"class weights by effective number {weights.beta:g}"
    return f"class weights {weights}"
