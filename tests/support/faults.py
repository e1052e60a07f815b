"""Real training processes that are killed: at a moment, at an operation on files, or by a signal.

Each session is a process of the server of `processes`, so that a start costs a fraction of a second. A session of
several ranks is several such processes, and once one of them is gone the others are killed, as a launcher does it.
"""

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from equipoise.trainer.checkpoints.seal import UNFINISHED
from tests.support.processes import context

SCRIPTS = str(Path(__file__).parents[1] / "integration")
START = 60.0  # seconds that a start, or the end of a session, may take
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir"})

if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

import hf_jobs  # noqa: E402 - its folder must be on the path


class Session:
    """The processes of one start of a training.

    Parameters
    ----------
    folder : pathlib.Path
        The run, which is resumed if it was begun.
    ranks : int
        Number of processes.
    die_at : int, optional
        The first rank kills itself at this operation on the files of the run, counted from 1.
    before : callable, optional
        Called in every process before it trains; must be importable.
    **job
        Arguments of `hf_jobs.build`, and `resume`, True if not said otherwise.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ranks: int = 1,
        die_at: int | None = None,
        before: Callable[[], None] | None = None,
        **job: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        number = len(list(folder.parent.glob(f"{folder.name}.log-*")))
        self.log = folder.parent / f"{folder.name}.log-{number}"
        self.log.touch()
        store = f"{self.log}.store" if ranks > 1 else None
        self.processes: list[BaseProcess] = [
            context().Process(
                target=_sit, args=(folder, self.log, rank, ranks, store, die_at if rank == 0 else None, before, job)
            )
            for rank in range(ranks)
        ]
        for process in self.processes:
            process.start()

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Return when something has happened, or a process has ended."""
        end = time.monotonic() + START
        while not happened() and all(process.is_alive() for process in self.processes):
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.002)

    def send(self, number: signal.Signals, ranks: Sequence[int] = (0,)) -> None:
        """Send a signal to some ranks."""
        for rank in ranks:
            pid = self.processes[rank].pid
            assert pid is not None
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self, timeout: float = START) -> list[int]:
        """Wait for the end and return the exit codes; once one process has failed the others are killed."""
        end = time.monotonic() + timeout
        while any(process.is_alive() for process in self.processes):
            if any(process.exitcode for process in self.processes):
                self.send(signal.SIGKILL, range(len(self.processes)))
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.005)
        return [process.exitcode or 0 for process in self.processes]

    def finish(self) -> None:
        """Wait for an end without an error."""
        codes = self.end()
        assert not any(codes), f"{codes}: {self.log.read_text()}"


def _sit(
    folder: Path,
    log: Path,
    rank: int,
    ranks: int,
    store: str | None,
    die_at: int | None,
    before: Callable[[], None] | None,
    job: dict[str, Any],
) -> None:
    """Train in a new process and leave the parameters in `<folder>.result`; errors go to the log."""
    with log.open("a") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        if store is not None:
            world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
            os.environ.update({name: str(value) for name, value in world.items()})
            hf_jobs.torch.distributed.init_process_group(
                "gloo", init_method=f"file://{store}", rank=rank, world_size=ranks
            )
        if before is not None:
            before()
        if die_at is not None:
            die_at_operation(folder, die_at)
        done = hf_jobs.run(str(folder), **({"resume": True} | job))
        if rank == 0:
            folder.with_name(f"{folder.name}.result").write_text(json.dumps(done))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the log is what the test shows
        import traceback

        traceback.print_exception(error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # gloo's threads sometimes abort an interpreter that finishes normally


def die_at_operation(folder: Path, number: int) -> None:
    """Kill this process at its n-th operation on the files of a run.

    Operations are: a file is opened for writing, renamed or removed, a folder made or removed; and each file of
    tensors, which is left cut in half.
    """
    import safetensors.torch
    import torch
    import transformers.modeling_utils as models

    prefix, counted = f"{folder}{os.sep}", itertools.count(1)

    def tick(cut: Path | None = None) -> None:
        if next(counted) == number:  # one step, as checkpoints are sealed in a thread
            if cut is not None:
                os.truncate(cut, cut.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, args: tuple[Any, ...]) -> None:
        path = args[0] if args and isinstance(args[0], str | os.PathLike) else ""
        # The record of the examples that were seen is the test's own.
        if str(path).startswith(prefix) and not Path(path).name.startswith("rows-"):
            opened = event == "open" and isinstance(args[2], int) and args[2] & WRITING
            if opened or event in CHANGES:
                tick()

    def cutting(save: Any) -> Any:
        def saved(value: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
            result = save(value, path, *args, **kwargs)
            tick(Path(path))
            return result

        return saved

    torch.save = cutting(torch.save)
    models.safe_save_file = safetensors.torch.save_file = cutting(safetensors.torch.save_file)
    sys.addaudithook(audit)


def result(folder: Path) -> dict[str, Any]:
    """Return the result of `hf_jobs.run` in the last session that ended by itself."""
    return json.loads(folder.with_name(f"{folder.name}.result").read_text())


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the metrics file, without clock times; the last has the mean loss of the run."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if not name.endswith(("_runtime", "_per_second"))}
        for line in lines
    ]


JOB = {"dropout": 0.1, "epochs": 99, "decide": True}
"""With dropout, so that the parameters show whether the random state was restored as well; and another plan is decided
between two checkpoints, for a step after the second of them."""
OPTIONS = {
    "optim": "adamw_torch",
    "lr_scheduler_type": "linear",
    "logging_steps": 3,  # not a divisor of the checkpoints: losses that were not logged yet have to be saved
    "save_strategy": "steps",
    "save_steps": 4,
    "save_total_limit": 2,
    "eval_strategy": "steps",
    "eval_steps": 30,
    "per_device_eval_batch_size": 36,
}


def same_run(folder: Path, other: Path, steps: int) -> None:
    """Assert that two runs ended alike: their parameters, their metrics, and the examples that these come from."""
    assert result(folder)["parameters"] == result(other)["parameters"]
    assert metrics(folder) == metrics(other)
    rows = hf_jobs.rows_by_step(folder)
    assert rows == hf_jobs.rows_by_step(other)
    assert [rows[step] for step in range(steps)] == hf_jobs.rows_of_steps(range(steps), decide=True)


def kill_at_random(folder: Path, seed: int, kills: int, ranks: int = 1, **job: Any) -> int:
    """Kill a training again and again at random moments; return how often that was while a checkpoint was written."""
    rng = random.Random(seed)
    writing = 0
    for _ in range(kills):
        session = Session(folder, ranks=ranks, **job)
        seen, steps = _lines(folder), rng.randint(0, 9)
        if steps:  # the first line of a session is not of a step
            session.wait_for(lambda seen=seen, steps=steps: _lines(folder) > seen + steps)
        time.sleep(rng.random() * 0.05)
        session.send(signal.SIGKILL, [rng.randrange(ranks)])
        codes = session.end()
        assert -signal.SIGKILL in codes, f"seed {seed}: {codes} before the kill: {session.log.read_text()}"
        writing += any(folder.glob(f"checkpoint-*/{UNFINISHED}"))
    return writing


def _lines(folder: Path) -> int:
    path = folder / "rows-0.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@contextlib.contextmanager
def folder_in_memory(size: str = "64m") -> Generator[Path]:
    """A folder on a separate small file system, where a write costs nothing and the disk can be full.

    Mounting needs root; without, the tests that use it are skipped.
    """
    with tempfile.TemporaryDirectory() as name:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", name]
        mounted = subprocess.run(command, capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@contextlib.contextmanager
def quick_folder() -> Generator[Path]:
    """A temporary folder in memory where there is one: thousands of forced writes take minutes on some disks."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
