"""`torchrun -m equipoise train` on two ranks makes the run of one process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from tests.unit.cli.rows import write_rows

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
SETTINGS = ["--draws", "320", "--set", "training.batch_size=16", "--set", "trainer.use_cpu=true"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def train(folder: Path, out: str, launcher: list[str]) -> Path:
    command = [sys.executable, *launcher, "-m", "equipoise", "train", "rows.jsonl", *SETTINGS, "--out", out]
    # gloo may abort a process as it exits: what counts is what was written.
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return folder / out


def test_two_ranks_make_the_run_of_one_process(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl")
    one, two = train(tmp_path, "one", []), train(tmp_path, "two", TORCHRUN)
    weights = [load_file(run / "model" / "model.safetensors") for run in (one, two)]
    for name, value in weights[0].items():
        np.testing.assert_allclose(weights[1][name], value, atol=2e-4)
    tables = [pq.read_table(run / "predictions.parquet") for run in (one, two)]
    assert tables[0].column("row").to_pylist() == tables[1].column("row").to_pylist()
    assert tables[0].column("predicted").to_pylist() == tables[1].column("predicted").to_pylist()
    assert (one / "plan.json").read_text() == (two / "plan.json").read_text()
