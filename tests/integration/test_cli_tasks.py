"""Tasks weighed against each other, from the command line to the files of the run."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner, Result

from equipoise.cli import app

pytestmark = pytest.mark.slow

SETTINGS = ["--set", "training.batch_size=16", "--set", "training.batches=quota"]
SETTINGS += ["--set", "training.log_every=1", "--set", "training.save_every=4"]
SETTINGS += ["--set", "evaluation.bootstrap=0", "--draws", "128", "--weights", "sqrt", "--set", "trainer.use_cpu=true"]


def train(rows: Path, out: Path, chosen: str, *more: str) -> Result:
    arguments = ["train", rows, *SETTINGS, "--set", f"training.task_weighting={chosen}", "--out", out, *more]
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("chosen", ["uncertainty", "{name: dwa, steps_per_epoch: 2}", "famo"])
def test_weights_are_logged_and_saved(tmp_path: Path, chosen: str) -> None:
    rows, out = write_rows(tmp_path / "rows.jsonl"), tmp_path / "run"
    result = train(rows, out, chosen)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    weights = [{name: value for name, value in line.items() if name.startswith("task_weight/")} for line in lines]
    assert len(weights[0]) > 1
    assert weights[0] != weights[7]
    [saved] = (out / "checkpoints" / "checkpoint-8").glob("equipoise_tasks.json")
    assert {f"task_weight/{task}" for task in json.loads(saved.read_text())["tasks"]} == set(weights[0])


def test_a_gradient_method_trains(tmp_path: Path) -> None:
    pytest.importorskip("torchjd")
    result = train(write_rows(tmp_path / "rows.jsonl"), tmp_path / "run", "{name: gradients, aggregator: PCGrad}")
    assert result.exit_code == 0, result.output


def test_a_wrong_name_stops_before_anything_is_written(tmp_path: Path) -> None:
    result = train(write_rows(tmp_path / "rows.jsonl"), tmp_path / "run", "uncertanty")
    assert result.exit_code != 0
    assert "Did you mean 'uncertainty'" in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()
