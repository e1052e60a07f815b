"""Two ranks of an `EquipoiseTrainer` that would train other things, over the store of their process group."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
from tests.support import faults
from tests.support.faults import JOB, OPTIONS, Session
from tests.support.processes import on_ranks
from transformers import TrainerCallback

from equipoise.errors import STOPPED
from equipoise.trainer import ending_together
from equipoise.trainer.callbacks import StopOnSignal

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
TWO = JOB | {"ranks": 2, "batch": 4, "options": OPTIONS | {"max_steps": 4}}


@pytest.fixture
def folder() -> Iterator[Path]:
    with faults.quick_folder() as path:
        yield path


def second_rank_has_another_seed() -> None:
    if os.environ["RANK"] == "1":
        faults.hf_jobs.build.__kwdefaults__["seed"] += 1


def second_rank_has_another_plan() -> None:
    if os.environ["RANK"] == "1":
        other = faults.hf_jobs.rates.Proportional()
        faults.hf_jobs.rates.Equal = lambda: other


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (second_rank_has_another_seed, "`sampler seed` is 7 on rank 0, 8 on rank 1"),
        (second_rank_has_another_plan, "`sampler plan` is"),
    ],
)
def test_a_difference_ends_both_before_the_first_step(folder, before, sentence) -> None:
    run = folder / "run"
    session = Session(run, before=before, **TWO)
    for process in session.processes:
        process.join(faults.START)
    log = session.log.read_text()
    assert [process.exitcode for process in session.processes] == [1, 1], log
    assert log.count("RunError: All ranks must train the same run") == 2
    assert sentence in log
    assert not list(run.glob("checkpoint-*"))


class FailOnOne(TrainerCallback):
    """A mistake in a callback of a user, which one rank makes."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if args.process_index == 1 and state.global_step == 2:
            raise LookupError("no such metric")


def script(rank: int, folder: str, where: str) -> None:
    """A script of a user on two ranks: it builds a Trainer, and trains; one rank fails on the way."""
    os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"})
    with Path(folder, f"{rank}.log").open("w") as out:
        os.dup2(out.fileno(), 2)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    code = 0
    try:
        with ending_together():
            if where == "before" and rank == 1:
                raise LookupError("no such metric")
            callbacks: list[Any] = [FailOnOne()] if where == "callback" else []
            faults.hf_jobs.build(Path(folder, "run"), batch=4, options={"max_steps": 4}, callbacks=callbacks).train()
            if where == "after" and rank == 1:
                raise LookupError("no such metric")
            dist.barrier()
    except Exception as error:  # noqa: BLE001 - the log is what the test shows
        traceback.print_exception(error)
        code = 1
    sys.stderr.flush()
    os._exit(code)


def train_alone(rank: int, folder: str, where: str) -> None:
    """The same script without the block: `train` itself sees to it."""
    tests_ranks = sys.modules[script.__module__]
    tests_ranks.ending_together = nullcontext  # type: ignore[attr-defined]
    script(rank, folder, where)


@pytest.mark.parametrize(
    ("target", "where"), [(script, "before"), (script, "callback"), (script, "after"), (train_alone, "callback")]
)
def test_a_mistake_on_one_rank_of_a_script_ends_all_and_is_named(folder, target, where) -> None:
    context = on_ranks(target, (str(folder), where), 2, join=False)
    for process in context.processes:
        process.join(60)
    logs = [(folder / f"{rank}.log").read_text() for rank in range(2)]
    assert [process.exitcode for process in context.processes] == [1, 1], logs
    assert "LookupError: no such metric" in logs[1]
    assert "Rank 1 failed (LookupError): no such metric" in logs[0]


def test_ranks_that_are_alike_train(folder) -> None:
    Session(folder / "run", **TWO).finish()
    assert (folder / "run" / "checkpoint-4").is_dir()


def second_rank_stops_answering() -> None:
    """Let the second rank sleep at the end of a step, where the first waits for it in a collective."""

    def sleep(_: Any, args: Any, state: Any, *__: Any, **___: Any) -> None:
        if state.global_step == 2:
            time.sleep(600)

    if os.environ["RANK"] == "1":
        StopOnSignal.on_step_end = sleep


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_rank_that_waits_in_training(folder, number) -> None:
    run = folder / "run"
    session = Session(run, before=second_rank_stops_answering, **TWO)
    session.wait_for(lambda: (run / "rows-1.jsonl").exists() and (run / "rows-1.jsonl").read_text().count("\n") >= 2)
    time.sleep(1)  # in the collective
    first, second = session.processes
    session.send(number)
    first.join(3)
    assert first.is_alive(), session.log.read_text()
    session.send(number)
    first.join(10)
    assert first.exitcode == STOPPED, session.log.read_text()
    assert "Stopped at once." in session.log.read_text()
    session.send(signal.SIGKILL, [1])
    second.join(10)
