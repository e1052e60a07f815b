"""Census, rates (of examples or of tokens), weights and caps resolved to one probability per stratum."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from equipoise.base.masses import WHOLE, masses_of, water_fill
from equipoise.base.values import integer
from equipoise.census import Census, Stratum
from equipoise.census.strata import read_only
from equipoise.errors import PlanError
from equipoise.plan.forecast import ratios
from equipoise.plan.label_shares import (
    Weights,
    WeightsOrNames,
    check_open_ended,
    class_weights,
    label_shares,
    text_of_weights,
)
from equipoise.plan.limits import Passes, limits_of, text_of
from equipoise.rates import Rates
from equipoise.rates.base import FloatArray

Tokens = Mapping[Stratum, float] | Sequence[float] | FloatArray

MOST_DRAWS = WHOLE >> 1
"""The length of every stream."""
_ROUNDS = 200  # of the search for rates in tokens under a cap; about ten suffice
_HALVINGS = 100


def resolved(
    census: Census,
    rates: Rates | str,
    weights: WeightsOrNames,
    max_passes: Passes | None,
    draws: int | None,
    target_rates: Rates | str | None,
    target_weights: WeightsOrNames | None,
    tokens: Tokens | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], str, str]:
    """Resolve what `Plan.build` takes, which calls it, to masses, target masses, and rates and weights in words."""
    if draws is not None:
        checked_draws(draws, None)
    rates, weights = Rates.of(rates), class_weights(weights)
    check_open_ended(census, weights, stacklevel=4)
    lengths = None if tokens is None else checked_tokens(census, tokens)
    masses = masses_of(probabilities_of(census, rates, weights, draws, max_passes, lengths))
    rates_text, weights_text = str(rates), text_of_weights(weights)
    if tokens is not None:
        rates_text += " of tokens"
    if max_passes is not None:
        weights_text += f", at most {text_of(max_passes)} passes"
    if target_rates is None and target_weights is None:
        return masses, masses, rates_text, weights_text
    target_rates = Rates.of(rates if target_rates is None else target_rates)
    target_weights = class_weights(weights if target_weights is None else target_weights)
    check_open_ended(census, target_weights, "target_weights", stacklevel=4)
    target_masses = masses_of(probabilities_of(census, target_rates, target_weights, draws, tokens=lengths))
    rates_text += f", target {target_rates}"
    weights_text += f", target {text_of_weights(target_weights)}"
    return masses, target_masses, rates_text, weights_text


def probabilities_of(
    census: Census,
    rates: Rates,
    weights: Weights,
    draws: int | None,
    max_passes: Passes | None = None,
    tokens: FloatArray | None = None,
) -> FloatArray:
    """Return rate of the task * share in the task, per stratum, under the limits of passes.

    Raises
    ------
    PlanError
        If the census is empty, a scheme does not fit it, or the draws do not fit under the limits.
    """
    if not census.total:
        raise PlanError("no-examples", "the census must have examples, found none. Check that the data was read.")
    limits = None if max_passes is None else limits_of("max_passes", max_passes, census.strata)
    wanted = shares = label_shares(census, weights)
    for _ in range(_ROUNDS):
        of_tasks = _rates_of_examples(census, rates, shares, tokens, draws)
        probabilities = wanted * of_tasks[census.task_numbers]
        if limits is not None:
            probabilities = _capped(census, probabilities, limits, draws)
        if tokens is None:
            return probabilities
        # A cap moves draws between labels and so changes the mean tokens of a draw of the task.
        totals = np.bincount(census.task_numbers, probabilities)[census.task_numbers]
        before, shares = shares, ratios(probabilities, totals)
        if np.abs(shares - before).max() < 1e-12:
            return probabilities
    raise PlanError(
        "unreachable-rates",
        "rates in tokens could not be met under `max_passes`: the labels of a task differ too much in length. Remove"
        " one of the two.",
    )


def _capped(census: Census, probabilities: FloatArray, limits: FloatArray, draws: int | None) -> FloatArray:
    """Move draws in excess of its limit from each stratum to the others of its task, or raise a PlanError."""
    if draws is None:
        raise PlanError("missing-draws", "`max_passes` needs `draws`, found None. Give the planned number of draws.")
    amounts = np.zeros(len(probabilities))
    for task in census.tasks:
        span = census.span(task)
        wanted, counts = probabilities[span] * draws, census.counts[span]
        with np.errstate(over="ignore"):  # an infinite capacity is one
            capacities = np.multiply(counts, limits[span], out=np.zeros(len(counts)), where=counts > 0)
        drawn = float(wanted.sum())
        available = float(capacities[wanted > 0].sum())
        # The rates are rounded: a task exactly at its cap must pass.
        if drawn > available * (1 + 1e-9):
            examples, of_labels = int(counts[wanted > 0].sum()), limits[span][wanted > 0]
            if of_labels.min() == of_labels.max():
                most = f"{of_labels[0]:g} passes"
                enough = f"Use `max_passes` (`--max-passes`) of at least {drawn / examples:.4g}"
                if draws <= of_labels[0] * census.total:
                    enough += f", rates of `unimax:{of_labels[0]:g}` (`--rates unimax:{of_labels[0]:g}`)"
            else:
                most = f"the {available:,.0f} of the limits of its labels"
                enough = f"Use {drawn / available:.4g} times as large limits (`max_passes`, `--max-passes`)"
            raise PlanError(
                "too-many-draws",
                f"task {task!r} gets {drawn:,.0f} of {draws:,} draws, more than {most} over its {examples:,} drawn"
                f" examples. {enough}, at most {int(draws * available / drawn):,} draws, or a rate of at most"
                f" {available / draws:.4g} for it.",
            )
        amounts[span] = water_fill(wanted, capacities, min(drawn, available))
    return amounts / draws


def checked_draws(draws: int | None, planned: int | None) -> int:
    """Return the number of draws, by default the planned one, or raise a PlanError if it is not an integer above 0."""
    draws = planned if draws is None else draws
    if draws is None:
        raise PlanError("missing-draws", "`draws` must be given: the plan was built without a number of draws.")
    draws = integer("draws", draws, PlanError)
    if draws < 1:
        message = f"`draws` must be an integer above 0, found {draws}. Give the number of examples in training."
        raise PlanError("not-an-integer", message)
    if draws > MOST_DRAWS:
        message = f"`draws` must be at most 2**59, the length of a stream, found {draws}. Plan fewer."
        raise PlanError("too-many-draws", message)
    return draws


def checked_masses(
    name: str, masses: Sequence[int] | npt.NDArray[np.int64], strata: tuple[Stratum, ...], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return masses that sum to 2**60 as a read-only int64 copy, or raise a PlanError."""
    values = np.array(masses, dtype=np.int64)
    if len(values) != len(strata) or (values < 0).any() or sum(values.tolist()) != WHOLE:
        raise PlanError(
            "bad-masses",
            f"`{name}` must be {len(strata)} integers of at least 0 with the sum 2**60, found {len(values)}"
            f" with the sum {sum(values.tolist())}. Make them with `masses_of`.",
        )
    empty = np.flatnonzero((values > 0) & (counts == 0)).tolist()
    if empty:
        message = f"`{name}` must be 0 for strata without examples, found a share for {strata[empty[0]]}."
        raise PlanError("no-examples", message)
    return read_only(values)


def check_reachable(
    strata: tuple[Stratum, ...], masses: npt.NDArray[np.int64], target_masses: npt.NDArray[np.int64]
) -> None:
    """Raise a PlanError if a stratum of the target is never drawn."""
    unreachable = np.flatnonzero((target_masses > 0) & (masses == 0)).tolist()
    if unreachable:
        raise PlanError(
            "unreachable-target",
            f"the target gives {strata[unreachable[0]]} a share, but it is never drawn"
            f" ({len(unreachable)} such). Give it a weight and a rate above 0, or remove it from the target.",
        )


def checked_tokens(census: Census, tokens: Tokens) -> FloatArray:
    """Return the mean tokens of an example of each stratum; 0 for strata without examples.

    Raises
    ------
    PlanError
        If a stratum with examples has no number, or one that is not finite and above 0.
    """
    values = [tokens.get(stratum, 0.0) for stratum in census.strata] if isinstance(tokens, Mapping) else tokens
    given = np.asarray(values, np.float64)
    if given.shape != census.counts.shape:
        raise PlanError(
            "wrong-length",
            f"`tokens` must be one number for each of the {len(census.strata)} strata, found shape {given.shape}."
            " Use StratumIndex.means(lengths).",
        )
    there = census.counts > 0
    wrong = np.flatnonzero(there & ~((given > 0) & np.isfinite(given))).tolist()
    if wrong:
        raise PlanError(
            "out-of-range",
            f"`tokens` must be above 0 and finite, found {given[wrong[0]]:g} for {census.strata[wrong[0]]}"
            f" ({len(wrong)} such). Give the mean tokens of its examples.",
        )
    return np.where(there, given, 0.0)


def _rates_of_examples(
    census: Census, rates: Rates, shares: FloatArray, tokens: FloatArray | None, draws: int | None
) -> FloatArray:
    """Compute rates of examples r_t / m_t, normalised, from rates of tokens r_t and the mean tokens m_t of a draw.

    `rates` is called with the tokens of each task, and with the expected tokens of `draws` draws as its budget.
    `shares` are those of the strata in their tasks, `tokens` the mean tokens of an example of each; without `tokens`
    the rates are of examples as they are.
    """
    if tokens is None:
        return rates(census.task_counts, census.tasks, draws)
    spans = [census.span(task) for task in census.tasks]
    totals = np.array([np.rint(census.counts[span] @ tokens[span]) for span in spans]).astype(np.int64)
    of_a_draw = np.array([shares[span] @ tokens[span] for span in spans])

    def with_budget(budget: int | None) -> FloatArray:
        wanted = rates(totals, census.tasks, budget)
        examples = ratios(wanted, of_a_draw)
        return examples / examples.sum()

    if draws is None:
        return with_budget(None)
    # The budget depends on the rates and, for UniMax, the rates on the budget: bisection.
    low, high = draws * of_a_draw[totals > 0].min(), draws * of_a_draw.max()
    for _ in range(_HALVINGS):
        budget = (low + high) / 2
        found = with_budget(round(budget))
        low, high = (budget, high) if found @ of_a_draw * draws > budget else (low, budget)
    return with_budget(round(high))
