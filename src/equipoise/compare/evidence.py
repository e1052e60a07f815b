"""What several seeds and the test rows show of a candidate against the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.compare.corrections import Costs
from equipoise.compare.findings import Evidence
from equipoise.compare.result import Finalist
from equipoise.metrics import METRICS
from equipoise.metrics.curves import ALARM_RATE
from equipoise.statistics import (
    DifferencePosterior,
    interquartile_mean,
    least_difference,
    needed,
    probability_of_improvement,
    signed_rank_probabilities,
)

LEAST_TASKS = 3


@dataclass(frozen=True)
class Resampling:
    """What all measurements of one comparison share: training rows of labels, costs, resamples, seed, alarm rate."""

    train_counts: Mapping[str, Mapping[str, int]]
    costs: Costs
    bootstrap: int
    seed: int
    alarm_rate: float = ALARM_RATE


def rope_of(metric: str, part: float) -> float:
    """Return half the width of the region of practical equivalence in units of the metric.

    Parameters
    ----------
    metric : str
        A metric.
    part : float
        `compare.rope`: a part of the metric's range, or where it has none in its units.

    Examples
    --------
    >>> rope_of("macro_f1", 0.01), rope_of("bleu", 0.01), rope_of("log_loss", 0.01)
    (0.01, 1.0, 0.01)
    """
    limits = METRICS[metric].limits
    return part if limits is None else part * (limits[1] - limits[0])


def matrix(finalist: Finalist, metric: str) -> NDArray[np.float64]:
    """Return a metric of each seed and task on the test rows, shape (seeds, tasks); NaN where not measured."""
    held = [values[metric] for values in finalist.tasks.values() if metric in values]
    seeds = len(finalist.test.get(metric, ()))
    return np.array(held, dtype=np.float64).T if held else np.empty((seeds, 0))


def evidence_of(
    base: Finalist,
    candidate: Finalist,
    metric: str,
    rope: float,
    error_of_rows: float | None,
    groups: int,
    resampling: Resampling,
) -> Evidence | None:
    """Return the evidence of a candidate against the baseline.

    Parameters
    ----------
    base, candidate : Finalist
        Both, with the same seeds.
    metric : str
        The metric that decides.
    rope : float
        Returned by `rope_of`.
    error_of_rows : float or None
        The standard error of the difference over resampled groups of test rows; None where not measured.
    groups : int
        Their number.
    resampling : Resampling
        Of the seeds too.

    Returns
    -------
    Evidence or None
        None with one seed, one group or without a standard error.
    """
    sign = METRICS[metric].sign
    both = [np.array(each.test[metric], dtype=np.float64) for each in (base, candidate)]
    gains = sign * (both[1] - both[0])
    gains = gains[~np.isnan(gains)]
    if len(gains) < 2 or groups < 2 or error_of_rows is None:
        return None
    posterior = DifferencePosterior.of(gains.tolist(), rows=error_of_rows**2, groups=groups)
    least = least_difference(posterior, rope)
    scores = [sign * matrix(each, metric) for each in (base, candidate)]
    bootstrap, seed = resampling.bootstrap, resampling.seed
    measured = ~np.isnan(scores).any(axis=(0, 1))
    before, after = (each[:, measured] for each in scores)
    gain_of_tasks = (after - before).mean(axis=0).tolist()
    return Evidence(
        difference=replace(posterior, value=sign * posterior.value).interval(),
        probabilities=posterior.probabilities(rope),
        least=least,
        groups=groups,
        needed=needed(posterior, (rope + least) / 2, rope) if posterior.standard_error else None,
        over_tasks=(
            signed_rank_probabilities(gain_of_tasks, rope, seed=seed) if len(gain_of_tasks) >= LEAST_TASKS else None
        ),
        improvement=probability_of_improvement(before, after, bootstrap=bootstrap, seed=seed),
        interquartile=(
            interquartile_mean(sign * before, bootstrap=bootstrap, seed=seed),
            interquartile_mean(sign * after, bootstrap=bootstrap, seed=seed),
        ),
    )
