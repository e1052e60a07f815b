"""The loss of a training whose shares change: that of the stage that a step was drawn in."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from equipoise.base.values import integer
from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.losses.training.base import Batch, TrainingLoss
from equipoise.plan import Plan
from equipoise.schedule import Drawable


class StagedTrainingLoss:
    """The `TrainingLoss` of a schedule: label priors and importance weights are those of the stage of the step.

    A step is of the stage that its first draw is of, so stages should begin at multiples of the global batch, as those
    of `Schedule.build(global_batch=)` do. A row has its importance weight p*/q from here: the `example_weight` of a
    batch is multiplied by it, so `EncodedExamples` are made without a plan.

    Parameters
    ----------
    of_plan : callable
        Makes the loss of one plan, for example ``lambda plan: LabelTrainingLoss.build(loss, plan, tasks, model,
        tokenizer)``; once for each plan: those of `drawn` now, and later ones when they are first needed.
    drawn : callable
        Returns what is drawn, ``lambda: sampler.plan``, in which stages may be added while the training runs.
    tasks : mapping of str to Task
        The tasks of the encoded examples.
    draws : int
        The draws of the whole training: steps times the global batch. A step begins at draw `progress` * `draws`.

    Raises
    ------
    ConfigError
        If `draws` is not an integer above 0.
    EquipoiseError
        Of `of_plan`, for the plan of any stage.

    Examples
    --------
    >>> from equipoise import Census, Schedule
    >>> from equipoise.losses import TokenLoss
    >>> from equipoise.losses.training import TokenTrainingLoss
    >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
    >>> schedule = Schedule.build(census, "deferred:0.5", draws=640, target_weights="natural")
    >>> tasks = {"mood": Task("mood", "classification", ("glad", "sad"))}
    >>> loss = StagedTrainingLoss(lambda plan: TokenTrainingLoss(TokenLoss()), lambda: schedule, tasks, draws=640)
    >>> batch = {
    ...     "task_id": torch.tensor([0, 0]),
    ...     "label_id": torch.tensor([0, 1]),
    ...     "labels": torch.tensor([[5, 1], [6, 1]]),
    ...     "example_weight": torch.ones(2),
    ... }
    >>> [[round(weight, 3) for weight in loss.weights(batch, progress).tolist()] for progress in (0.0, 0.5)]
    [[1.0, 1.0], [1.8, 0.2]]
    """

    def __init__(
        self,
        of_plan: Callable[[Plan], TrainingLoss],
        drawn: Callable[[], Drawable],
        tasks: Mapping[str, Task],
        draws: int,
    ) -> None:
        if integer("draws", draws) < 1:
            raise ConfigError("out-of-range", f"`draws` must be at least 1, found {draws}. Pass those of the training.")
        self._of_plan, self._drawn, self._tasks, self._draws = of_plan, drawn, tasks, draws
        self._made: dict[str, tuple[TrainingLoss, Tensor]] = {}
        for _, plan in drawn().stages:
            self._made[plan.fingerprint] = self._make(plan)

    def weights(self, batch: Batch, progress: float) -> Tensor:
        """Return the weights of the stage's loss, times p*/q of the stage; see `TrainingLoss`."""
        loss, importance = self._at(progress)
        return loss.weights(_weighed(batch, importance), progress)

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Return the totals of the stage's loss, times p*/q of the stage; see `TrainingLoss`."""
        loss, importance = self._at(progress)
        return loss.totals(model, _weighed(batch, importance), progress, wrapped=wrapped)

    def validating(self, progress: float) -> TrainingLoss:
        """Return the loss of the stage without importance weights: for validation rows, which nobody drew."""
        return self._at(progress)[0]

    def _at(self, progress: float) -> tuple[TrainingLoss, Tensor]:
        stages = self._drawn().stages
        number = bisect_right([stage.at for stage in stages], round(progress * self._draws)) - 1
        plan = stages[number].plan
        if plan.fingerprint not in self._made:  # it was decided while the training ran
            later = {stage.plan.fingerprint for stage in stages[number:]}
            self._made = {name: made for name, made in self._made.items() if name in later}
            self._made[plan.fingerprint] = self._make(plan)
        return self._made[plan.fingerprint]

    def _make(self, plan: Plan) -> tuple[TrainingLoss, Tensor]:
        return self._of_plan(plan), importance_of(plan, self._tasks)


def importance_of(plan: Plan, tasks: Mapping[str, Task]) -> Tensor:
    """Return p*/q by task id and label id, float32 of shape (tasks, labels + 1); the last column is of no label.

    1 for labels that the plan does not know.

    Examples
    --------
    >>> from equipoise import Census
    >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
    >>> plan = Plan.build(census, weights="inverse", target_weights="natural")
    >>> importance_of(plan, {"mood": Task("mood", "classification", ("calm", "glad", "sad"))})
    tensor([[1.0000, 1.8000, 0.2000, 1.0000]])
    """
    names = [(stratum.task, stratum.label) for stratum in plan.strata]
    of_strata = dict(zip(names, plan.importance_weights.tolist(), strict=True))
    most = max((len(task.labels) for task in tasks.values()), default=0)
    rows = [
        [
            *(of_strata.get((name, label), 1.0) for label in task.labels),
            *[1.0] * (most - len(task.labels)),
            of_strata.get((name, None), 1.0),
        ]
        for name, task in sorted(tasks.items())
    ]
    return torch.tensor(rows, dtype=torch.float32)


def _weighed(batch: Batch, importance: Tensor) -> dict[str, Any]:
    of_rows = importance.to(batch["task_id"].device)[batch["task_id"], batch["label_id"]]  # -1 is the last column
    return {**batch, "example_weight": batch["example_weight"].float() * of_rows}
