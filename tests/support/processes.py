"""New processes that cost no seconds: forked from a server that has imported torch and all else once."""

import multiprocessing as mp
import os
import shutil
import signal
import socket
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch.multiprocessing as torch_mp

ON_CPUS = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def context() -> ForkServerContext:
    """Whose processes are forked from the one server of this process."""
    found = mp.get_context("forkserver")
    found.set_forkserver_preload(["tests.support.warm"])
    return found


def on_ranks(work: Callable[..., None], arguments: tuple[Any, ...], ranks: int, join: bool = True) -> Any:
    """As `torch.multiprocessing.spawn`: call `work(rank, *arguments)` in as many processes."""
    context()
    return torch_mp.start_processes(work, arguments, nprocs=ranks, join=join, start_method="forkserver")


def places(ranks: int) -> list[dict[str, str]]:
    """Return the variables by which a launcher tells each rank its place, on a port that was free; without GPUs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        ON_CPUS | {name: str(value) for name, value in (world | {"RANK": rank, "LOCAL_RANK": rank}).items()}
        for rank in range(ranks)
    ]


class Started:
    """A call in a process of its own, and what it prints.

    Parameters
    ----------
    work : callable
        Must be importable.
    *arguments
        Of the call.
    folder : path, optional
        The working directory; by default that of this process.
    environment : mapping, optional
        Variables besides those of this process.
    """

    def __init__(
        self,
        work: Callable[..., None],
        *arguments: Any,
        folder: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._said = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._said)
        place = (str(folder or Path.cwd()), {**os.environ, **(environment or {})}, self._said)
        self.process = context().Process(target=_call, args=(*place, work, arguments))
        self.process.start()

    @property
    def stdout(self) -> str:
        return _read(self._said / "stdout")

    @property
    def stderr(self) -> str:
        return _read(self._said / "stderr")

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def wait(self, seconds: float = 300) -> int:
        """Return the exit code, that of a signal below 0."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"still running after {seconds:g} s:\n{self.stdout}\n{self.stderr}")
        return self.process.exitcode


def equipoise(*arguments: object, **where: Any) -> Started:
    """Start the command `equipoise`; `where` is that of `Started`."""
    return Started(command, [str(each) for each in arguments], **where)


def command(arguments: list[str]) -> None:
    """Be the command, in this process."""
    from equipoise.cli import main

    sys.argv = ["equipoise", *arguments]
    main()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""  # it may not have begun


def _call(
    folder: str,
    environment: dict[str, str],
    said: Path,
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    for name, at in (("stdout", 1), ("stderr", 2)):
        file = os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, at)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    work(*arguments)
