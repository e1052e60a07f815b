"""Tau of post-hoc logit adjustment, chosen by a metric of its decisions on rows that training did not see."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.base.registry import suggest
from equipoise.calibration.choosing import DecidedRows, as_good
from equipoise.calibration.decision import decide
from equipoise.calibration.logs import Array
from equipoise.errors import ConfigError
from equipoise.metrics import METRICS

GRID: Array = np.arange(-10, 41) / 20
"""From -0.5 to 2 in steps of 0.05; it holds 0, the most probable label, and 1, the balanced decision."""


@dataclass(frozen=True, eq=False)
class TauFit:
    """The taus that were tried and the one that was chosen.

    Attributes
    ----------
    tau : float
        The choice.
    grid, values : ndarray of float64, shape (taus,)
        Every tau that was tried, and the metric of its decisions; NaN where not measured.
    """

    tau: float
    grid: Array
    values: Array


def fit_tau(
    log_probs: Array,
    true: NDArray[np.int64],
    prior: Array,
    metric: str = "macro_f1",
    *,
    costs: Array | None = None,
    weights: Array | None = None,
    groups: NDArray[np.int64] | None = None,
    grid: Array = GRID,
    standard_errors: float = 1.0,
    resamples: int = 200,
    seed: int = 0,
) -> TauFit:
    """Choose the tau of `decide`.

    The choice is the tau nearest 0 whose metric is not worse than the best by more than one standard error
    of their difference; of two equally near, the positive one. The standard error comes from resamples of groups,
    the same for all taus. Where few rows of rare labels decide, the metric changes abruptly from tau to tau, and a
    single row may decide where its maximum is; this rule keeps tau near 0 until there is evidence.

    Parameters
    ----------
    log_probs, prior, costs
        As in `decide`; "expected_cost" needs costs.
    true : ndarray of int64, shape (rows,)
        Places of the true labels.
    metric : str
        What to optimise: a metric of `equipoise.metrics.METRICS` with `chooses_tau`, such as "macro_f1",
        "balanced_accuracy", "worst_recall" or "expected_cost". Labels without rows are in no mean.
    weights : ndarray of float64, shape (rows,), optional
        The weight of each row, if the metric is for other label shares than those of the rows.
    groups : ndarray of int64, shape (rows,), optional
        The group of each row, from 0; by default each row is its own group.
    grid : ndarray of float64, shape (taus,)
        The taus to try.
    standard_errors : float
        How many standard errors count as no difference; 0 chooses the maximum itself.
    resamples : int
        The number of resamples.
    seed : int
        Random seed of the resamples.

    Returns
    -------
    TauFit
        Tau is 0 where there is nothing to choose by.

    Raises
    ------
    ConfigError
        If the metric is unknown, or needs costs and there are none.

    References
    ----------
    Menon et al. (2021), "Long-tail Learning via Logit Adjustment", section 4.1; Breiman et al. (1984),
    "Classification and Regression Trees", section 3.4.3 (the rule of one standard error).

    Examples
    --------
    >>> log_probs = np.log([[0.9, 0.1]] * 60 + [[0.7, 0.3]] * 20)
    >>> true = np.array([0] * 60 + [0, 1] * 10)
    >>> float(fit_tau(log_probs, true, np.array([0.875, 0.125]), "balanced_accuracy").tau)
    0.45
    """
    check_tau_metric(metric)
    chosen = METRICS[metric]
    if chosen.needs == "costs" and costs is None:
        raise ConfigError("missing-costs", f"`metric` is {metric}, which needs `costs`. Give costs or another metric.")
    if not len(true):
        return TauFit(0.0, grid, np.full(len(grid), np.nan))
    rows = DecidedRows(
        true, log_probs.shape[1], chosen, costs=costs, weights=weights, groups=groups, resamples=resamples, seed=seed
    )
    values = rows.values(np.stack([decide(log_probs, prior, tau, costs) for tau in grid.tolist()]))
    if np.isnan(values[0]).all():
        return TauFit(0.0, grid, values[0])
    good = grid[as_good(values, standard_errors)]
    nearest = min(good.tolist(), key=lambda tau: (abs(tau), -tau))
    return TauFit(nearest, grid, chosen.sign * values[0])


def check_tau_metric(metric: str, *others: str, name: str = "metric") -> None:
    """Refuse a metric that tau cannot be chosen by.

    Raises
    ------
    ConfigError
        If there is no such metric in the table, and it is none of `others`.
    """
    known = [each.name for each in METRICS.values() if each.chooses_tau] + list(others)
    if metric not in known:
        hint = suggest(metric, known)
        raise ConfigError("unknown-metric", f"`{name}` must be one of {', '.join(known)}, found {metric!r:.80}.{hint}")
