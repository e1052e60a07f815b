"""A feedback rule changes the plan of a run: the same decisions however the run is cut, from rows of its own."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.feedback_runs import (
    DRAWS,
    configured,
    decisions_of,
    recorded,
    rows_of,
    train_apart,
    write_inputs,
)

from equipoise.config import RunConfig
from equipoise.runs.evaluate import evaluate
from equipoise.runs.prepare import prepare
from equipoise.runs.train import Run, train
from equipoise.schedule import read_drawable
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.step_loss import StepLoss

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inputs")
    write_inputs(path)
    return path


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def metrics(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "train_runtime" not in line]


@pytest.mark.slow
@pytest.mark.distributed
def test_a_run_that_is_killed_around_its_decisions_takes_the_same_ones_also_on_two_ranks(
    folder: Path, tmp_path: Path
) -> None:
    config, whole = configured(folder, "art:0.3", feedback_every=6), tmp_path / "whole"
    assert train_apart(config, whole) == [0]
    expected = decisions_of(whole)
    assert [each["step"] for each in expected["decisions"]] == [6, 12, 18, 24, 30]
    # A window of two batches; one batch was read ahead.
    assert [each["at"] for each in expected["decisions"]] == [64, 112, 160, 208, 256]
    schedule = read_drawable((whole / "schedule.json").read_text())
    begun = [stage.at for stage in schedule.stages]
    assert len(begun) > 3
    assert set(begun) <= {0, 64, 112, 160, 208, 256}, "a decision may keep the plan"
    # The checkpoint of step 7 holds a decision of which the plan begins at step 8; that of step 12 is lost.
    killed, two = tmp_path / "killed", tmp_path / "two"
    for step in (9, 12):
        assert train_apart(config, killed, die_at=step) == [-9]
    shutil.copytree(killed, two)
    shutil.copy(f"{killed}.rows-0", f"{two}.rows-0")
    assert train_apart(config, killed) == [0]
    assert rows_of(killed) == rows_of(whole)
    assert decisions_of(killed) == expected
    assert (killed / "schedule.json").read_text() == (whole / "schedule.json").read_text()
    assert weights(killed) == weights(whole)
    assert metrics(killed) == metrics(whole)

    # Two ranks resume what one has begun. Sums in another order change the last bits of the parameters alone.
    assert train_apart(config, two, ranks=2) == [0, 0]
    assert rows_of(two, ranks=2) == rows_of(whole)
    found = decisions_of(two)
    for each, same in zip(found["decisions"], expected["decisions"], strict=True):
        losses = each["scores"].pop("task_losses")
        assert losses == pytest.approx(same["scores"].pop("task_losses"), abs=2e-4)
        assert each == same
    assert (two / "schedule.json").read_text() == (whole / "schedule.json").read_text()


def in_process(config: RunConfig, out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, list[list[int]]]:
    """Train, and return the run and the rows of each step."""
    with monkeypatch.context() as patched:
        patched.setattr(EquipoiseTrainer, "training_step", EquipoiseTrainer.training_step)  # `recorded` replaces it
        recorded(EquipoiseTrainer, out, 0, None)
        run = train(config, out)
    return run, rows_of(out)


@pytest.mark.slow
def test_scoring_changes_nothing_but_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_inputs(tmp_path, dropout=0.1, text=True)
    plain, rows = in_process(configured(tmp_path, None), tmp_path / "plain", monkeypatch)
    patient = configured(tmp_path, "stop_task,patience=99", feedback_every=1)
    scored, same = in_process(patient, tmp_path / "scored", monkeypatch)
    # Nothing is decided where the next plan would begin with the one before, or behind the end.
    decisions = decisions_of(scored.directory.path)["decisions"]
    assert [each["step"] for each in decisions] == [1, *range(2, 33, 2)]
    assert [each["at"] for each in decisions] == [16, *range(32, 273, 16)]
    assert not scored.directory.schedule.exists()
    assert same == rows
    assert weights(scored.directory.path) == weights(plain.directory.path)


@pytest.mark.slow
def test_stopped_tasks_limits_and_losses_of_a_run_that_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_inputs(tmp_path, text=True)
    seen: list[tuple[int, int, float, float]] = []
    step_of = StepLoss.share

    def share(self: StepLoss, inputs: Any, *args: Any) -> Any:
        totals = self.loss.totals(self._model, inputs, self._progress)
        of_rows = (inputs["task_id"], totals, self.loss.weights(inputs, self._progress))
        seen.extend((self._step, *each) for each in zip(*(each.tolist() for each in of_rows), strict=True))
        return step_of(self, inputs, *args)

    # "say" is open-ended; the loss is weighted back to natural shares, whatever the rule decides.
    limits = {"say": 7, "topic": 3, "*": 30}
    own = {"target_weights": "natural", "target_rates": "proportional", "max_passes": limits, "feedback_every": 4}
    config = configured(tmp_path, "stop_task,patience=1", **own)
    with monkeypatch.context() as patched:
        patched.setattr(StepLoss, "share", share)
        run, rows = in_process(config, tmp_path / "run", monkeypatch)
    found = decisions_of(run.directory.path)
    decisions = found["decisions"]
    tasks = sorted(found["rows"])
    assert tasks == ["say", "tone", "topic"] == sorted(decisions[0]["scores"]["task_scores"])
    assert sorted(decisions[0]["scores"]["label_f1"]) == ["tone", "topic"]
    assert decisions[0]["scores"]["task_scores"]["say"] < 0, "minus a loss"

    # The mean losses of the draws since the decision before, in natural shares.
    for before, now in pairwise([{"step": 0}, *decisions]):
        of_steps = [each for each in seen if before["step"] <= each[0] < now["step"]]
        for number, task in enumerate(tasks):
            total, weight = (sum(each[k] for each in of_steps if each[1] == number) for k in (2, 3))
            found_loss = now["scores"]["task_losses"].get(task)
            assert found_loss == (pytest.approx(total / weight, abs=1e-4) if weight else None)

    # A task is stopped when its score has not risen once, and its best step is told.
    best: dict[str, dict[str, int]] = {}
    for task in tasks:
        scores = [each["scores"]["task_scores"][task] for each in decisions]
        turned = next((k for k, score in enumerate(scores) if k and score <= max(scores[:k])), None)
        if turned is not None:
            step = decisions[turned]["step"]
            best[task] = {"step": step, "best_step": decisions[int(np.argmax(scores[:turned]))]["step"]}
    stopped = found["stopped"]
    assert stopped
    assert all(best[task] == of for task, of in stopped.items()), "one task always goes on"
    told = {name: value for line in metrics(run.directory.path) for name, value in line.items() if "best_step" in name}
    assert told == {f"feedback/best_step/{task}": of["best_step"] for task, of in stopped.items()}

    # The limits hold over the whole training.
    schedule = run.directory.read_drawn()
    passes = schedule.average(DRAWS).probabilities * DRAWS / schedule.counts
    allowed = [limits.get(stratum.task, 30) for stratum in schedule.strata]
    assert (passes <= np.array(allowed) * (1 + 1e-9)).all()

    # An evaluation of the validation rows leaves out those that the rule decided on.
    scored = evaluate(run.directory.path, split="validation").scores.tasks
    left = prepare(config).records.where(split="validation")
    assert {task: held.rows for task, held in scored.items()} == {task: len(left.where(task=task)) for task in tasks}
    assert len(left) == 51 + 8

    # The schedule that was used draws the same rows, and makes the same model, without deciding again.
    replay = configured(tmp_path, None, schedule=str(run.directory.schedule))
    again, same = in_process(replay, tmp_path / "again", monkeypatch)
    assert same == rows
    assert weights(again.directory.path) == weights(run.directory.path)
    assert not again.directory.feedback.exists()
