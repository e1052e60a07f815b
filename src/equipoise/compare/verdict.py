"""Comparison of the finalists on test rows, and the recommended candidate."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.base.files import write_atomically
from equipoise.calibration import DECISIONS
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.evidence import Resampling, evidence_of, matrix
from equipoise.compare.findings import Learned, Ranks, Shown, SignedRank, Versus
from equipoise.compare.learned import has_learned
from equipoise.compare.result import BySeed, CandidateInfo, Finalist, Result
from equipoise.compare.selecting import mean_of
from equipoise.compare.trainings import Training
from equipoise.config import NATURAL, ComparisonConfig, config_to_dict, dump_yaml
from equipoise.metrics import METRICS, TaskPredictions
from equipoise.metrics.resampling import group_codes
from equipoise.statistics import difference_over_seeds, holm, mean_interval, mean_ranks, signed_rank, simplest_within
from equipoise.statistics.power import CONFIDENCE


def against_baseline(
    finalists: Mapping[str, Finalist],
    predictions: Callable[[str], Sequence[Mapping[str, TaskPredictions]]],
    metric: str,
    rope: float,
    resampling: Resampling,
    baseline: str = NATURAL,
) -> dict[str, Versus]:
    """Compare each finalist with one of them, by default natural sampling as trained, on the test rows.

    Parameters
    ----------
    finalists : mapping of str to Finalist
        By candidate, including the baseline.
    predictions : callable
        Returns the predictions of a candidate on the test rows: for each seed, by task.
    metric : str
        Metric of the evidence and of the signed-rank test.
    rope : float
        Half the width of the region of practical equivalence, in units of the metric.
    resampling : Resampling
        As the options of `equipoise.statistics.difference_over_seeds`.
    baseline : str
        A finalist.

    Returns
    -------
    dict of str to Versus
        By candidate, without the baseline.
    """
    base, before = finalists[baseline], predictions(baseline)
    _, count = group_codes(list(before[0].values()))
    found: dict[str, Versus] = {}
    tests: dict[str, SignedRank] = {}
    for name, each in finalists.items():
        if name == baseline:
            continue
        seeds = {
            key: mean_interval((_floats(values) - _floats(base.test[key])).tolist())
            for key, values in each.test.items()
        }
        groups = difference_over_seeds(
            before,
            predictions(name),
            train_counts=resampling.train_counts,
            costs=resampling.costs,
            bootstrap=resampling.bootstrap,
            seed=resampling.seed,
            alarm_rate=resampling.alarm_rate,
        )
        evidence = evidence_of(base, each, metric, rope, groups.standard_errors[metric], count, resampling)
        found[name] = Versus(seeds, groups.mean, groups.tasks, None, evidence)
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


def shown(versus: Versus | None, learned: Learned, metric: str) -> Shown:
    """Return what a comparison shows of the recommended candidate; None for `versus` if that is the baseline.

    A case is shown if its probability is at least 95 %. With one seed none is: the variance between seeds is unknown.

    Examples
    --------
    >>> from equipoise.metrics import Estimate
    >>> learned = Learned("sqrt", 0.7, 0.4, 0.45, Estimate(0.25, 0.2, 0.3))
    >>> shown(None, learned, "macro_f1"), shown(Versus({}, {}, {}, None, None), learned, "macro_f1")
    ('baseline', 'inconclusive')
    """
    if not has_learned(learned, metric):
        return "nothing-learned"
    if versus is None:
        return "baseline"
    if versus.evidence is None:
        return "inconclusive"
    worse, same, better = versus.evidence.probabilities
    if better >= CONFIDENCE:
        return "better"
    if worse >= CONFIDENCE:
        return "worse"
    return "same" if same >= CONFIDENCE else "inconclusive"


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)  # NaN where a value is None


def _by_task_and_seed(finalist: Finalist, metric: str) -> NDArray[np.float64]:
    return matrix(finalist, metric).T.ravel()


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
    first = (
        f"It is not shown that anything was learned, and nothing is recommended; this is {result.recommended}."
        if result.shown == "nothing-learned"
        else f"Recommended for {result.metric}: {result.recommended}."
    )
    head = "".join(f"# {line}\n" for line in (first, *commands))
    text = dump_yaml(config_to_dict(training.run(config.seed, result.stages[-1].draws)))
    with write_atomically(directory.recommended) as temporary:
        temporary.write_text(head + text, encoding="utf-8")


def commands_of(result: Result, recommended: Path, costs: str | None) -> list[str]:
    """Return the commands that make the recommended candidate from its configuration file and the file of costs."""
    commands = [f"equipoise train {shlex.quote(str(recommended))} --out {RUN}"]
    correction = result.candidates[result.recommended].correction
    if correction != "none":
        metric = result.metric if correction in DECISIONS and METRICS[result.metric].chooses_tau else "none"
        of_labels = " --decision thresholds" if correction == "thresholds" else ""
        of_costs = f" --costs {shlex.quote(costs)}" if costs else ""
        commands.append(f"equipoise calibrate {RUN} --metric {metric}{of_labels}{of_costs}")
    return commands
