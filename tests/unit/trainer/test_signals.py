"""Signals of a process whose main thread waits where no handler of Python runs."""

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
from tests.support.processes import Started

from equipoise.errors import STOPPED
from equipoise.trainer.signals import HEARD, ending_at_signal

pytestmark = pytest.mark.slow


def wait_in_torch(folder: Path, forked: bool) -> None:
    """Wait for a rank that never answers; a handler of Python would run after that."""
    asked: list[str] = []
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: asked.append("asked"))
    store = dist.FileStore(str(folder / "store"), 2)
    with ending_at_signal(2, "Stopped at once."):
        if forked:  # as a worker of a loader, which gets the Ctrl-C of a terminal as well
            child = os.fork()
            if child == 0:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGTERM)
                os._exit(len(asked))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        (folder / "waits").touch()
        store.wait(["never"], timedelta(seconds=60))
    raise AssertionError(asked)


def wait_in_python(folder: Path) -> None:
    """Wait where handlers run, and end by itself."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ending_at_signal(1, "Stopped at once."):
        try:
            (folder / "waits").touch()
            time.sleep(60)
        except KeyboardInterrupt:
            os._exit(3)


def waiting(folder: Path, work: Callable[..., None], *arguments: Any) -> Started:
    process = Started(work, folder, *arguments)
    while not (folder / "waits").exists():
        assert process.process.is_alive(), process.stderr
        time.sleep(0.01)
    time.sleep(0.5)
    return process


@pytest.mark.parametrize("forked", [False, True], ids=["alone", "with a forked process"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_a_process_that_waits_in_torch(tmp_path, number, forked) -> None:
    process = waiting(tmp_path, wait_in_torch, forked)
    process.send(number)
    process.process.join(HEARD + 1)
    assert process.process.is_alive(), process.stderr
    process.send(number)
    assert process.wait(HEARD + 10) == STOPPED
    assert process.stderr.endswith("Stopped at once.\n")


def test_a_process_that_ends_by_itself_is_left_to_do_so(tmp_path) -> None:
    process = waiting(tmp_path, wait_in_python)
    process.send(signal.SIGTERM)
    assert process.wait(HEARD + 10) == 3
    assert not process.stderr


def test_what_was_told_of_signals_before_is_told_again_after() -> None:
    seen, told = os.pipe()
    os.set_blocking(told, False)
    previous = signal.set_wakeup_fd(told)
    try:
        with ending_at_signal(1, "Stopped at once."):
            pass
        assert signal.set_wakeup_fd(previous) == told
    finally:
        signal.set_wakeup_fd(previous)
        os.close(seen)
        os.close(told)
    found: list[bool] = []

    def elsewhere() -> None:
        with ending_at_signal(1, "Stopped at once."):
            found.append(True)

    thread = threading.Thread(target=elsewhere)  # where no handler can be set
    thread.start()
    thread.join()
    assert found == [True]
