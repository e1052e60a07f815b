"""Progress of long work: a bar on a terminal, a line every few seconds in a file or a pipe."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import sys
from collections.abc import Mapping, Sized
from typing import Any, TextIO

from tqdm import tqdm
from transformers import TrainerCallback, TrainerState

EVERY = 5.0  # seconds between two lines
SHOWN = {"loss": "loss", "eval_loss": "validation loss"}


class _Lines:
    """Turns what tqdm writes over one line of a terminal into lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if text.strip():
            self._stream.write(f"{text.strip()}\n")

    def flush(self) -> None:
        self._stream.flush()


def progress(
    total: int, what: str, unit: str, *, done: int = 0, stream: TextIO | None = None, every: float = EVERY
) -> "tqdm[Any]":
    """Return a progress bar; where `stream` is no terminal, it writes lines.

    Parameters
    ----------
    total, done : int
        Units of work in all, and those that earlier sessions did.
    what, unit : str
        The work and its unit, as in "training" and "step".
    stream : file, optional
        Where it is shown; by default standard error.
    every : float
        The least number of seconds between two lines, and before the first.

    Returns
    -------
    tqdm.tqdm
        Call `update`, and `close` at the end.

    Examples
    --------
    >>> with progress(640, "training", "step", stream=sys.stdout, every=0) as shown:
    ...     shown.set_postfix_str("loss 5.9 per example", refresh=False)
    ...     _ = shown.update(640)
    training: step 0 of 640, ? left
    training: step 640 of 640, loss 5.9 per example, 00:00 left
    """
    shown: TextIO = stream if stream is not None else sys.stderr
    common: dict[str, Any] = {"total": total, "initial": done, "desc": what, "leave": False}
    if shown.isatty():
        return tqdm(**common, unit=unit, file=shown, dynamic_ncols=True)
    line = f"{{desc}}: {unit} {{n_fmt}} of {{total_fmt}}{{postfix}}, {{remaining}} left"
    return tqdm(**common, file=_Lines(shown), mininterval=every, delay=every, miniters=1, bar_format=line, position=0)


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
