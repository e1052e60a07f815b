"""A run with a schedule, from configuration to calibration: the loss of each step is that of its stage."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support import feedback_runs
from typer.testing import CliRunner, Result

from equipoise.cli import app
from equipoise.collate import Collator, EncodedExamples
from equipoise.config import config_to_dict, make_config
from equipoise.losses import TokenLoss
from equipoise.losses.training import TokenTrainingLoss
from equipoise.models import load_model
from equipoise.runs.directory import RunDirectory
from equipoise.runs.prepare import prepare
from equipoise.runs.train import _validation_examples, train
from equipoise.schedule import Schedule, read_drawable

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning")]
DRAWS, BATCH, BOUNDARY = 128, 8, 8  # the second stage begins with the ninth of sixteen steps
OPTIONS = ["--schedule", "deferred:0.5", "--target-weights", "natural", "--draws", DRAWS, "--allow-repeats"]
OPTIONS += [part for key in ("batch_size=8", "window=2", "log_every=1", "save_every=7", "validate_every=7")
            for part in ("--set", f"training.{key}")]  # fmt: skip
OPTIONS += [
    "--set",
    "trainer.use_cpu=true",
    "--set",
    "trainer.optim=adafactor",
    "--set",
    "trainer.save_total_limit=9",
    "--set",
    "evaluation.bootstrap=20",
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    feedback_runs.write_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def trained(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[int]]]:
    """A run directory, and the rows of each step."""
    out, steps = tmp_path_factory.mktemp("runs") / "first", list[list[int]]()
    with pytest.MonkeyPatch.context() as patch:
        training_step = feedback_runs.faults.hf_jobs.EquipoiseTrainer.training_step

        def listed(self: Any, model: Any, inputs: Any, *args: Any) -> Any:
            steps.append(inputs["row"].tolist())
            return training_step(self, model, inputs, *args)

        patch.setattr("equipoise.trainer.EquipoiseTrainer.training_step", listed)
        result = run("train", inputs / "rows.jsonl", "--model", inputs / "model", *OPTIONS, "--out", out)
    assert result.exit_code == 0, result.output
    return out, steps


def loss_by_hand(model: Any, data: EncodedExamples, rows: list[int], weights: np.ndarray) -> float:
    batch = Collator(pad_id=0)([data[row] for row in rows])
    with torch.no_grad():
        losses = TokenTrainingLoss(TokenLoss()).totals(
            model.eval(), {**batch, "example_weight": torch.ones(len(rows))}, 0
        )
    return float(np.average(losses.numpy(), weights=weights))


def test_the_loss_of_a_step_is_weighed_by_the_plan_of_its_stage(trained: tuple[Path, list[list[int]]]) -> None:
    directory, steps = RunDirectory(trained[0]), trained[1]
    plan = directory.read_plan()
    assert isinstance(plan, Schedule)
    assert plan == directory.read_drawn()
    assert [at for at, _ in plan.stages] == [0, BOUNDARY * BATCH]
    logged = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    losses = {line["step"]: line["loss"] for line in logged if "loss" in line}
    prepared = prepare(directory.read_config())
    weight_of = [
        dict(zip(map(tuple, plan.strata), stage.plan.importance_weights, strict=True)) for stage in plan.stages
    ]
    pairs = [(row["task"], row["target"]) for row in prepared.train.table.select(["task", "target"]).to_pylist()]
    models: dict[int, Any] = {0: load_model(prepared.config)}
    models |= {step: load_model(directory.checkpoints / f"checkpoint-{step}") for step in (7, 14)}
    for step, stage in ((1, 0), (BOUNDARY, 0), (15, 1)):
        model, tokenizer = models[step - 1]
        data = EncodedExamples.encode(prepared.train, prepared.tasks, tokenizer)
        rows = steps[step - 1]
        weights = np.array([weight_of[stage][pairs[row]] for row in rows])
        assert losses[step] == pytest.approx(loss_by_hand(model, data, rows, weights), rel=1e-4)
    assert len(set(weights.tolist())) > 1
    held = _validation_examples(prepared, tokenizer)
    assert held is not None
    everything, ones = list(range(len(held))), np.ones(len(held))
    validated = {line["step"]: line["eval_loss"] for line in logged if "eval_loss" in line}
    assert validated[14] == pytest.approx(loss_by_hand(model, held, everything, ones), rel=1e-4)


def test_it_is_evaluated_and_calibrated(trained: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path / "run")
    calibrated = run("calibrate", tmp_path / "run")
    assert calibrated.exit_code == 0, calibrated.output
    result = run("evaluate", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scores"]["tasks"].keys() == {"tone", "topic"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            ["--schedule", "deferred:0.75"],
            ["`plan.schedule.at` was 0.5 and is 0.75", "plan: Stage 2 begins at draw 96, not 64."],
        ),
        (["--schedule", "cooldown"], ["plan: stage 1: ", "plan: stage 2: "]),
    ],
)
def test_another_schedule_does_not_resume_it(
    trained: tuple[Path, list[list[int]]], inputs: Path, change: list[str], named: list[str]
) -> None:
    result = run(
        "train", inputs / "rows.jsonl", "--model", inputs / "model", *OPTIONS, *change, "--out", trained[0], "--resume"
    )
    assert result.exit_code == 1
    assert "(other-run)" in result.stderr
    for sentence in named:
        assert sentence in result.stderr


def test_its_schedule_is_drawn_again_from_the_file(trained: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    directory = RunDirectory(trained[0])
    settings = config_to_dict(directory.read_config())
    settings["plan"] = {"schedule": str(directory.schedule), "allow_repeats": True}
    prepared = prepare(make_config(settings))
    assert prepared.plan == directory.read_drawn()
    assert prepared.config.plan.draws == DRAWS
    again = train(make_config(settings), tmp_path / "again").directory
    assert read_drawable(again.plan.read_text()) == directory.read_plan()
    assert (again.model / "model.safetensors").read_bytes() == (directory.model / "model.safetensors").read_bytes()
