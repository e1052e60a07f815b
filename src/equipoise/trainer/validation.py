"""Metrics of the validations during training, and what follows from them: the best checkpoint, and an early end."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import nn
from transformers import TrainerControl, TrainerState, TrainingArguments

from equipoise.errors import ConfigError
from equipoise.trainer.stream import Part


class Validation(Protocol):
    """Computes metrics of a model beside the validation loss; on several ranks, the same ones on each.

    Attributes
    ----------
    names : sequence of str
        The metrics that it returns, without the prefix ``eval_``.
    """

    @property
    def names(self) -> Sequence[str]:
        """The metrics that it returns."""
        ...

    def __call__(self, model: nn.Module) -> Mapping[str, float]:
        """Return the metrics of a model, which is not changed; it is not wrapped, and in evaluation mode."""
        ...


class BestCheckpoint(Part):
    """Saves a checkpoint at each validation that is the best so far, and ends training after some that are not.

    All that it knows is the log history of the Trainer, which every checkpoint holds: a resumed run saves and ends at
    the steps of an uninterrupted one.

    Parameters
    ----------
    args : transformers.TrainingArguments
        `load_best_model_at_end`, `metric_for_best_model` and `greater_is_better` count.
    patience : int or None
        The validations without an improvement after which training ends.

    Raises
    ------
    ConfigError
        If there is a patience without `load_best_model_at_end`, or it is below 1.
    """

    def __init__(self, args: TrainingArguments, patience: int | None) -> None:
        self._args, self._patience = args, patience
        if patience is not None and (patience < 1 or not args.load_best_model_at_end):
            needs = "at least 1" if patience < 1 else "with `load_best_model_at_end` and `metric_for_best_model`"
            raise ConfigError("bad-patience", f"`patience` must be {needs}, found {patience}.")

    def history(self, state: TrainerState) -> list[tuple[float, float]]:
        """Return the step of each validation, and the value of the metric."""
        name = f"eval_{str(self._args.metric_for_best_model).removeprefix('eval_')}"
        return [(each["step"], each[name]) for each in state.log_history if name in each and each["step"] > 0]

    def since_best(self, state: TrainerState) -> int:
        """Return how many validations came after the best one, the first of equals."""
        best, since = -math.inf, 0
        for _, found in self.history(state):
            value = found if self._args.greater_is_better else -found
            since += 1
            if value > best:
                best, since = value, 0
        return since

    def ended(self, state: TrainerState) -> bool:
        """Whether training ends here, as there was no improvement for long enough."""
        return self._patience is not None and self.since_best(state) >= self._patience

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *_: Any,
        metrics: Mapping[str, float],
        **__: Any,
    ) -> None:
        """Ask for a checkpoint where this validation is the best so far, or the last."""
        history = self.history(state)
        if not args.load_best_model_at_end or not history or history[-1][0] != state.global_step:
            return
        if self.since_best(state) == 0:
            control.should_save = True  # the Trainer takes the best of those that are saved
        elif self.ended(state):
            control.should_training_stop = control.should_save = True
