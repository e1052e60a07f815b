"""Tau of post-hoc logit adjustment, chosen by what the decisions are worth on rows that training did not see."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equipoise.calibration.decision import decide
from equipoise.calibration.logs import Array
from equipoise.errors import ConfigError
from equipoise.metrics.confusion import LabelSums, mean_over, worst
from equipoise.metrics.resampling import contributions, resampled_sums

METRICS = ("macro_f1", "balanced_accuracy", "worst_label_recall", "expected_cost")
GRID: Array = np.arange(-10, 41) / 20
"""From -0.5 to 2 in steps of 0.05; it holds 0, the most probable label, and 1, the balanced decision."""


@dataclass(frozen=True, eq=False)
class TauFit:
    """What was tried and what was chosen.

    Attributes
    ----------
    tau : float
        The choice.
    grid, values : float64 arrays
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
    of their difference; of two as near, the positive one. The standard error comes from resamples of groups,
    the same for all taus. Where few rows of rare labels decide, the metric jumps from tau to tau, and its
    maximum lies wherever one lucky row puts it; this rule leaves the decision alone until there is evidence.

    Parameters
    ----------
    log_probs : float64 array of shape (rows, labels)
        log p(y | x), under `prior`.
    true : int64 array of shape (rows,)
        Places of the right labels.
    prior : float64 array of shape (labels,)
        The label shares that the probabilities are meant for.
    metric : {"macro_f1", "balanced_accuracy", "worst_label_recall", "expected_cost"}
        What to make large, of the expected cost: small. Labels without rows are in no mean.
    costs : float64 array of shape (labels, labels), optional
        Decide by costs; "expected_cost" needs them.
    weights : float64 array of shape (rows,), optional
        What each row counts, if the rows stand for others with other label shares.
    groups : int64 array of shape (rows,), optional
        What the rows belong to, from 0; without it each row is a group of its own.
    grid : float64 array
        The taus to try.
    standard_errors : float
        How many standard errors count as no difference; 0 chooses the maximum itself.
    resamples : int
        The number of resamples.
    seed : int
        Fixes them.

    Returns
    -------
    TauFit
        Tau is 0 where there is nothing to choose by.

    Raises
    ------
    ConfigError
        If the metric is unknown, or needs costs.

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
    if metric not in METRICS:
        raise ConfigError(f"`metric` must be one of {', '.join(METRICS)}, found {metric!r}.")
    if metric == "expected_cost" and costs is None:
        raise ConfigError("`metric` is expected_cost, which needs `costs`. Give costs, or choose another metric.")
    if not len(true):
        return TauFit(0.0, grid, np.full(len(grid), np.nan))
    counted = np.ones(len(true)) if weights is None else weights
    codes = np.arange(len(true)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count, labels = int(codes.max()) + 1, log_probs.shape[1]
    # Most neighbours on the grid decide alike, so what they share is computed once.
    place: dict[bytes, int] = {}
    parts: list[sp.csr_array] = []
    which = np.empty(len(grid), np.int64)
    for number, tau in enumerate(grid.tolist()):
        decided = decide(log_probs, prior, tau, costs)
        which[number] = place.setdefault(decided.tobytes(), len(parts))
        if which[number] == len(parts):
            parts.append(_sums(true, decided, counted, codes, count, labels, costs))
    values = np.array([float(_value(np.asarray(part.sum(axis=0)), metric, labels)) for part in parts])
    if np.isnan(values).all():
        return TauFit(0.0, grid, values[which])
    best = int(np.nanargmax(values))
    gaps = values[best] - values
    allowed = np.full(len(parts), 1e-12)
    if standard_errors > 0 and len(parts) > 1:
        drawn = np.stack([_value(sums, metric, labels) for sums in resampled_sums(parts, count, resamples, seed)])
        measured = drawn[:, ~np.isnan(drawn[best])]  # a resample may hold no row that counts
        if measured.size:
            allowed += standard_errors * (measured[best] - measured).std(axis=1)
    good = grid[(gaps <= allowed)[which]]
    nearest = min(good.tolist(), key=lambda tau: (abs(tau), -tau))
    sign = -1 if metric == "expected_cost" else 1
    return TauFit(nearest, grid, sign * values[which])


def _sums(
    true: NDArray[np.int64],
    decided: NDArray[np.int64],
    weights: Array,
    codes: NDArray[np.int64],
    groups: int,
    labels: int,
    costs: Array | None,
) -> sp.csr_array:
    """What each group adds to the hits, the true and the decided rows of each label, and to the cost."""
    cost = np.zeros(len(true)) if costs is None else costs[true, decided]
    columns = [
        (true, weights * (true == decided)),
        (labels + true, weights),
        (2 * labels + decided, weights),
        (np.full_like(true, 3 * labels), weights * cost),
    ]
    return contributions(codes, groups, columns, 3 * labels + 1)


def _value(sums: Array, metric: str, labels: int) -> Array:
    """The metric of sums with any leading axes; the larger the better, NaN where not measured."""
    hits, true, decided = (sums[..., part * labels : (part + 1) * labels] for part in range(3))
    if metric == "expected_cost":
        rows = true.sum(-1)
        return -np.divide(sums[..., -1], rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    held = LabelSums(hits, true, decided, labels)
    return {
        "macro_f1": lambda: mean_over(held.f1),
        "balanced_accuracy": lambda: mean_over(held.recall),
        "worst_label_recall": lambda: worst(held.recall),
    }[metric]()
