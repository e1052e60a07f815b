"""One process trains in a folder: who holds the lock is named, and what a kill leaves is no lock."""

import inspect
import json
import multiprocessing as mp
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.errors import raises, warns

from equipoise.base.files import WITHOUT_LOCKS
from equipoise.errors import RunError, RunWarning
from equipoise.trainer.checkpoints.lock import HOLDER, locked


def hold(folder: Path) -> None:
    with locked(folder):
        (folder / "held").touch()
        time.sleep(30)


@pytest.fixture
def holding() -> Iterator[Callable[[Path], int]]:
    """Start a process that holds the lock of a folder; return its number."""
    with ExitStack() as ended:

        def start(folder: Path) -> int:
            process = mp.get_context("fork").Process(target=hold, args=(folder,), daemon=True)
            process.start()
            ended.callback(process.kill)
            while not (folder / "held").exists():
                time.sleep(0.01)
            assert process.pid is not None
            return process.pid

        yield start


def test_another_process_is_refused_and_the_message_names_the_first(tmp_path, holding) -> None:
    number = holding(tmp_path / "run")
    for _ in range(2):
        with (
            raises(RunError, "in-use", f"in use by process {number} on {socket.gethostname()}"),
            locked(tmp_path / "run", seconds=0.0),
        ):
            pytest.fail("two processes hold it")


def test_the_lock_of_a_killed_process_is_free(tmp_path, holding) -> None:
    number = holding(tmp_path)
    os.kill(number, signal.SIGKILL)
    with locked(tmp_path):
        assert json.loads((tmp_path / HOLDER).read_text()) == {"pid": os.getpid(), "host": socket.gethostname()}


def test_a_process_that_is_just_ending_is_waited_for(tmp_path, holding) -> None:
    number = holding(tmp_path)
    ending = threading.Timer(0.5, os.kill, (number, signal.SIGKILL))
    ending.start()
    began = time.monotonic()
    with locked(tmp_path):  # waits ten seconds if not told otherwise
        assert time.monotonic() - began >= 0.4
    assert inspect.signature(locked).parameters["seconds"].default == 10


@pytest.mark.parametrize("number", sorted(WITHOUT_LOCKS))
def test_where_there_are_no_locks_a_warning_says_so_and_the_block_begins(tmp_path, monkeypatch, number) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("equipoise.trainer.checkpoints.lock.FileLock.acquire", none)
    with warns(RunWarning, "no-locks"), locked(tmp_path):
        (tmp_path / "begun").touch()
    assert (tmp_path / "begun").exists()


@pytest.mark.parametrize("holder", ["", "{", "[]", '{"pid": "1", "host": 3}', '{"pid": 1e9, "host": "x"}'])
def test_a_damaged_name_of_the_holder_is_no_name(tmp_path, holding, holder) -> None:
    holding(tmp_path)
    (tmp_path / HOLDER).write_text(holder)
    with raises(RunError, "in-use", "in use by another process"), locked(tmp_path, seconds=0.0):
        pytest.fail("two processes hold it")


def test_blocks_of_one_process_nest_and_the_lock_is_free_after_an_error(tmp_path, holding) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path), locked(tmp_path):
        raise ZeroDivisionError
    assert holding(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path) -> None:
    (tmp_path / "file").touch()
    with raises(RunError, "cannot-write", "file/run"), locked(tmp_path / "file" / "run"):
        pytest.fail("there is no folder")
