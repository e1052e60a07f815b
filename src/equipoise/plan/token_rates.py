"""Convert mixing rates of tokens to rates of examples."""

from collections.abc import Mapping, Sequence

import numpy as np

from equipoise.census import Census, Stratum
from equipoise.errors import PlanError
from equipoise.plan.forecast import ratios
from equipoise.rates import Rates
from equipoise.rates.base import FloatArray

Tokens = Mapping[Stratum, float] | Sequence[float] | FloatArray

_HALVINGS = 100


def checked_tokens(census: Census, tokens: Tokens) -> FloatArray:
    """Return the mean tokens of an example of each stratum; 0 for strata without examples.

    Raises
    ------
    PlanError
        If a stratum with examples has no number, or one that is not finite and above 0.
    """
    if isinstance(tokens, Mapping):
        given = np.array([tokens.get(stratum, 0.0) for stratum in census.strata], np.float64)
    else:
        given = np.asarray(tokens, np.float64)
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


def rates_of_examples(
    census: Census, rates: Rates, shares: FloatArray, tokens: FloatArray | None, draws: int | None
) -> FloatArray:
    """Compute rates of examples r_t / m_t, normalised, from rates of tokens r_t and the mean tokens m_t of a draw.

    Parameters
    ----------
    census : Census
        The counts.
    rates : Rates
        Called with the tokens of each task, and with the expected tokens of `draws` draws as its budget.
    shares : ndarray of float64, shape (S,)
        Share of each stratum in its task.
    tokens : ndarray of float64, shape (S,), optional
        Mean tokens of an example of each stratum; without, the rates are of examples as they are.
    draws : int, optional
        The planned number of draws.

    Returns
    -------
    ndarray of float64, shape (K,)
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
