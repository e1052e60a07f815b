"""Checkpoints are sealed beside the next steps; whatever comes next, or ends the training, waits for it."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hf_jobs
import pytest
from tests.support.errors import raises, warns
from transformers import TrainerCallback

from equipoise.errors import RunError, RunWarning
from equipoise.trainer.checkpoints import folders
from equipoise.trainer.checkpoints.folders import checkpoint_folders, last_checkpoint
from equipoise.trainer.checkpoints.seal import damage_of, seal

SAVE = {"save_strategy": "steps", "save_steps": 2, "max_steps": 6, "save_total_limit": 1}
SECONDS = 10.0


class Watch(TrainerCallback):
    """Note the steps, and call something at the end of one."""

    def __init__(self, at: int = -1, call: Callable[[], Any] = list) -> None:
        self.at, self.call, self.seen = at, call, [0]

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.seen.append(state.global_step)
        if state.global_step == self.at:
            self.call()


def sealed(folder: Path) -> list[str]:
    return [each.name for each in checkpoint_folders(folder) if damage_of(each) is None]


def test_steps_are_done_while_a_checkpoint_is_sealed_and_the_next_one_waits(tmp_path, monkeypatch) -> None:
    stepped, watch, seen = threading.Event(), Watch(), []
    beside = Watch(3, stepped.set)

    def slowly(folder: Path) -> None:
        if folder.name == "checkpoint-2":
            assert stepped.wait(SECONDS), "the third step waits"
        if folder.name == "checkpoint-4":
            assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2", "the one before stays until this is sealed"
            threading.Event().wait(0.5)
        seal(folder)
        seen.append((folder.name, watch.seen[-1], threading.current_thread() is threading.main_thread()))

    monkeypatch.setattr(folders, "seal", slowly)
    trainer = hf_jobs.build(tmp_path, options=SAVE, callbacks=[watch, beside])
    written: list[int] = []
    monkeypatch.setattr(trainer.unlogged, "save", lambda folder: written.append(len(seen)))
    trainer.train()
    assert [name for name, _, _ in seen] == ["checkpoint-2", "checkpoint-4", "checkpoint-6"]
    assert not any(main for _, _, main in seen)
    assert written == [0, 1, 2], "files are written when the checkpoint before is sealed"
    assert sealed(tmp_path) == ["checkpoint-6"]


def full(_: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("failing", "last", "stopped"), [(2, None, 4), (4, 2, 6), (6, 4, 6)])
def test_a_failed_seal_is_told_at_the_next_save_or_the_end(tmp_path, monkeypatch, failing, last, stopped) -> None:
    place, before = tmp_path / f"checkpoint-{failing}", [] if last is None else [f"checkpoint-{last}"]
    monkeypatch.setattr(folders, "seal", lambda folder: (full if folder == place else seal)(folder))
    watch = Watch()
    with raises(RunError, "cannot-save", f"Cannot save `{place}`", "No space left") as told:
        hf_jobs.build(tmp_path, options=SAVE, callbacks=[watch]).train()
    named = f"The last checkpoint is `{tmp_path / before[0]}`" if before else "No checkpoint was saved before"
    assert named in str(told.value)
    assert [each.name for each in checkpoint_folders(tmp_path)] == sealed(tmp_path) == before
    assert watch.seen[-1] == stopped


def fail() -> None:
    raise ZeroDivisionError


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("call", "error", "expected"),
    [(fail, ZeroDivisionError, 2), (interrupt, KeyboardInterrupt, 2), (lambda: os.kill(os.getpid(), 15), None, 3)],
)
def test_whatever_ends_training_the_checkpoint_is_sealed(tmp_path, monkeypatch, call, error, expected) -> None:
    monkeypatch.setattr(folders, "seal", lambda folder: (threading.Event().wait(0.5), seal(folder)))
    trainer = hf_jobs.build(tmp_path, options=SAVE, callbacks=[Watch(3, call)])
    if error is None:
        trainer.train()
        assert trainer.interrupted
    else:
        with pytest.raises(error):
            trainer.train()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert sealed(tmp_path) == [f"checkpoint-{expected}"]
    assert not any(each.name.startswith("equipoise-seal") for each in threading.enumerate())


def test_where_training_fails_too_the_seal_that_failed_is_a_warning(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(folders, "seal", full)
    trainer = hf_jobs.build(tmp_path, options=SAVE, callbacks=[Watch(3, fail)])
    with pytest.raises(ZeroDivisionError), warns(RunWarning, "cannot-save"):
        trainer.train()
    assert not checkpoint_folders(tmp_path)
