"""Two runs on the same test rows: scores of each, differences with paired intervals, shares and curves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from equipoise.calibration import prior_corrected
from equipoise.experiment.directory import RunDirectory
from equipoise.experiment.evaluate import train_counts
from equipoise.metrics import Estimate, Scores, TaskPredictions, evaluate, paired_difference, read_predictions
from equipoise.plan import Plan

METRICS = ("macro_f1", "balanced_accuracy")


@dataclass(frozen=True)
class Arm:
    """One way of sampling, and what came of it.

    Attributes
    ----------
    name : str
        How tables and plots call it.
    scores : Scores
        On the test rows.
    plan : Plan
        What was drawn.
    drawn : int64 array [S]
        How often each stratum was drawn, counted.
    curve : tuple of lists
        Draws, and the loss on label-balanced validation rows after them.
    seconds : float
        How long the training took.
    """

    name: str
    scores: Scores
    plan: Plan
    drawn: NDArray[np.int64]
    curve: tuple[list[float], list[float]]
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """Natural sampling against a plan.

    Attributes
    ----------
    natural, planned : Arm
        The two trainings.
    corrected : Scores
        The natural run's predictions, corrected afterwards to the label shares of the plan.
    by_task : dict of str to dict of str to Estimate
        For each task and metric, planned minus natural, resampled in pairs.
    mean, mean_over_corrected : dict of str to Estimate
        The same of the mean over tasks; and planned minus corrected.
    """

    natural: Arm
    planned: Arm
    corrected: Scores
    by_task: dict[str, dict[str, Estimate]]
    mean: dict[str, Estimate]
    mean_over_corrected: dict[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the full scores lie in the run directories."""

        def estimates(of: Mapping[str, Estimate]) -> dict[str, Any]:
            return {metric: vars(of[metric]) for metric in METRICS}

        arms = {"natural": self.natural.scores, "planned": self.planned.scores, "corrected": self.corrected}
        return {
            "mean": {name: estimates(scores.mean) for name, scores in arms.items()},
            "tasks": {
                task: {
                    **{name: estimates(scores.tasks[task].metrics) for name, scores in arms.items()},
                    "planned_minus_natural": estimates(of_task),
                }
                for task, of_task in self.by_task.items()
            },
            "planned_minus_natural": estimates(self.mean),
            "planned_minus_corrected": estimates(self.mean_over_corrected),
        }


def compare(natural: Arm, planned: Arm, runs: tuple[RunDirectory, RunDirectory]) -> Comparison:
    """Compare two arms by the predictions that their runs wrote.

    Parameters
    ----------
    natural, planned : Arm
        The arms.
    runs : pair of RunDirectory
        Their runs, with predictions of the same rows.

    Returns
    -------
    Comparison
        With intervals from resamples that both arms share.
    """
    first, second = (read_predictions(pq.read_table(run.predictions)) for run in runs)
    counts = train_counts(natural.plan)
    options: dict[str, Any] = {
        "train_counts": counts,
        "bootstrap": natural.scores.bootstrap,
        "seed": natural.scores.seed,
    }
    corrected = prior_corrected(first, natural.plan, planned.plan)

    def difference(a: Mapping[str, TaskPredictions], b: Mapping[str, TaskPredictions]) -> dict[str, Estimate]:
        found = paired_difference(a, b, **options)
        return {metric: found[metric] for metric in METRICS}

    return Comparison(
        natural,
        planned,
        corrected=evaluate(corrected, **options),
        by_task={task: difference({task: first[task]}, {task: second[task]}) for task in first},
        mean=difference(first, second),
        mean_over_corrected=difference(corrected, second),
    )


def learning_curve(run: RunDirectory, batch_size: int) -> tuple[list[float], list[float]]:
    """Draws and validation loss, from what the training logged."""
    lines = [json.loads(line) for line in run.metrics.read_text(encoding="utf-8").splitlines()]
    points = [(line["step"] * batch_size, line["eval_loss"]) for line in lines if line.get("eval_loss") is not None]
    return [draws for draws, _ in points], [loss for _, loss in points]
