"""The steps of training and validation on a progress bar, with the newest losses."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

from collections.abc import Mapping, Sized
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback, TrainerState

from equipoise.base.progress import progress

SHOWN = {"loss": "loss", "eval_loss": "validation loss"}


class Progress(TrainerCallback):
    """Shows the steps of training and of validation on the first rank, with the newest losses."""

    def __init__(self) -> None:
        self._training: tqdm[Any] | None = None
        self._validation: tqdm[Any] | None = None

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Begin with the steps that are done already."""
        if state.is_world_process_zero:
            self._training = progress(state.max_steps, "training", "step", done=state.global_step)

    def on_step_end(self, args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Count a step."""
        if self._training is not None:
            self._training.update(state.global_step - self._training.n)

    def on_log(self, *_: Any, logs: Mapping[str, Any] | None = None, **__: Any) -> None:
        """Show the newest losses from now on."""
        found = ", ".join(f"{SHOWN[name]} {value:.4g}" for name, value in (logs or {}).items() if name in SHOWN)
        if self._training is not None and found:
            self._training.set_postfix_str(f"{found} per example", refresh=False)

    def on_prediction_step(
        self, args: Any, state: TrainerState, *_: Any, eval_dataloader: Any = None, **__: Any
    ) -> None:
        """Count a batch of the validation rows."""
        if state.is_world_process_zero and isinstance(eval_dataloader, Sized):
            if self._validation is None:
                self._validation = progress(len(eval_dataloader), "validation", "batch")
            self._validation.update()

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """Close the progress of a validation."""
        if self._validation is not None:
            self._validation.close()
        self._validation = None

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Close the progress of training."""
        if self._training is not None:
            self._training.close()
        self._training = None
