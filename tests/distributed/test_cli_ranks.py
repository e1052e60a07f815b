"""`torchrun -m equipoise train` on two ranks makes the run of one process; ranks that fail end together."""

import os
import socket
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
from tests.unit.cli.rows import write_rows

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
SETTINGS = ["--draws", "320", "--set", "training.batch_size=16"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ON_CPUS = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def train(folder: Path, out: str, launcher: list[str], *more: str) -> Path:
    command = [sys.executable, *launcher, "-m", "equipoise", "train", "rows.jsonl", *SETTINGS, *more, "--out", out]
    # gloo may abort a process as it exits: what counts is what was written.
    subprocess.run(command, cwd=folder, env=ON_CPUS, capture_output=True, check=False)
    return folder / out


def test_two_ranks_make_the_run_of_one_process(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl")
    one, two = train(tmp_path, "one", []), train(tmp_path, "two", TORCHRUN)
    sharded = train(tmp_path, "sharded", TORCHRUN, "--set", "trainer.fsdp=true")
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


FAILING = """
import os
from equipoise.cli import main
from equipoise.trainer import EquipoiseTrainer
step = EquipoiseTrainer.training_step
def training_step(self, *args, **kwargs):
    if os.environ["RANK"] == os.environ.get("FAILS") and self.state.global_step == 3:
        raise ValueError("a row that cannot be used")
    return step(self, *args, **kwargs)
EquipoiseTrainer.training_step = training_step
main()
"""
LONG = ["--draws", "8000", "--allow-repeats", "--set", "training.batch_size=16", "--set", "training.save_every=5"]


def by_hand(folder: Path, *ranks: list[str], limit: float = 180, then: Callable[..., None] | None = None, **more: Any):
    """Start two ranks as a person would; return the exit codes, what was printed, and the seconds after `then`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), **more}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FAILING, "train", *arguments],
            cwd=folder,
            env=ON_CPUS | place | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank, arguments in enumerate(ranks)
    ]
    try:
        if then is not None:
            then(processes)
        began = time.monotonic()
        printed = [process.communicate(timeout=limit)[0] for process in processes]
        return [process.returncode for process in processes], printed, time.monotonic() - began
    finally:
        for process in processes:
            process.kill()


@pytest.mark.parametrize("failing", [0, 1])
def test_a_rank_that_cannot_read_the_data_ends_both_before_anything_is_written(tmp_path: Path, failing: int) -> None:
    write_rows(tmp_path / "rows.jsonl")
    ranks = [["missing.jsonl" if rank == failing else "rows.jsonl", *SETTINGS, "--out", "run"] for rank in (0, 1)]
    codes, printed, _ = by_hand(tmp_path, *ranks)
    assert codes == [1, 1]
    assert "Error (no-such-file): missing.jsonl" in printed[failing]
    assert f"Error (other-rank): Rank {failing} failed (no-such-file): missing.jsonl" in printed[1 - failing]
    assert not (tmp_path / "run").exists()


def test_ranks_with_other_options_and_other_data_are_told_all_differences(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl")
    write_rows(tmp_path / "other.jsonl", rare=8)
    changed = ["--draws", "320", "--seed", "4", "--set", "training.batch_size=8", "--out", "other"]
    codes, printed, _ = by_hand(tmp_path, ["rows.jsonl", *SETTINGS, "--out", "run"], ["other.jsonl", *changed])
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
    codes, printed, _ = by_hand(tmp_path, *[["rows.jsonl", *LONG, "--out", "run"]] * 2, FAILS=failing)
    assert 0 not in codes
    assert "ValueError: a row that cannot be used" in printed[int(failing)]
    named = f"Error (other-rank): Rank {failing} failed (ValueError): a row that cannot be used"
    assert named in printed[1 - int(failing)]


@pytest.mark.parametrize("killed", [0, 1])
def test_a_rank_that_is_killed_ends_the_other(tmp_path: Path, killed: int) -> None:
    def kill(processes: list[subprocess.Popen[str]]) -> None:
        while all(each.poll() is None for each in processes):
            if (tmp_path / "run" / "checkpoints" / "checkpoint-5").exists():
                processes[killed].kill()
            time.sleep(0.1)

    write_rows(tmp_path / "rows.jsonl")
    codes, printed, seconds = by_hand(tmp_path, *[["rows.jsonl", *LONG, "--out", "run"]] * 2, then=kill)
    assert codes[killed] == -9
    assert codes[1 - killed] != 0
    assert "Error (other-rank)" in printed[1 - killed]
    assert seconds < 60
