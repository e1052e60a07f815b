"""Checkpoints of a Trainer that are whole or refused, and hold all that a resumed run needs.

What it loads never runs code: safetensors, JSON, and torch's files with `weights_only`.
"""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import os
import traceback
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from transformers import TrainerState, TrainingArguments
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from equipoise.base.files import refuse_unwritable
from equipoise.base.states import refusing_damaged
from equipoise.errors import EquipoiseError, RunError, RunWarning, StateError
from equipoise.models.shards import check_shards
from equipoise.trainer.checkpoints.folders import (
    begin,
    finish,
    named_checkpoint,
    newest_whole_checkpoint,
    refuse_used,
    saving,
)
from equipoise.trainer.checkpoints.lock import locked
from equipoise.trainer.checkpoints.optimizer import check_optimizer, check_schedule
from equipoise.trainer.checkpoints.position import METRICS_NAME
from equipoise.trainer.checkpoints.seal import discard
from equipoise.trainer.checkpoints.trainer_state import best_checkpoint, read_trainer_state
from equipoise.trainer.stream import Part, Stream

T = TypeVar("T")
_LOADING_SHARDS = "ShardedMixin._load_optimizer_and_scheduler"
_OF_TRAINER = ("_load_from_checkpoint", "_load_optimizer_and_scheduler", "_load_scaler", "_load_rng_state")
LOADING = frozenset({"TrainerState.load_from_json", *(f"Trainer.{name}" for name in _OF_TRAINER)})
"""Functions of transformers that load a part of a checkpoint. Most are private: nothing public tells what an error was
raised by. They are not overridden, so that a new signature breaks nothing; a new name leaves the error as it was."""


@contextmanager
def refusing_damage(checkpoint: Path | None) -> Generator[None]:
    """Turn whatever the Trainer raises while it loads a checkpoint into a StateError that names it.

    Examples
    --------
    >>> with refusing_damage(Path("run/checkpoint-3")):
    ...     TrainerState.load_from_json("of/another.json")
    Traceback (most recent call last):
    ...
    equipoise.errors.StateError: `run/checkpoint-3` is of another model or optimiser, or holds more than tensors and
    plain values (FileNotFoundError: [Errno 2] No such file or directory: 'of/another.json'). Resume from another
    checkpoint.
    """
    try:
        yield
    except EquipoiseError:
        raise
    except Exception as error:  # torch, safetensors and json fail in ways of their own
        if (LOADING | {_LOADING_SHARDS}).isdisjoint(
            frame.f_code.co_qualname for frame, _ in traceback.walk_tb(error.__traceback__)
        ):
            raise
        reason = str(error).partition("\n")[0]
        raise StateError(
            "other-checkpoint",
            f"`{checkpoint}` is of another model or optimiser, or holds more than tensors and plain values "
            f"({type(error).__name__}: {reason:.200}). Resume from another checkpoint.",
        ) from error


def on_first_rank(function: Callable[[], T], output_dir: Path, args: TrainingArguments) -> T:
    """Return on all ranks what a function returns on the first one, or raise its error: the others wait for it."""
    answer: list[Any] = [None]
    if args.process_index == 0:
        try:
            answer = [function()]
        except EquipoiseError as error:
            answer = [error]
        except OSError as error:
            answer = [RunError("cannot-write", f"`{output_dir}` cannot be used: {error}. Choose another `output_dir`.")]
    broadcast_object_list(answer)
    if isinstance(answer[0], EquipoiseError):
        raise answer[0]
    return answer[0]


@contextmanager
def held_by_first_rank(output_dir: Path, args: TrainingArguments) -> Generator[None]:
    """Hold the lock of a folder of checkpoints during the block, on the first rank for all.

    Raises
    ------
    RunError
        If another process trains there, or the folder cannot be written; on every rank.
    """
    with ExitStack() as held:
        on_first_rank(lambda: held.enter_context(locked(output_dir)), output_dir, args)
        yield


class Checkpoints(Part):
    """The checkpoints of a Trainer: found, begun, sealed, and removed when newer ones are whole.

    The first rank seals a checkpoint in a thread beside the next steps: to hash and to flush it takes about a second a
    gigabyte. The next checkpoint, and the end of training, wait for it. No rank talks to another in that thread.

    It must be the last callback, as its `on_save` seals what those before it have written. Each checkpoint holds the
    position of `stream`.

    Attributes
    ----------
    output_dir : pathlib.Path
        Where they are: the folder of the arguments, or of a trial in it.
    keep : int or None
        How many checkpoints stay; None for all.
    best : pathlib.Path or None
        The best checkpoint when training was resumed; it is the run's own, whatever the state of the Trainer says.
    all_trained : bool
        Whether every step trains the same parameters.
    """

    def __init__(self, stream: Stream, args: TrainingArguments, accelerator: Accelerator) -> None:
        self.keep: int | None = None
        self.best: Path | None = None
        self.all_trained = False
        self._resumed: Path | None = None
        self._worker: Executor | None = None
        self._sealing: Future[None] | None = None
        self._stream, self._args, self._accelerator = stream, args, accelerator
        self.output_dir = Path(cast(str, args.output_dir))

    def use(self, output_dir: Path) -> None:
        """Keep the checkpoints in a folder from now on: that of the arguments, or of a trial in it."""
        self.output_dir = output_dir

    @contextmanager
    def locked(self) -> Generator[None]:
        """Let no other process train in the output directory; the first rank holds the lock for all.

        Raises
        ------
        RunError
            If another process trains there, or the directory cannot be written.
        """
        with held_by_first_rank(self.output_dir, self._args):
            yield

    def find(self, resume: str | os.PathLike[str] | bool | None) -> Path | None:
        """Decide, on the first rank for all, where training begins: at a whole checkpoint, or with None at step 0.

        `resume` is a checkpoint's folder, True for the newest whole one, or nothing for a new run.

        Raises
        ------
        RunError
            If the output directory cannot be written, or holds a run and none was to be resumed.
        StateError
            If the named checkpoint, or all, are damaged.
        """
        self.best = None
        found = self._resumed = self._on_first_rank(lambda: _checkpoint(self.output_dir, resume))
        if not self.output_dir.is_dir():  # the first rank has made it, or seen it
            raise RunError(
                "not-shared",
                f"`output_dir` must be on a disk that all machines see, and `{self.output_dir}` is not on this one. "
                "Choose another.",
            )
        return found

    def read_state(self, checkpoint: Path) -> TrainerState:
        """Read the state of the Trainer from a checkpoint that `find` returned.

        Raises
        ------
        StateError
            If it is damaged, or the best checkpoint is and its model would be taken.
        """
        state = read_trainer_state(checkpoint)
        self.best = best_checkpoint(state, whole=self._args.load_best_model_at_end)
        if self.best is not None:
            check_shards(self.best)
        return state

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        *_: Any,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **__: Any,
    ) -> None:
        """Check what the Trainer has loaded itself, and point its state to the best checkpoint of this run.

        Raises
        ------
        StateError
            If optimiser or schedule are not those of the step.
        """
        if self._resumed is not None:
            with refusing_damaged(self._resumed / SCHEDULER_NAME):
                may_skip = self._accelerator.scaler is not None
                done = check_schedule(lr_scheduler, state.global_step, may_skip=may_skip)
            with refusing_damaged(self._resumed / OPTIMIZER_NAME):
                check_optimizer(optimizer, done, all_trained=self.all_trained)
        if state.best_model_checkpoint is not None or self.best is not None:
            state.best_model_checkpoint = None if self.best is None else str(self.best)

    @contextmanager
    def sealing(self) -> Generator[None]:
        """Train in the block; when it ends, however it ends, its checkpoints are sealed.

        Raises
        ------
        RunError
            If the last checkpoint cannot be sealed; on every rank.

        Warns
        -----
        RunWarning
            If it cannot, and training has failed as well.
        """
        with ThreadPoolExecutor(1, "equipoise-seal") as self._worker:
            try:
                yield
            except BaseException:
                # Without the other ranks, which may wait for this one elsewhere.
                failed = None if self._sealing is None else self._sealing.exception()
                self._sealing = None
                if failed is not None:
                    warnings.warn(RunWarning("cannot-save", str(failed)), stacklevel=5)
                raise
            self._sealed()

    @contextmanager
    def saving(self, step: int) -> Generator[Path]:
        """Begin a checkpoint for all ranks to write; if one of them fails, it is removed and every rank raises.

        The one before is sealed first, or its error raised.
        """
        self._sealed()
        folder = self._folder(step)
        self._on_first_rank(lambda: begin(folder))
        failed: RunError | None = None
        try:
            with saving(folder, folder.parent):
                yield folder
        except RunError as error:
            failed = error
        # Every rank waits here for the others: one that raised before would leave them waiting at the next exchange.
        errors: list[RunError | None] = gather_object([failed])
        if any(errors):
            if self._accelerator.is_main_process:
                with suppress(OSError):
                    discard(folder)  # others may have written into it after the rank that failed removed it
            raise failed or next(filter(None, errors))

    def on_save(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Begin to seal the checkpoint, as every rank has written its part of it, and the callbacks of others have."""
        folder = self._folder(state.global_step)
        self._accelerator.wait_for_everyone()
        here, best = self._stream.at(state.global_step), state.best_model_checkpoint
        if args.process_index == 0:
            worker = cast(Executor, self._worker)
            self._sealing = worker.submit(finish, here, folder, keep=self.keep, best=best)

    def _sealed(self) -> None:
        """Return when no checkpoint is being sealed, or raise on all ranks why it could not be."""
        sealing, self._sealing = self._sealing, None
        self._on_first_rank(lambda: None if sealing is None else sealing.result())

    def _on_first_rank(self, function: Callable[[], T]) -> T:
        return on_first_rank(function, self.output_dir, self._args)

    def _folder(self, step: int) -> Path:
        return self.output_dir / f"checkpoint-{step}"


def _checkpoint(output_dir: Path, resume: str | os.PathLike[str] | bool | None) -> Path | None:
    if not resume:
        refuse_used(output_dir)
    refuse_unwritable(output_dir / METRICS_NAME)
    if not resume:
        return None
    found = newest_whole_checkpoint(output_dir) if resume is True else named_checkpoint(Path(resume), output_dir)
    if found is not None:
        check_shards(found)
    return found
