"""Mixing rates asked in tokens, turned into rates of examples: a task's share of the tokens is what was asked for."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from equipoise.census import Census, Stratum
from equipoise.errors import PlanError
from equipoise.rates import Rates

FloatArray = npt.NDArray[np.float64]
Tokens = Mapping[Stratum, float] | Sequence[float] | npt.NDArray[np.float64]

_HALVINGS = 100


def checked_tokens(census: Census, tokens: Tokens) -> FloatArray:
    """Mean tokens of an example of each stratum, as an array; 0 for strata without examples.

    Raises
    ------
    PlanError
        When a stratum with examples has none, or a number that is not above 0 and finite.
    """
    if isinstance(tokens, Mapping):
        given = np.array([tokens.get(stratum, 0.0) for stratum in census.strata], np.float64)
    else:
        given = np.asarray(tokens, np.float64)
    if given.shape != census.counts.shape:
        raise PlanError(
            f"`tokens` must be one number for each of the {len(census.strata)} strata, found shape {given.shape}."
            " Use StratumIndex.means(lengths)."
        )
    there = census.counts > 0
    wrong = np.flatnonzero(there & ~((given > 0) & np.isfinite(given))).tolist()
    if wrong:
        raise PlanError(
            f"`tokens` must be above 0 and finite, found {given[wrong[0]]:g} for {census.strata[wrong[0]]}"
            f" ({len(wrong)} such). Give the mean tokens of its examples."
        )
    return np.where(there, given, 0.0)


def rates_of_examples(
    census: Census, rates: Rates, shares: FloatArray, tokens: FloatArray, draws: int | None
) -> FloatArray:
    """Rates of examples r_t / m_t, normalised, where r_t are rates of tokens and m_t the mean tokens of a draw.

    Parameters
    ----------
    census : Census
        The counts.
    rates : Rates
        It is given the tokens of each task, and as its budget the tokens that `draws` draws come to.
    shares : array of float64 [S]
        Share of each stratum in its task.
    tokens : array of float64 [S]
        Mean tokens of an example of each stratum.
    draws : int, optional
        The planned number of draws.

    Returns
    -------
    array of float64 [K]
    """
    spans = [census.span(task) for task in census.tasks]
    totals = np.array([np.rint(census.counts[span] @ tokens[span]) for span in spans]).astype(np.int64)
    of_a_draw = np.array([shares[span] @ tokens[span] for span in spans])

    def with_budget(budget: int | None) -> FloatArray:
        wanted = rates(totals, census.tasks, budget)
        examples = np.divide(wanted, of_a_draw, out=np.zeros_like(wanted), where=wanted > 0)
        return examples / examples.sum()

    if draws is None:
        return with_budget(None)
    # The budget follows from the rates and, for UniMax, the rates from the budget: halve the range that holds it.
    low, high = draws * of_a_draw[totals > 0].min(), draws * of_a_draw.max()
    for _ in range(_HALVINGS):
        budget = (low + high) / 2
        found = with_budget(round(budget))
        low, high = (budget, high) if found @ of_a_draw * draws > budget else (low, budget)
    return with_budget(round(high))
