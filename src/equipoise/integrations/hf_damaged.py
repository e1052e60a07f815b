"""A Trainer that says when a checkpoint is damaged.

What it loads never runs code: safetensors, JSON, and torch's files with `weights_only`.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from transformers import Seq2SeqTrainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from equipoise.errors import EquipoiseError, StateError


@contextmanager
def refusing_damage(checkpoint: str | None) -> Generator[None]:
    """Turn whatever loading a checkpoint raises into a StateError that names it.

    Examples
    --------
    >>> with refusing_damage("run/checkpoint-3"):
    ...     raise KeyError("state")
    Traceback (most recent call last):
    ...
    equipoise.errors.StateError: `run/checkpoint-3` is damaged, or holds more than tensors and plain values (KeyError:
    'state'). Resume from another checkpoint.
    """
    try:
        yield
    except EquipoiseError:
        raise
    except Exception as error:  # torch, safetensors and json fail in ways of their own
        said = str(error).partition("\n")[0]
        raise StateError(
            f"`{checkpoint}` is damaged, or holds more than tensors and plain values ({type(error).__name__}: "
            f"{said:.200}). Resume from another checkpoint."
        ) from error


class ResumingTrainer(Seq2SeqTrainer):
    """A `Seq2SeqTrainer` that refuses a damaged checkpoint with a `StateError`."""

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
        with refusing_damage(checkpoint):
            super()._load_rng_state(checkpoint)
