"""What `train` prints of the checkpoint that was published, that trackers get the final scores, and its exit codes."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from equipoise.census import Census
from equipoise.cli import app
from equipoise.cli._train import _print_tasks, _train_and_evaluate
from equipoise.config import make_config
from equipoise.errors import STOPPED
from equipoise.metrics import TaskPredictions, evaluate
from equipoise.plan import Plan
from equipoise.runs.directory import RunDirectory
from equipoise.runs.published import Published
from equipoise.runs.train import Run

PUBLISHED = Published(30, "log_loss", 0.25, validations=4, steps=40, planned=80)


def test_a_second_signal_exits_with_75_as_the_first_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("equipoise.runs.train.train", interrupted)
    result = CliRunner().invoke(app, ["train", "rows.csv", "--draws", "80", "--out", str(tmp_path / "run")])
    assert result.exit_code == STOPPED == 75
    assert result.stderr.endswith("Stopped. Resume with --resume.\n")


@pytest.mark.slow
def test_a_signal_while_libraries_are_loaded_exits_with_75_and_nothing_has_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "equipoise", "train", "rows.csv", "--draws", "80", "--out", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Model: tiny")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == STOPPED, process.stderr.read()
    process.stderr.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("draws", "batches", "said"), [(960, "mixed", True), (960, "quota", False), (2048, "mixed", False)]
)
def test_fewer_draws_than_a_block_are_said(
    capsys: pytest.CaptureFixture[str], draws: int, batches: str, said: bool
) -> None:
    config = make_config({"data": {"source": "rows.jsonl"}, "plan": {"draws": draws}, "training": {"batches": batches}})
    plan = Plan.build(Census.from_counts({"tone": {"good": 90, "bad": 10}}))
    _print_tasks(SimpleNamespace(config=config, plan=plan, describe_tasks=list, feedback=None))  # type: ignore[arg-type]
    note = f"Note: {draws:,} draws are fewer than a block of 2,048, at whose end shares are exact; `training.batches"
    assert (note in capsys.readouterr().err) == said


@pytest.mark.parametrize("as_json", [False, True])
def test_the_published_checkpoint_is_printed_and_scores_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    (tmp_path / "data.json").write_text(json.dumps({"rows": {"train": 3, "validation": 2, "test": 1}}))
    scores = evaluate({"tone": TaskPredictions("tone", ["good"], ["good"], ("bad", "good"))}, bootstrap=0)
    run = Run(RunDirectory(tmp_path), interrupted=False, steps=40, main=True, published=PUBLISHED)
    reported: list[Any] = []
    monkeypatch.setattr("equipoise.runs.train.train", lambda *_, **__: run)
    monkeypatch.setattr("equipoise.runs.evaluate.evaluate", lambda *_, **__: SimpleNamespace(scores=scores))
    monkeypatch.setattr("equipoise.runs.tracking.report_scores", lambda *given: reported.append(given))
    config = make_config({"data": {"source": "rows.jsonl"}})
    _train_and_evaluate(config, tmp_path, tmp_path, resume=False, replan=False, as_json=as_json)
    assert reported == [(tmp_path, scores, 40)]
    out, err = capsys.readouterr()
    sentence = (
        "Published the model of step 30: its validation log-loss, 0.2500, is the lowest of 4. Training ended early"
    )
    assert sentence in (err if as_json else out)
    if as_json:
        assert Published(**json.loads(out)["published"]) == PUBLISHED
