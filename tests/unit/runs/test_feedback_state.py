"""The state of a feedback rule in a checkpoint: read back as it was written, and refused if it is damaged."""

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.errors import raises, warns

from equipoise import Census, LengthSorted, Plan, PlanSampler, Schedule, StratumIndex
from equipoise.config import make_config
from equipoise.drawing.batches import make
from equipoise.errors import RunWarning, StateError
from equipoise.feedback import Decision, Scores, StopTask
from equipoise.runs.directory import RunDirectory
from equipoise.runs.feedback import FILE_NAME, FeedbackDriver
from equipoise.trainer.task_losses import TaskLosses

CENSUS = Census.from_counts({"a": {"x": 90, "y": 10}, "b": 300})
FIRST, SECOND = (Plan.build(CENSUS, weights=name) for name in ("natural", "balanced"))


def driver(plan: Any = FIRST) -> FeedbackDriver:
    """A driver of a training that is not there, whose sampler draws a plan."""
    made: Any = FeedbackDriver.__new__(FeedbackDriver)
    accelerator = SimpleNamespace(is_main_process=True, reduce=lambda sums, _: sums)
    made._trainer, made._sampler = SimpleNamespace(accelerator=accelerator), SimpleNamespace(plan=plan)
    made._rule, made._losses = StopTask(patience=1), TaskLosses(2, torch.device("cpu"))
    made._begin(FIRST)
    return made


def saved(folder: Path) -> FeedbackDriver:
    made = driver()
    made._append(Decision(64, FIRST, Scores(task_scores={"a": 0.5, "b": 0.2})), 6)
    made._append(Decision(112, SECOND, Scores(task_scores={"a": 0.4, "b": 0.3}, label_f1={"a": {"x": 0.25}})), 12)
    made._losses.add(torch.tensor([0.1, 0.2]), torch.tensor([1.0, 0.5]), {"task_id": torch.tensor([1, 1])})
    made.save(folder)
    return made


def test_the_decisions_come_back_with_the_plans_of_the_sampler(tmp_path: Path) -> None:
    before, after = saved(tmp_path), driver(Schedule([(0, FIRST), (112, SECOND)]))
    after.resume(tmp_path)
    assert after.history == before.history
    assert [decision.plan.fingerprint for decision in after.history] == [
        each.fingerprint for each in (FIRST, FIRST, SECOND)
    ]
    assert after._steps == [0, 6, 12]
    assert after._stopped == before._stopped == {"a": {"step": 12, "best_step": 6}}
    assert after._losses.sums.tolist() == before._losses.sums.tolist()
    assert after._losses.sums[1].tolist() == [0.0, 1.5]


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("losses"),
        lambda state: state["decisions"][0].pop("step"),
        lambda state: state["decisions"][0].update(at=-1),
        lambda state: state["decisions"][0]["scores"].update(task_scores={"a": "high"}),
        lambda state: state["decisions"][0]["scores"]["label_f1"].update(a={"x": 2}),
        lambda state: state.update(losses=[["a", 0.0], [1.0, 1.0]]),
        lambda state: state.update(losses=[[0.0], [1.0]]),
    ],
)
def test_a_damaged_state_is_refused(change: Any, tmp_path: Path) -> None:
    saved(tmp_path)
    state = json.loads((tmp_path / FILE_NAME).read_text())
    change(state)
    (tmp_path / FILE_NAME).write_text(json.dumps(state))
    with raises(StateError, "damaged-file", FILE_NAME):
        driver().resume(tmp_path)


def test_a_checkpoint_without_decisions_is_refused(tmp_path: Path) -> None:
    with raises(StateError, "other-feedback", FILE_NAME):
        driver().resume(tmp_path)


@pytest.mark.parametrize(("batches", "workers", "at"), [("quota", 0, 64), ("quota", 2, 96), ("mixed", 0, 2048)])
def test_a_plan_changes_behind_what_loaders_have_read_or_it_is_said_that_it_never_does(
    monkeypatch: pytest.MonkeyPatch, batches: str, workers: int, at: int
) -> None:
    monkeypatch.setattr("equipoise.runs.feedback.FeedbackScores", lambda *_: None)
    source = {"data": {"source": "rows.jsonl"}, "plan": {"feedback": "art", "draws": 288, "feedback_every": 6}}
    config = make_config(source)
    prepared: Any = SimpleNamespace(config=config, plan=FIRST, tasks={"a": None, "b": None})
    draws = make(batches, global_batch=8)
    index = StratumIndex.from_sizes(FIRST)
    sampler = LengthSorted(PlanSampler(FIRST, index, draws_per_epoch=288, batches=draws), np.ones(400, int), 8, 2)
    args = SimpleNamespace(
        process_index=0,
        world_size=1,
        train_batch_size=8,
        gradient_accumulation_steps=1,
        dataloader_num_workers=workers,
        dataloader_prefetch_factor=None,
    )
    accelerator = SimpleNamespace(device=torch.device("cpu"))
    trainer: Any = SimpleNamespace(args=args, model=None, step_loss=SimpleNamespace(), accelerator=accelerator)

    def made() -> FeedbackDriver:
        return FeedbackDriver(prepared, trainer, sampler, None, RunDirectory(Path("unwritten")))

    if at > 288:
        with warns(RunWarning, "no-decisions") as caught:
            assert made()._next(6) == at
        assert "at step 6, the earliest draw with another plan is 2,048 of 288" in str(caught[0].message)
        return
    # Steps 1 to 6 end at draw 48; then one batch was read ahead, or five; a window is two batches.
    assert made()._next(6) == at


def test_the_limits_of_a_proxy_are_those_of_the_full_training() -> None:
    decided: list[Plan] = []
    for part in (Fraction(1), Fraction(1, 4)):
        made = driver(SECOND)
        made._draws, made._part = int(320 * part), part
        decided.append(made._within({"a": {"y": 5}}, SECOND, int(160 * part)))
    assert decided[0] != SECOND  # 40 of 50 draws are made, so "y" gets 10 of the last 160
    assert decided[0].probabilities[1] == pytest.approx(10 / 160)
    assert decided[1] == decided[0]
