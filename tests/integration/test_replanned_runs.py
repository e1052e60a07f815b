"""A run that is resumed with another plan, by the command: what it draws, what it says, and what it refuses."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.support import feedback_runs
from typer.testing import CliRunner, Result

from equipoise.cli import app
from equipoise.runs.directory import RunDirectory
from equipoise.schedule import Schedule

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning")]
DRAWS, BATCH, BEGIN = 128, 8, 48  # windows are two batches long; that of draw 40 ends at 48
SETTINGS = ("batch_size=8", "batches=quota", "window=2", "log_every=1", "save_every=50")
OPTIONS = ["--draws", DRAWS, "--allow-repeats", "--set", "trainer.use_cpu=true", "--set", "trainer.optim=adafactor"]
OPTIONS += ["--set", "evaluation.bootstrap=20", *(part for each in SETTINGS for part in ("--set", f"training.{each}"))]
BEGUN = ["--weights", "natural"]
OTHER = ["--weights", "balanced", "--target-weights", "natural"]
Rows = list[list[int]]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    feedback_runs.write_inputs(folder)
    return folder


def train(inputs: Path, out: Path, *options: object, stop_in: int = 0) -> tuple[Result, Rows]:
    """Return the result, and the rows of each step; the command is interrupted in the step of that number."""
    steps: Rows = []
    arguments = ["train", inputs / "rows.jsonl", "--model", inputs / "model", *OPTIONS, *options, "--out", out]
    with pytest.MonkeyPatch.context() as patch:
        training_step = feedback_runs.faults.hf_jobs.EquipoiseTrainer.training_step

        def listed(self: Any, model: Any, inputs: Any, *args: Any) -> Any:
            steps.append(inputs["row"].tolist())
            if self.state.global_step + 1 == stop_in:
                os.kill(os.getpid(), signal.SIGINT)
            return training_step(self, model, inputs, *args)

        patch.setattr("equipoise.trainer.EquipoiseTrainer.training_step", listed)
        return CliRunner().invoke(app, [str(argument) for argument in arguments]), steps


def losses(out: Path) -> list[float]:
    lines = [json.loads(line) for line in RunDirectory(out).metrics.read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def test_a_run_is_resumed_with_another_plan(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first, rows = train(inputs, out, *BEGUN, stop_in=5)
    assert first.exit_code == 75, first.output
    directory = RunDirectory(out)
    assert not directory.schedule.exists()
    for options, code, said in (
        ([*OTHER, "--resume"], "other-run", "add --replan"),
        ([*OTHER, "--replan"], "missing-option", "Give --resume"),
        ([*OTHER, "--resume", "--replan", "--draws", 64], "other-draws", "Give --draws 128"),
        ([*OTHER, "--resume", "--replan", "--seed", 1], "other-run", "`seed` was 0 and is 1"),
        (["--schedule", "deferred:0.5", "--resume", "--replan"], "not-a-plan", "found a schedule of 2 stages"),
        (["--feedback", "art", "--resume", "--replan"], "feedback-decides", "Resume without it"),
    ):
        refused, _ = train(inputs, out, *options)
        assert f"({code})" in refused.stderr, refused.output
        assert said in refused.stderr
        assert not directory.schedule.exists()

    second, more = train(inputs, out, *OTHER, "--resume", "--replan", stop_in=9)
    assert second.exit_code == 75, second.output
    assert "From draw 48 on" in second.stderr
    drawn = directory.read_drawn()
    assert isinstance(drawn, Schedule)
    assert [at for at, _ in drawn.stages] == [0, BEGIN]
    assert drawn.stages[0].plan == directory.read_plan()
    third, rest = train(inputs, out, *BEGUN, "--resume")  # what was decided is in the checkpoint
    assert third.exit_code == 0, third.output
    assert directory.read_drawn() == drawn

    again = tmp_path / "again"
    planned, whole = train(inputs, again, "--schedule", directory.schedule)
    assert planned.exit_code == 0, planned.output
    assert rows + more + rest == whole
    assert len(whole) == DRAWS // BATCH
    assert losses(out) == pytest.approx(losses(again), rel=1e-5)
    complete, _ = train(inputs, out, *OTHER, "--resume", "--replan")
    assert "(complete)" in complete.stderr
    for new in (tmp_path / "none", inputs):
        nothing, _ = train(inputs, new, *OTHER, "--resume", "--replan")
        assert "(not-a-run)" in nothing.stderr, nothing.output
