"""The training losses since the last log, which a checkpoint of the Trainer does not hold."""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import TrainerState, TrainingArguments

from equipoise.base.plain_json import read_json
from equipoise.base.states import check_state, refusing_damaged
from equipoise.errors import StateError
from equipoise.trainer.checkpoints.position import StreamPosition
from equipoise.trainer.stream import Part

FILE_NAME = "equipoise_loss_{rank}.json"
_OF_LOSS = frozenset({"loss", "learning_rate"})
"""Keys of a log of the training loss."""
_ADVICE = "Resume from another checkpoint."


class UnloggedLosses(Part):
    """The sum of the losses that were not logged yet, so that a resumed run logs what the uninterrupted one does.

    The Trainer adds up what `training_step` returns, from 0 when it begins, and divides by the steps since its last
    log or its beginning. So the first `training_step` of a resumed run also returns what the checkpoint holds, and
    the first log is divided again. Both are exact, bit by bit.
    """

    def __init__(self, args: TrainingArguments) -> None:
        self._args = args
        self.begin(None)

    def begin(self, checkpoint: Path | None, step: int = 0) -> None:
        """Begin at a step, with the losses that its checkpoint holds.

        Of as many ranks as there are now, each takes its own; else all take their mean, which is what is logged.
        """
        self._held, self._since, self._began = 0.0, step, step
        if checkpoint is not None:
            paths = sorted(checkpoint.glob(FILE_NAME.format(rank="*")))
            if not paths:
                message = f"`{checkpoint}` has no losses since the last log ({FILE_NAME.format(rank=0)})."
                raise StateError("damaged-file", f"{message} {_ADVICE}")
            own = checkpoint / FILE_NAME.format(rank=self._args.process_index)
            read = [_read(path, step) for path in ([own] if len(paths) == self._args.world_size else paths)]
            self._held = math.fsum(total for _, total in read) / len(read)
            self._since = min(since for since, _ in read)
        self._total = torch.tensor(self._held, device=self._args.device)

    def add(self, loss: Tensor, step: int) -> Tensor:
        """Count the loss of a micro-batch after `step` steps; return what `training_step` is to return."""
        if self._args.logging_nan_inf_filter and not bool(torch.isfinite(loss)):
            loss = self._total / (1 + step - self._since)  # as the Trainer does
        self._total += loss
        held, self._held = self._held, 0.0
        # A tensor: a number would be rounded to the type of the loss, which may be bfloat16.
        return loss + torch.tensor(held, device=loss.device) if held else loss

    def log(self, logs: dict[str, float], step: int) -> dict[str, float]:
        """Return what to log; all losses up to `step` are in it."""
        if not logs.keys() >= _OF_LOSS:  # not the Trainer's own log of the training loss
            return logs
        if self._since != self._began:
            total = np.float32(logs["loss"] * (step - self._began)).item()  # it was a float32, and is again
            logs = logs | {"loss": total / (step - self._since)}
        self._since = self._began = step
        self._total.zero_()
        return logs

    def mean(self, state: TrainerState) -> float:
        """Return the mean training loss of all steps so far, also of those before a checkpoint that was resumed.

        The Trainer divides what was logged since it began by the steps since then; a resumed run's first log has losses
        of steps before.
        """
        total, before = 0.0, 0
        for logs in state.log_history:
            # Of a state that others have written, what is no number is left out.
            numbers = all(isinstance(logs.get(name), int | float) for name in ("loss", "step"))
            if logs.keys() >= _OF_LOSS and numbers:
                total += np.float32(logs["loss"] * (logs["step"] - before)).item()
                before = int(logs["step"])
        return (total + self._total.item()) / max(state.global_step, 1)

    def resume(self, checkpoint: Path) -> None:
        """Take over the losses that a checkpoint holds."""
        self.begin(checkpoint, StreamPosition.read(checkpoint).step)

    def save(self, checkpoint: Path) -> None:
        """Write those of this rank into a checkpoint."""
        state = {"since": self._since, "total": float(self._total).hex()}
        path = checkpoint / FILE_NAME.format(rank=self._args.process_index)
        path.write_text(json.dumps(state) + "\n", encoding="utf-8")


def _read(path: Path, step: int) -> tuple[int, float]:
    state = read_json(path, StateError, _ADVICE)
    with refusing_damaged(path):
        check_state(state, UnloggedLosses.__name__, {"since": range(step + 1), "total": str})
        try:
            return state["since"], float.fromhex(state["total"])
        except (ValueError, OverflowError) as error:
            raise StateError("damaged-state", f"`total` is not a hexadecimal number ({error}).") from None
