"""How well the scores of stages rank candidates: correlations with full trainings, and what halving would keep."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from equipoise.compare.schedule import StagePlan
from equipoise.metrics import Estimate
from equipoise.statistics import mean_interval

from .methods import SOURCES
from .stage_runs import Job, Scores

RESAMPLES = 2000
Matrix = NDArray[np.float64]
"""A score of each training, for each seed: shape (seeds, trainings)."""


def spearman(one: Matrix, other: Matrix) -> float:
    """Spearman's rank correlation; not a number where all scores are equal."""
    return float(spearmanr(one, other).statistic) if np.ptp(one) and np.ptp(other) else float("nan")


def kendall(one: Matrix, other: Matrix) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(one, other).statistic)


def by_seed(measure: Callable[[Matrix, Matrix], float], stage: Matrix, full: Matrix) -> list[float]:
    """The correlation of the scores of each seed with the means of the full trainings over all seeds."""
    return [measure(scores, full.mean(axis=0)) for scores in stage]


def resampled(stages: Sequence[Matrix], full: Matrix, seed: int = 0) -> Estimate:
    """Spearman's correlation of means over seeds, of the second stage less that of the first, candidates resampled."""
    means = [stage.mean(axis=0) for stage in stages]
    truth, rng = full.mean(axis=0), np.random.default_rng(seed)
    value = spearman(means[1], truth) - spearman(means[0], truth)
    chosen = rng.integers(len(truth), size=(RESAMPLES, len(truth)))
    gaps = [spearman(means[1][some], truth[some]) - spearman(means[0][some], truth[some]) for some in chosen]
    low, high = np.nanpercentile(gaps, [2.5, 97.5]).tolist()
    return Estimate(value, low, high)


def lost(stage: Matrix, full: Matrix, keep: int) -> float:
    """How far the best that a stage keeps is below the best of all, both by full trainings; means over seeds."""
    truth = full.mean(axis=0)
    kept = np.argsort(-stage.mean(axis=0), kind="stable")[:keep]
    return float(truth.max() - truth[kept].max())


def section(
    source: str, found: Mapping[Job, Scores], trainings: Sequence[str], stages: Sequence[StagePlan], seeds: int
) -> str:
    """Text of one data set."""
    *earlier, last = stages
    lines = [f"## Stages of `equipoise compare` on {SOURCES[source].title}, {last.draws:,} draws in full", ""]
    lines.append(
        f"{len(trainings)} trainings, {seeds} seeds. A stage scores the validation rows that `compare` scores there,"
        " full trainings are scored on all test rows: macro-F1, the mean over the tasks; *with corrections*, of each"
        " training the best of the three. Rank correlations of the scores of one seed with the means of the full"
        " trainings: mean over the seeds and 95 % t-interval; their difference is paired by seed. Over trainings:"
        " Spearman's correlation of means over seeds, proxies minus all rows, 95 % bootstrap interval over the"
        " trainings. Lost: full macro-F1 of the best training less that of the best that the stage would keep."
    )
    head = ["draws of a stage", "scores", "rows", "Spearman", "Kendall", "proxies minus all rows, Spearman"]
    head += ["over trainings", "kept", "lost"]
    lines += ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for title, score in SCORES.items():
        full = _matrix(found, source, trainings, len(earlier), seeds, proxy=False, score=score)
        for place, stage in enumerate(earlier):
            arms = [
                _matrix(found, source, trainings, place, seeds, proxy=proxy, score=score) for proxy in (False, True)
            ]
            gain = np.subtract(by_seed(spearman, arms[1], full), by_seed(spearman, arms[0], full)).tolist()
            for arm, rows in zip(arms, ("all", "a part, so that passes are those of full trainings"), strict=True):
                cells = [f"{stage.draws:,}", title, rows]
                cells += [str(mean_interval(by_seed(measure, arm, full))) for measure in (spearman, kendall)]
                cells += [str(mean_interval(gain)), str(resampled(arms, full))] if arm is arms[1] else ["", ""]
                lines.append(f"| {' | '.join([*cells, str(stage.keep), f'{lost(arm, full, stage.keep):.3f}'])} |")
    return "\n".join(lines)


SCORES: Mapping[str, Callable[[Scores], float]] = {
    "as trained": lambda scores: scores["none"],
    "with corrections": lambda scores: max(scores.values()),
}


def _matrix(
    found: Mapping[Job, Scores], source: str, trainings: Sequence[str], stage: int, seeds: int, **options: Any
) -> Matrix:
    score = options["score"]
    rows = [
        [score(found[Job(source, name, seed, stage, options["proxy"])]) for name in trainings] for seed in range(seeds)
    ]
    return np.array(rows, dtype=np.float64)
