"""What is logged to the trackers of a run beside the logs of the Trainer: plan, forecast, draws, final scores."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import Trainer, TrainerCallback, TrainerState

from equipoise.metrics import METRICS, Scores
from equipoise.runs.trackers import Tracker, ids_of, tracked
from equipoise.samplers import PlanSampler
from equipoise.schedule import Drawable
from equipoise.trainer.arguments import global_batch

MOST_LABELS, MOST_ROWS = 100, 1000
"""Up to so many labels have a series of their shares drawn, and so many rows of a table are logged."""


class PlanTracking(TrainerCallback):
    """Logs the plan and its forecast, and as training goes on the share of each task and label in the draws so far.

    A label has a series of its own, ``drawn_by_label/<task>/<label>``, if there are no more than 100 of them; a task
    always, ``drawn/<task>``. Of a plan that changes, ``planned/`` has the shares of the stage of the last draw.
    """

    def __init__(self, trackers: Sequence[Tracker], plan: Drawable, sampler: PlanSampler, batch: int) -> None:
        self._trackers, self._plan, self._sampler, self._batch = trackers, plan, sampler, batch
        self._counts, self._counted = np.zeros(len(plan.strata), np.int64), 0

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Log the tables of a run that begins."""
        if state.global_step:
            return
        forecast = self._plan.forecast(draws=state.max_steps * self._batch)
        of_strata, of_tasks = forecast.columns
        for tracker in self._trackers:
            for name, columns, found in (
                ("plan", of_strata, forecast.rows),
                ("forecast", of_tasks, (*forecast.tasks, forecast.overall)),
            ):
                rows = [[shown(each) for shown in columns.values()] for each in found[:MOST_ROWS]]
                tracker.table(name, list(columns), rows)

    def on_log(self, args: Any, state: TrainerState, *_: Any, logs: Mapping[str, Any], **__: Any) -> None:
        """Log the shares beside the training loss."""
        if "loss" in logs and state.is_world_process_zero:
            for tracker in self._trackers:
                tracker.scalars(self.shares(state.global_step * self._batch), state.global_step)

    def shares(self, draws: int) -> dict[str, float]:
        """Return the shares in the first draws of the run, no fewer than when it was called before."""
        while self._counted < draws:
            last = min(draws, self._counted + (1 << 20))
            _, strata = self._sampler.of_all_ranks(self._counted, last)
            self._counts += np.bincount(strata, minlength=len(self._counts))
            self._counted = last
        shares = self._named("drawn", self._counts / draws)
        stages = self._sampler.plan.stages
        if len(stages) == 1:
            return shares
        plan = next(stage.plan for stage in reversed(stages) if stage.at < draws)
        return shares | self._named("planned", plan.probabilities)

    def _named(self, prefix: str, shares: NDArray[np.float64]) -> dict[str, float]:
        found: dict[str, float] = {}
        labels: dict[str, float] = {}
        for (task, label), share in zip(self._plan.strata, shares.tolist(), strict=True):
            found[f"{prefix}/{task}"] = found.get(f"{prefix}/{task}", 0.0) + share
            if label is not None:
                labels[f"{prefix}_by_label/{task}/{label}"] = share
        return found | (labels if len(labels) <= MOST_LABELS else {})


def attach(trackers: Sequence[Tracker], trainer: Trainer, plan: Drawable, sampler: PlanSampler) -> None:
    """Let a Trainer log to the open runs of trackers, and log the plan beside it."""
    for own in filter(None, (tracker.callback() for tracker in trackers)):
        trainer.remove_callback(type(own))
        trainer.add_callback(own)
    if trackers:
        trainer.add_callback(PlanTracking(trackers, plan, sampler, global_batch(trainer.args)))


def report_scores(folder: Path, scores: Scores, step: int) -> None:
    """Log the final scores of a run to the trackers that it was trained with."""
    heads = [name for name, each in METRICS.items() if each.shown != "file" and name in scores.mean]
    tasks = {name: task.metrics for name, task in scores.tasks.items()} | {"mean over tasks": scores.mean}
    rows = [[task, *(str(held[name]) if name in held else "" for name in heads)] for task, held in tasks.items()]
    values = {f"test/{name}": scores.mean[name].value for name in heads}
    for task, held in scores.tasks.items():
        values |= {f"test/{task}/{name}": held.metrics[name].value for name in heads if name in held.metrics}
    with tracked(ids_of(folder), folder, step=step) as trackers:
        for tracker in trackers:
            tracker.table("scores", ["task", *heads], rows)
            tracker.scalars({name: value for name, value in values.items() if value is not None}, step)
