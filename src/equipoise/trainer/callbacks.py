"""Callbacks of `EquipoiseTrainer`: the metrics file, signals."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import json
import math
import os
import re
import signal
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from logging import Filter, LogRecord
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging

from equipoise.base.files import refusing_unwritable, write_atomically
from equipoise.trainer.checkpoints.position import METRICS_NAME


class MetricsCallback(TrainerCallback):
    """Append the logs of the Trainer to `metrics.jsonl`, one JSON object a line, on the first rank.

    `folder` returns where: a trial of a search has its own.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Write the file anew up to the checkpoint: it may hold more, half a line, or less than that."""
        path = self._folder() / METRICS_NAME
        if not state.is_world_process_zero or not (state.log_history or os.path.lexists(path)):
            return
        with write_atomically(path) as temporary:
            temporary.write_text("".join(map(_line, state.log_history)), encoding="utf-8")

    def on_log(
        self, args: TrainingArguments, state: TrainerState, *_: Any, logs: Mapping[str, Any] | None = None, **__: Any
    ) -> None:
        """Append one line; numbers that JSON cannot hold become null."""
        if state.is_world_process_zero:
            path = self._folder() / METRICS_NAME
            with refusing_unwritable(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(_line({**(logs or {}), "step": state.global_step}))


def _line(logged: Mapping[str, Any]) -> str:
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in logged.items()}
    return json.dumps({"step": finite.pop("step")} | finite, allow_nan=False) + "\n"


class StopOnSignal(TrainerCallback):
    """On SIGINT or SIGTERM finish the step, save a checkpoint and stop; a second signal acts at once.

    A rank that gets the signal tells the others at the end of its step, so all stop at the same step.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)
    MESSAGE = b"\nStopping after this step; a checkpoint will be saved. Again to stop at once.\n"

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.interrupted = False
        self._requested = False
        self._previous: dict[signal.Signals, Any] = {}

    @contextmanager
    def installed(self) -> Generator[None]:
        """Handle the signals inside the block. Only the main thread of a process can do so."""
        self.interrupted = self._requested = False
        if threading.current_thread() is threading.main_thread():
            # A handler that was not set from Python is None here, which cannot be set again.
            self._previous = {each: signal.getsignal(each) or signal.SIG_DFL for each in self.SIGNALS}
            owner = os.getpid()

            def request(_number: int, _frame: object) -> None:
                # Forked workers of a loader inherit this handler and get the terminal's Ctrl-C as well.
                if os.getpid() == owner:
                    os.write(2, self.MESSAGE)
                    self._requested = True
                    self._restore()

            for each in self.SIGNALS:
                signal.signal(each, request)
        try:
            yield
        finally:
            self._restore()

    def _restore(self) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    def _any_rank_requested(self) -> bool:
        if self.accelerator.num_processes == 1:
            return self._requested
        mine = torch.tensor(float(self._requested), device=self.accelerator.device)
        return bool(cast(torch.Tensor, self.accelerator.reduce(mine, "sum")).item())

    def on_step_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        """Ask the Trainer to save and to stop."""
        if self._any_rank_requested():
            self.interrupted = True
            control.should_training_stop = control.should_save = True
            # A validation that the best checkpoint is chosen by is not left out: the resumed run would not repeat it.
            control.should_evaluate = control.should_evaluate and args.load_best_model_at_end

    def on_epoch_end(self, args: Any, state: Any, control: TrainerControl, **_: Any) -> None:
        """Do not evaluate or save again on the way out."""
        if self.interrupted:
            control.should_save = control.should_evaluate = False

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Count a signal that came after the last step too: the caller must stop."""
        self.interrupted = self.interrupted or self._any_rank_requested()


@contextmanager
def no_bars_for_saving() -> Generator[None]:
    """Keep the bars of transformers for single files off the terminal."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


class _UntiedParameters(Filter):
    """Leaves out warnings that parameters are missing in a checkpoint, if all are tied to others of the model."""

    def __init__(self, model: Callable[[], nn.Module]) -> None:
        super().__init__()
        self._model = model

    def filter(self, record: LogRecord) -> bool:
        message = record.getMessage()
        if not message.startswith("There were missing keys in the checkpoint model loaded"):
            return True
        names: dict[int, list[str]] = {}
        for name, value in self._model().state_dict(keep_vars=True).items():
            names.setdefault(id(value), []).append(name)
        tied = {name for same in names.values() if len(same) > 1 for name in same}
        return not tied.issuperset(re.findall(r"'([^']+)'", message))


@contextmanager
def silent_about_tied_parameters(model: Callable[[], nn.Module]) -> Generator[None]:
    """Keep a warning of transformers off the log: parameters that are tied to others are not in a checkpoint.

    It is given whenever a checkpoint is loaded, also the best one at the end. Other missing parameters are warned of.
    """
    logger, untied = logging.get_logger("transformers.trainer"), _UntiedParameters(model)
    logger.addFilter(untied)
    try:
        yield
    finally:
        logger.removeFilter(untied)
