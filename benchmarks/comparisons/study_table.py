"""The tables of the study."""

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from equipoise.metrics import Estimate, TaskPredictions, evaluate
from equipoise.statistics import difference_over_seeds, mean_interval

from .baseline_table import held, predictions_of
from .linear import BASELINES
from .method_runs import Job
from .methods import SOURCES
from .models import MODEL_TITLES
from .study import ARMS, Part
from .study_answers import answers_of, is_kept
from .summary import table

METRICS = {"macro_f1": "macro-F1", "balanced_accuracy": "balanced accuracy", "worst_recall": "lowest recall"}
READING = """The recipe is the same for all rows. Means over the tasks on the full natural test split: mean and 95 %
t-interval over the seeds. Last column: minus natural sampling on the same seeds, 95 % interval over resampled groups
of the test rows."""
BASE, PLAN = "natural", "sqrt"


def section(part: Part, work: Path) -> str:
    """Return the text of one part: a table for each number of draws, and how far natural sampling is behind."""
    found = Found(part, work)
    done = sum(map(is_kept, part.jobs))
    lines = [
        f"## {MODEL_TITLES[part.model]}: {_title(part)}",
        "",
        f"{done} of {len(part.jobs)} trainings. {READING}",
    ]
    for draws in part.draws:
        if any(found.measured(arm, draws) for arm in part.arms):
            lines += ["", f"### {draws:,} draws", "", *_table(found, draws)]
    lines += [*_needed(found), *_linear(found)]
    return "\n".join(lines)


def numbers(part: Part, work: Path) -> dict[str, Any]:
    """Return macro-F1 of each arm, by draws for each seed, and of the linear models: what pictures are drawn from."""
    found = Found(part, work)
    arms = {
        ARMS[name].title: {str(draws): found.by_seed(name, draws, "macro_f1") for draws in part.draws}
        for name in part.arms
    }
    linear = {BASELINES[name].title: score for name, score in found.linear().items()}
    kept = sum(map(is_kept, part.jobs))
    return {"model": part.model, "source": _title(part), "trainings": kept, "arms": arms, "linear": linear}


def _title(part: Part) -> str:
    """Return the title of the data set, and what stands for labels."""
    title = SOURCES[part.source].title
    return title if part.model in {"tiny", "minilm-numbers"} else title.replace("labels as numbers", "labels as words")


class Found:
    """What was measured of one part."""

    def __init__(self, part: Part, work: Path) -> None:
        self.part, self.work = part, work
        self.predictions = cache(self._predictions)
        self.means = cache(self._means)

    def measured(self, arm: str, draws: int) -> list[int]:
        """Return the seeds of which there is a training."""
        return [seed for seed in self.part.seeds if is_kept(self._job(arm, draws, seed))]

    def by_seed(self, arm: str, draws: int, metric: str) -> list[float | None]:
        """Return a metric for each seed."""
        return [self.means(arm, draws, seed)[metric].value for seed in self.measured(arm, draws)]

    def difference(self, first: str, second: str, draws: int) -> Estimate:
        """Return macro-F1 of the second arm minus that of the first, on the seeds that both have."""
        seeds = sorted(set(self.measured(first, draws)) & set(self.measured(second, draws)))
        arms = ([self.predictions(arm, draws, seed) for seed in seeds] for arm in (first, second))
        return difference_over_seeds(*arms).mean["macro_f1"]

    def minus_linear(self, arm: str, baseline: str, draws: int) -> Estimate:
        """Return macro-F1 of an arm minus that of a linear model, which was trained once."""
        said = [self.predictions(arm, draws, seed) for seed in self.measured(arm, draws)]
        linear = predictions_of(self.part.source, baseline, self.work)
        return difference_over_seeds([linear] * len(said), said).mean["macro_f1"]

    def linear(self) -> dict[str, float | None]:
        """Return macro-F1 of the linear models whose predictions are held."""
        source = self.part.source
        names = [name for name in BASELINES if held(source, name, self.work)]
        scores = {name: evaluate(predictions_of(source, name, self.work), bootstrap=0).mean for name in names}
        return {name: score["macro_f1"].value for name, score in scores.items()}

    def mean(self, arm: str, draws: int) -> float:
        """Return macro-F1, the mean over the seeds."""
        return mean_interval(self.by_seed(arm, draws, "macro_f1")).value or math.nan

    def _job(self, arm: str, draws: int, seed: int) -> Job:
        return Job(self.part.source, ARMS[arm].method, seed, draws, self.part.model)

    def _predictions(self, arm: str, draws: int, seed: int) -> dict[str, TaskPredictions]:
        return dict(answers_of(self._job(arm, draws, seed), ARMS[arm].correction))

    def _means(self, arm: str, draws: int, seed: int) -> Mapping[str, Estimate]:
        return evaluate(self.predictions(arm, draws, seed), bootstrap=0).mean


def _table(found: Found, draws: int) -> list[str]:
    lines = [f"| | {' | '.join(METRICS.values())} | seeds | minus natural |", "|---" * (len(METRICS) + 3) + "|"]
    for name in found.part.arms:
        seeds = found.measured(name, draws)
        if not seeds:
            continue
        cells = [str(mean_interval(found.by_seed(name, draws, metric), limits=(0, 1))) for metric in METRICS]
        gain = "" if name == BASE or not found.measured(BASE, draws) else str(found.difference(BASE, name, draws))
        lines.append(f"| {ARMS[name].title} | {' | '.join(cells)} | {len(seeds)} | {gain} |")
    return lines


def _needed(found: Found) -> list[str]:
    """Say how many draws natural sampling needs to reach the plan."""
    curve = [(draws, found.mean(BASE, draws)) for draws in found.part.draws if found.measured(BASE, draws)]
    lines: list[str] = []
    for draws in found.part.draws:
        if len(curve) > 1 and found.measured(PLAN, draws):
            reached = draws_to_reach(found.mean(PLAN, draws), curve)
            said = f"more than {curve[-1][0]:,} draws" if reached is None else f"about {reached:,.0f} draws"
            plan = f"{found.mean(PLAN, draws):.3f}"
            lines.append(f"- natural sampling reaches what the plan has after {draws:,} draws ({plan}) after {said}")
    return ["", "Draws needed, by interpolation on their logarithm:", "", *lines] if lines else []


def _linear(found: Found) -> list[str]:
    """Compare the plan with linear models that were trained on all rows."""
    kept = found.linear()
    reached = [draws for draws in found.part.draws if found.measured(PLAN, draws)]
    if not kept or not reached:
        return []
    heads = ["", "macro-F1", *(f"the plan after {draws:,} draws, minus it" for draws in reached)]
    rows = [
        [
            BASELINES[name].title,
            f"{score:.3f}",
            *(str(found.minus_linear(PLAN, name, draws)) for draws in reached),
        ]
        for name, score in kept.items()
    ]
    return ["", "Linear models of all training rows, on the same test rows:", "", table(heads, rows)]


def draws_to_reach(wanted: float, curve: Sequence[tuple[int, float]]) -> float | None:
    """Interpolate on a curve of (draws, score); None if it is not reached.

    Examples
    --------
    >>> draws_to_reach(0.5, [(100, 0.4), (10_000, 0.6)]), draws_to_reach(0.7, [(100, 0.4), (10_000, 0.6)])
    (1000.0, None)
    """
    if wanted <= curve[0][1]:
        return curve[0][0]
    for (fewer, low), (more, high) in itertools.pairwise(curve):
        if low < wanted <= high:
            return fewer * (more / fewer) ** ((wanted - low) / (high - low))
    return None
