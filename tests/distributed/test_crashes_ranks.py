"""Two ranks that are killed, or find their newest checkpoint damaged, end as if nothing had happened."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import faults
from tests.support.faults import JOB, OPTIONS, Session, same_run

from equipoise.trainer.checkpoints import folders
from equipoise.trainer.checkpoints.folders import last_checkpoint
from equipoise.trainer.unlogged import UnloggedLosses

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

STEPS, KILLS, SEED = 400, 30, 2
TWO = JOB | {"ranks": 2, "batch": 4, "options": OPTIONS | {"max_steps": STEPS}}


@pytest.fixture
def folder() -> Iterator[Path]:
    with faults.quick_folder() as path:
        yield path


def test_thirty_kills_of_a_rank_and_a_damaged_checkpoint_change_nothing(folder) -> None:
    whole, run = folder / "whole", folder / "killed"
    Session(whole, **TWO).finish()
    faults.kill_at_random(run, SEED, KILLS, **TWO)

    # Until two checkpoints are there; then the newest loses its end, and both ranks have to take the other.
    session = Session(run, **TWO)
    before = last_checkpoint(run)
    session.wait_for(lambda: last_checkpoint(run) not in (None, before))
    session.send(signal.SIGKILL)
    session.end()
    newest = last_checkpoint(run)
    assert newest is not None
    os.truncate(newest / "rng_state_1.pth", 100)
    session = Session(run, **TWO)
    session.finish()
    assert f"`{newest}` is damaged: `rng_state_1.pth` has changed" in session.log.read_text()
    assert (run / f"damaged-{newest.name}").is_dir()
    same_run(run, whole, STEPS)


def test_kills_of_ranks_with_sharded_parameters_change_nothing(folder) -> None:
    whole, run = folder / "whole", folder / "killed"
    sharded = TWO | {"options": OPTIONS | {"max_steps": 60, "fsdp": True}}
    Session(whole, **sharded).finish()
    faults.kill_at_random(run, SEED, 3, **sharded)
    Session(run, **sharded).finish()
    same_run(run, whole, 60)
    assert faults.result(run)["share"] < 0.6


def test_a_checkpoint_that_all_ranks_refuse_ends_all(folder) -> None:
    run = folder / "run"
    short = TWO | {"options": OPTIONS | {"max_steps": 4}}
    Session(run, **short).finish()
    os.truncate(run / "checkpoint-4" / "optimizer.pt", 100)
    session = Session(run, **TWO)
    assert 1 in session.end()  # the one that is still there then is killed
    assert "all are damaged" in session.log.read_text()


def second_rank_has_no_space() -> None:
    """Let the second rank find its disk full when the first has written its part of a checkpoint."""

    def fail(_: object, checkpoint: Path) -> None:
        while not (checkpoint / "equipoise_loss_0.json").exists():
            time.sleep(0.01)
        raise OSError(28, "No space left on device")

    if os.environ["RANK"] == "1":
        UnloggedLosses.save = fail


def both_say_that_the_first_checkpoint_cannot_be_saved(run: Path, before: Callable[[], None]) -> None:
    session = Session(run, before=before, **TWO)
    for process in session.processes:
        process.join(faults.START)
    log = session.log.read_text()
    assert [process.exitcode for process in session.processes] == [1, 1], log
    assert log.count(f"RunError: Cannot save `{run / 'checkpoint-4'}`") == 2
    assert not list(run.glob("checkpoint-*"))


def test_when_one_rank_cannot_save_all_say_so_and_none_waits(folder) -> None:
    run = folder / "run"
    both_say_that_the_first_checkpoint_cannot_be_saved(run, second_rank_has_no_space)


def seals_fail() -> None:
    """Let no checkpoint be sealed; only the first rank tries."""

    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    folders.seal = fail


def test_when_the_first_rank_cannot_seal_all_say_so_and_none_waits(folder) -> None:
    run = folder / "run"
    both_say_that_the_first_checkpoint_cannot_be_saved(run, seals_fail)
    assert max(faults.hf_jobs.rows_by_step(run)) == 7, "it is told before the next checkpoint"
