"""A decoder-only model with a chat template through the command: trained, resumed, judged, calibrated, compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from tests.support.causal import built, tokenizer
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner

from equipoise.cli import app

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:(Task|Inputs)")]

SETTINGS = ["--set", "training.batch_size=16", "--set", "training.learning_rate=3e-3", "--set", "training.log_every=1"]
SETTINGS += ["--set", "evaluation.bootstrap=20", "--set", "trainer.use_cpu=true", "--allow-repeats"]
SETTINGS += ["--set", "tasks.tone.system=Name the tone.", "--set", "training.loss={name: logit_adjusted}"]

CONFIG = """
data: {source: SOURCE}
model: {name: MODEL}
tasks: {tone: {system: Name the tone.}}
plan: {draws: 160}
training: {batch_size: 16, learning_rate: 3.0e-3}
trainer: {use_cpu: true}
evaluation: {bootstrap: 20}
compare:
  candidates: {sqrt: {rates: equal, weights: sqrt}, balanced: {rates: equal, weights: balanced}}
  stages: 1
  seeds: 2
  finalists: 1
"""


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "rows.jsonl", rare=40, patients=300)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "llama"
    built("llama").save_pretrained(folder)
    tokenizer(bos=True, chat=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    run("train", data, "--model", model, *SETTINGS, "--draws", 160, "--out", out)
    return out


def test_it_is_trained_calibrated_and_predicts(trained: Path, data: Path, tmp_path: Path) -> None:
    tasks = json.loads((trained / "tasks.json").read_text())
    assert tasks["tone"]["system"] == "Name the tone."
    assert tasks["triage"]["system"] is None
    losses = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert losses[0]["loss"] > [line["loss"] for line in losses if "loss" in line][-1]
    run("calibrate", trained)
    scored = json.loads(run("evaluate", trained, "--out", tmp_path / "scores", "--json").stdout)
    assert scored["calibrated"] == ["tone", "triage"]
    rows = [json.loads(line) for line in data.read_text().splitlines()[:3]]
    plain = tmp_path / "rows.jsonl"
    plain.write_text("".join(json.dumps({key: row[key] for key in ("task", "input")}) + "\n" for row in rows))
    run("predict", trained, plain, "--out", tmp_path / "predicted.parquet")
    predicted = pq.read_table(tmp_path / "predicted.parquet").to_pylist()
    assert [row["predicted"] in {"bad", "fair", "good", "routine", "urgent"} for row in predicted] == [True] * 3


def test_a_run_that_is_resumed_ends_as_one_that_was_not(trained: Path, data: Path, model: Path, tmp_path: Path) -> None:
    command = ("train", data, "--model", model, *SETTINGS, "--draws", 160, "--set", "training.save_every=4")
    out = tmp_path / "run"
    run(*command, "--out", out)
    shutil.rmtree(out / "model")
    shutil.rmtree(out / "checkpoints" / "checkpoint-10")
    run(*command, "--out", out, "--resume")
    ends = [load_file(each / "model" / "model.safetensors") for each in (trained, out)]
    for name, value in ends[0].items():
        np.testing.assert_array_equal(ends[1][name], value)


def test_schemes_are_compared(data: Path, model: Path, tmp_path: Path) -> None:
    config = tmp_path / "compare.yaml"
    config.write_text(CONFIG.replace("SOURCE", str(data)).replace("MODEL", str(model)))
    assert "ecommended: " in run("compare", config, "--out", tmp_path / "out").output
    result = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert set(result["candidates"]) >= {"sqrt", "balanced"}
