"""`torchrun -m equipoise train` on two ranks makes the run of one process; ranks that fail end together."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from tests.support.faults import hf_jobs
from tests.support.processes import ON_CPUS, Started, command, equipoise, places
from tests.unit.cli.rows import write_rows

from equipoise.trainer import EquipoiseTrainer

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
SETTINGS = ["--draws", "320", "--set", "training.batch_size=16"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def test_two_ranks_make_the_run_of_one_process(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl")
    hf_jobs.write_tiny_t5(tmp_path / "model")
    train = ["train", "rows.jsonl", "--model", "model", *SETTINGS, "--out"]
    one, two, sharded = (tmp_path / name for name in ("one", "two", "sharded"))
    equipoise(*train, one, folder=tmp_path).wait()
    # gloo may abort a process as it exits: what counts is what was written.
    command = [sys.executable, *TORCHRUN, "-m", "equipoise", *train, str(two)]
    subprocess.run(command, cwd=tmp_path, env=os.environ | ON_CPUS, capture_output=True, check=False)
    by_hand(tmp_path, *[[*train, str(sharded), "--set", "trainer.fsdp=true"]] * 2)
    expected, table = load_file(one / "model" / "model.safetensors"), pq.read_table(one / "predictions.parquet")
    for run in (two, sharded):
        weights = load_file(run / "model" / "model.safetensors")
        assert weights.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_allclose(weights[name], value, atol=2e-4)
        found = pq.read_table(run / "predictions.parquet")
        assert found.column("row").to_pylist() == table.column("row").to_pylist()
        assert found.column("predicted").to_pylist() == table.column("predicted").to_pylist()
        assert (one / "plan.json").read_text() == (run / "plan.json").read_text()


def failing(arguments: list[str]) -> None:
    """The command, which fails in a step on the rank that `FAILS` names."""
    step = EquipoiseTrainer.training_step

    def training_step(self: EquipoiseTrainer, *args: Any, **kwargs: Any) -> Any:
        if os.environ["RANK"] == os.environ.get("FAILS") and self.state.global_step == 3:
            raise ValueError("a row that cannot be used")
        return step(self, *args, **kwargs)

    EquipoiseTrainer.training_step = training_step
    command(arguments)


LONG = ["--draws", "8000", "--allow-repeats", "--set", "training.batch_size=16", "--set", "training.save_every=5"]


def by_hand(folder: Path, *ranks: list[str], then: Callable[[list[Started]], None] | None = None, **more: str):
    """Start two ranks as a person would; return the exit codes, what was printed, and the seconds after `then`."""
    started = [
        Started(failing, arguments, folder=folder, environment=place | more)
        for place, arguments in zip(places(2), ranks, strict=True)
    ]
    if then is not None:
        then(started)
    began = time.monotonic()
    codes = [rank.wait(180) for rank in started]
    return codes, [rank.stdout + rank.stderr for rank in started], time.monotonic() - began


@pytest.mark.parametrize("failing", [0, 1])
def test_a_rank_that_cannot_read_the_data_ends_both_before_anything_is_written(tmp_path: Path, failing: int) -> None:
    write_rows(tmp_path / "rows.jsonl")
    files = ["missing.jsonl" if rank == failing else "rows.jsonl" for rank in (0, 1)]
    codes, printed, _ = by_hand(tmp_path, *[["train", file, *SETTINGS, "--out", "run"] for file in files])
    assert codes == [1, 1]
    assert "Error (no-such-file): missing.jsonl" in printed[failing]
    assert f"Error (other-rank): Rank {failing} failed (no-such-file): missing.jsonl" in printed[1 - failing]
    assert not (tmp_path / "run").exists()


def test_ranks_with_other_options_and_other_data_are_told_all_differences(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl")
    write_rows(tmp_path / "other.jsonl", rare=8)
    first = ["train", "rows.jsonl", *SETTINGS, "--out", "run"]
    options = ["--draws", "320", "--seed", "4", "--set", "training.batch_size=8"]
    changed = ["train", "other.jsonl", *options, "--out", "other"]
    codes, printed, _ = by_hand(tmp_path, first, changed)
    assert codes == [1, 1]
    for text in printed:
        assert "Error (ranks-differ)" in text
        assert "`seed` is 0 on rank 0, 4 on rank 1" in text
        assert "`training.batch_size` is 16 on rank 0, 8 on rank 1" in text
        assert all(f"- `{name}` is" in text for name in ("--out", "training data (SHA-256)", "plan (fingerprint)"))
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("failing", ["0", "1"])
def test_an_exception_in_a_step_ends_both_and_is_named(tmp_path: Path, failing: str) -> None:
    write_rows(tmp_path / "rows.jsonl")
    codes, printed, _ = by_hand(tmp_path, *[["train", "rows.jsonl", *LONG, "--out", "run"]] * 2, FAILS=failing)
    assert 0 not in codes
    assert "ValueError: a row that cannot be used" in printed[int(failing)]
    named = f"Error (other-rank): Rank {failing} failed (ValueError): a row that cannot be used"
    assert named in printed[1 - int(failing)]


@pytest.mark.parametrize("killed", [0, 1])
def test_a_rank_that_is_killed_ends_the_other(tmp_path: Path, killed: int) -> None:
    def kill(ranks: list[Started]) -> None:
        while all(each.process.is_alive() for each in ranks):
            if (tmp_path / "run" / "checkpoints" / "checkpoint-5").exists():
                ranks[killed].process.kill()
            time.sleep(0.1)

    write_rows(tmp_path / "rows.jsonl")
    codes, printed, seconds = by_hand(tmp_path, *[["train", "rows.jsonl", *LONG, "--out", "run"]] * 2, then=kill)
    assert codes[killed] == -9
    assert codes[1 - killed] != 0
    assert "Error (other-rank)" in printed[1 - killed]
    assert seconds < 60
