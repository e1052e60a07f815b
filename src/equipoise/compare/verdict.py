"""Comparison of the finalists on test rows, and the recommended candidate."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.base.files import write_atomically
from equipoise.compare.corrections import Costs
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.result import BySeed, CandidateInfo, Finalist, Ranks, Result, SignedRank, Versus
from equipoise.compare.selecting import mean_of
from equipoise.compare.trainings import Training
from equipoise.config import NATURAL, ComparisonConfig, config_to_dict, dump_yaml
from equipoise.metrics import METRICS, TaskPredictions
from equipoise.statistics import difference_over_seeds, holm, mean_interval, mean_ranks, signed_rank, simplest_within


def against_baseline(
    finalists: Mapping[str, Finalist],
    predictions: Callable[[str], Sequence[Mapping[str, TaskPredictions]]],
    metric: str,
    *,
    train_counts: Mapping[str, Mapping[str, int]],
    costs: Costs,
    bootstrap: int,
    seed: int,
) -> dict[str, Versus]:
    """Compare each finalist with natural sampling as trained, on the test rows.

    Parameters
    ----------
    finalists : mapping of str to Finalist
        By candidate, including the baseline.
    predictions : callable
        Returns the predictions of a candidate on the test rows: for each seed, by task.
    metric : str
        Metric of the signed-rank test.
    train_counts, costs, bootstrap, seed
        As in `equipoise.statistics.difference_over_seeds`.

    Returns
    -------
    dict of str to Versus
        By candidate, without the baseline.
    """
    base, baseline = finalists[NATURAL], predictions(NATURAL)
    found: dict[str, Versus] = {}
    tests: dict[str, SignedRank] = {}
    for name, each in finalists.items():
        if name == NATURAL:
            continue
        seeds = {
            key: mean_interval((_floats(values) - _floats(base.test[key])).tolist())
            for key, values in each.test.items()
        }
        groups, tasks = difference_over_seeds(
            baseline, predictions(name), train_counts=train_counts, costs=costs, bootstrap=bootstrap, seed=seed
        )
        found[name] = Versus(seeds, groups, tasks, None)
        test = signed_rank(_pairs(each, base, metric))
        if test is not None:
            tests[name] = SignedRank(test.pairs, test.p_value, 1.0, test.effect)
    adjusted = holm([test.p_value for test in tests.values()])
    for (name, test), p_value in zip(tests.items(), adjusted, strict=True):
        found[name] = replace(found[name], signed_rank=replace(test, adjusted=p_value))
    return found


def ranks_of(finalists: Mapping[str, Finalist], metric: str) -> Ranks | None:
    """Rank the finalists in every pair of task and seed; None with fewer than three finalists or two pairs."""
    if len(finalists) < 3:
        return None
    names = list(finalists)
    blocks = np.column_stack([_by_task_and_seed(finalists[name], metric) for name in names])
    blocks = blocks[~np.isnan(blocks).any(axis=1)]
    if len(blocks) < 2:
        return None
    found = mean_ranks(blocks, larger_is_better=METRICS[metric].sign > 0)
    mean = dict(sorted(zip(names, found.mean_ranks.tolist(), strict=True), key=lambda item: item[1]))
    return Ranks(mean, found.critical_difference, found.p_value, found.blocks)


def recommend(
    validation: Mapping[str, BySeed], candidates: Mapping[str, CandidateInfo], metric: str, standard_error: float
) -> str:
    """Choose the simplest finalist within one standard error of the best, on validation rows.

    Parameters
    ----------
    validation : mapping of str to BySeed
        The metric of each finalist.
    candidates, metric, standard_error
        As in `equipoise.compare.selecting.ranking`.

    Returns
    -------
    str
        A candidate.

    References
    ----------
    Breiman et al. (1984), "Classification and Regression Trees", section 3.4.3.
    """
    scores = {name: mean_of(values, metric) for name, values in validation.items()}
    return simplest_within(scores, {name: candidates[name].steps for name in scores}, standard_error)


def shown(versus: Versus | None, metric: str) -> str:
    """Return what the test rows show: "better", "worse", "no difference", or "baseline" for the baseline itself.

    A difference is shown only if neither the variance between seeds nor that of the test set explains it: both
    intervals, where they are defined, are on the same side of 0.

    Examples
    --------
    >>> from equipoise.metrics import Estimate
    >>> up = {"macro_f1": Estimate(0.1, 0.05, 0.15)}
    >>> shown(Versus(up, up, {}, None), "macro_f1"), shown(Versus({}, {}, {}, None), "macro_f1")
    ('better', 'no difference')
    """
    if versus is None:
        return "baseline"
    intervals = [each[metric] for each in (versus.seeds, versus.groups) if metric in each]
    sides = {
        ((each.low > 0) - (each.high < 0)) * METRICS[metric].sign
        for each in intervals
        if each.low is not None and each.high is not None
    }
    if sides == {1}:
        return "better"
    return "worse" if sides == {-1} else "no difference"


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)  # NaN where a value is None


def _by_task_and_seed(finalist: Finalist, metric: str) -> NDArray[np.float64]:
    return _floats([value for metrics in finalist.tasks.values() for value in metrics.get(metric, ())])


def _pairs(finalist: Finalist, base: Finalist, metric: str) -> list[float]:
    """Return the differences in every pair of task and seed, above 0 where the candidate is better."""
    gains = METRICS[metric].sign * (_by_task_and_seed(finalist, metric) - _by_task_and_seed(base, metric))
    return gains[~np.isnan(gains)].tolist()


RUN = "runs/recommended"


def write_recommended(
    directory: ComparisonDirectory, training: Training, result: Result, config: ComparisonConfig
) -> None:
    """Write ``recommended.yaml``; its head holds the commands that make the recommended candidate."""
    commands = commands_of(result, directory.recommended, config.compare.costs)
    head = "".join(f"# {line}\n" for line in (f"Recommended for {result.metric}: {result.recommended}.", *commands))
    text = dump_yaml(config_to_dict(training.run(config.seed, result.stages[-1].draws)))
    with write_atomically(directory.recommended) as temporary:
        temporary.write_text(head + text, encoding="utf-8")


def commands_of(result: Result, recommended: Path, costs: str | None) -> list[str]:
    """Return the commands that make the recommended candidate from its configuration file and the file of costs."""
    commands = [f"equipoise train {shlex.quote(str(recommended))} --out {RUN}"]
    correction = result.candidates[result.recommended].correction
    if correction != "none":
        tau = correction == "tau" and METRICS[result.metric].chooses_tau
        metric = result.metric if tau else "none"
        of_costs = f" --costs {shlex.quote(costs)}" if costs else ""
        commands.append(f"equipoise calibrate {RUN} --metric {metric}{of_costs}")
    return commands
