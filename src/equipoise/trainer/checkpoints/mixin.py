"""Checkpoints of a Trainer that are whole or refused, and hold all that a resumed run needs.

What it loads never runs code: safetensors, JSON, and torch's files with `weights_only`.
"""

import json
import math
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from transformers import Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from equipoise.base.files import read_text
from equipoise.errors import EquipoiseError, RunError, StateError
from equipoise.trainer.checkpoints.folders import (
    named_checkpoint,
    newest_whole_checkpoint,
    refuse_unwritable,
    refuse_used,
    saving,
)
from equipoise.trainer.checkpoints.seal import begin

_Base = Trainer if TYPE_CHECKING else object  # it stands before a Trainer, which may be any subclass
LOSS_NAME = "equipoise_loss_{rank}.json"


@contextmanager
def refusing_damage(checkpoint: str | None) -> Generator[None]:
    """Turn whatever loading a checkpoint raises into a StateError that names it.

    Examples
    --------
    >>> with refusing_damage("run/checkpoint-3"):
    ...     raise KeyError("state")
    Traceback (most recent call last):
    ...
    equipoise.errors.StateError: `run/checkpoint-3` is of another model or optimiser, or holds more than tensors and
    plain values (KeyError: 'state'). Resume from another checkpoint.
    """
    try:
        yield
    except EquipoiseError:
        raise
    except Exception as error:  # torch, safetensors and json fail in ways of their own
        said = str(error).partition("\n")[0]
        raise StateError(
            f"`{checkpoint}` is of another model or optimiser, or holds more than tensors and plain values "
            f"({type(error).__name__}: {said:.200}). Resume from another checkpoint."
        ) from error


class CheckpointMixin(_Base):
    """What makes the checkpoints of a `Trainer` safe: they are begun, and checked before anything is loaded.

    The seal is put on by `checkpoint_folders.finish`, after everything that callbacks write on saving.
    """

    def find_checkpoint(self, resume: str | os.PathLike[str] | bool | None) -> Path | None:
        """Decide, on the first rank for all, where training begins.

        Parameters
        ----------
        resume : str, path-like, bool or None
            A checkpoint's folder, True for the newest whole one, or nothing for a new run.

        Returns
        -------
        pathlib.Path or None
            A whole checkpoint; None to begin at step 0.

        Raises
        ------
        RunError
            If the output directory cannot be written, or holds a run and none was to be resumed.
        StateError
            If the named checkpoint, or all, are damaged.
        """
        answer: list[Any] = [None]
        output_dir = Path(cast(str, self.args.output_dir))
        if self.is_world_process_zero():
            try:
                answer = [_checkpoint(output_dir, resume)]
            except EquipoiseError as error:
                answer = [error]
            except OSError as error:  # the others wait for an answer
                answer = [RunError(f"`{output_dir}` cannot be used: {error}. Choose another `output_dir`.")]
        broadcast_object_list(answer)
        if isinstance(answer[0], EquipoiseError):
            raise answer[0]
        if not output_dir.is_dir():  # the first rank has made it, or seen it
            raise RunError(
                f"`output_dir` must be on a disk that all machines see, and `{output_dir}` is not here. Choose another."
            )
        return cast("Path | None", answer[0])

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        folder = Path(cast(str, self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        with saving(folder, folder.parent):
            if self.is_world_process_zero():
                begin(folder)
            self.accelerator.wait_for_everyone()
            path = folder / LOSS_NAME.format(rank=self.args.process_index)
            lost = {"since": self._globalstep_last_logged, "total": float(cast(Tensor, self._tr_loss)).hex()}
            path.write_text(json.dumps(lost) + "\n", encoding="utf-8")
            super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        with refusing_damage(resume_from_checkpoint):
            TrainerState.load_from_json(str(Path(resume_from_checkpoint) / TRAINER_STATE_NAME))  # read later unguarded
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with refusing_damage(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_scaler(self, checkpoint: str | None) -> None:
        with refusing_damage(checkpoint):
            super()._load_scaler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Load the random state, and the losses since the last log: both belong to the first step that follows."""
        with refusing_damage(checkpoint):
            super()._load_rng_state(checkpoint)
            if checkpoint is not None:
                self._tr_loss += self._load_losses(Path(checkpoint))

    def _load_losses(self, checkpoint: Path) -> float:
        """Return the losses that were not logged yet: this rank's own, or their mean if ranks were other ones."""
        paths = sorted(checkpoint.glob(LOSS_NAME.format(rank="*")))
        own = checkpoint / LOSS_NAME.format(rank=self.args.process_index)
        chosen = [own] if len(paths) == self.args.world_size else paths
        held = [json.loads(read_text(path, StateError)) for path in chosen]
        self._globalstep_last_logged = int(held[0]["since"])
        return math.fsum(float.fromhex(each["total"]) for each in held) / len(held)


def _checkpoint(output_dir: Path, resume: str | os.PathLike[str] | bool | None) -> Path | None:
    if not resume:
        refuse_used(output_dir)
    refuse_unwritable(output_dir)
    if not resume or resume is True:
        return newest_whole_checkpoint(output_dir) if resume else None
    return named_checkpoint(Path(resume), output_dir)
