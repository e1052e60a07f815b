"""Two ranks of an `EquipoiseTrainer` that would train other things, over the store of their process group."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import faults
from tests.support.faults import JOB, OPTIONS, Session

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


def test_ranks_that_are_alike_train(folder) -> None:
    Session(folder / "run", **TWO).finish()
    assert (folder / "run" / "checkpoint-4").is_dir()
