"""Tasks against tasks on the Trainer: the formula's gradient however a step is cut, and the same run after a resume."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hf_jobs
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from tests.support.errors import raises
from torch.nn.functional import softmax

from equipoise import draws
from equipoise.errors import ConfigError, StateError
from equipoise.losses import TokenLoss
from equipoise.losses.tasks import FAMO, task_weighting
from equipoise.trainer.step_loss import FILE_NAME, StepLoss

STEPS = 5
NAMES = sorted(hf_jobs.TASKS)
CHOICES = {
    "fixed": {"name": "fixed", "weights": {"tone": 0.3, "topic": 1.7}},
    "uncertainty": "uncertainty",
    "dwa": {"name": "dwa", "steps_per_epoch": 1},
    "rlw": {"name": "rlw", "seed": 4},
    "famo": {"name": "famo", "learning_rate": 0.5},
}
JACOBIAN = {"name": "gradients", "aggregator": "PCGrad"}


def trained(folder: Path, choice, *, steps: int = STEPS, resume=None, options=None, **cut) -> dict:
    trainer = hf_jobs.build(folder, task_weighting=choice, options={"max_steps": steps} | (options or {}), **cut)
    trainer.train(resume)
    method = trainer.step_loss.method
    return {
        "parameters": hf_jobs.flat(trainer.model),
        "losses": [line["loss"] for line in trainer.state.log_history if "loss" in line],
        "state": None if method is None else method.state_dict()["state"],
        "log": trainer.state.log_history,
    }


def task_losses(model, items) -> dict[str, torch.Tensor]:
    """The mean loss of each task that is in a step, one example at a time."""
    losses = {}
    for number, name in enumerate(NAMES):
        mine = [item for item in items if item["task_id"] == number]
        if mine:
            losses[name] = hf_jobs.loss_by_hand(model, mine, [item["example_weight"] for item in mine], "sequence")
    return losses


def by_hand(choice: str) -> np.ndarray:
    """The same training in plain torch, each method written from its paper."""
    plan, index = hf_jobs.plan_and_index()
    data, model = hf_jobs.examples(plan), hf_jobs.tiny_t5().train()
    own = torch.full((2,), -0.5 if choice == "uncertainty" else 0.0, requires_grad=True)
    optimizer = torch.optim.SGD([*model.parameters(), own], lr=hf_jobs.RATE)
    adam = torch.optim.Adam([own], lr=0.5, weight_decay=1e-3)
    history = []
    rlw = task_weighting(CHOICES["rlw"], NAMES)
    for step in range(STEPS):
        rows = draws(plan, index, hf_jobs.SEED, step * 8, (step + 1) * 8)
        items = [data[row] for row in rows.tolist()]
        losses = torch.stack(list(task_losses(model, items).values()))
        assert len(losses) == 2
        optimizer.zero_grad()
        if choice == "fixed":
            training_loss = 0.3 * losses[0] + 1.7 * losses[1]
        elif choice == "uncertainty":
            training_loss = (losses / (2 * own.exp()) + own / 2).sum()
        elif choice == "dwa":
            weights = 2 * softmax(history[-1] / history[-2] / 2, 0) if step > 1 else torch.ones(2)
            training_loss = (weights * losses).sum()
        elif choice == "rlw":
            training_loss = (torch.from_numpy(rlw.weights(step, np.ones(2))).float() * losses).sum()
        else:
            z = softmax(own.detach(), 0)
            training_loss = (z * (losses + 1e-8).log()).sum() / (z / (losses.detach() + 1e-8)).sum()
        training_loss.backward()
        own.grad = own.grad if choice == "uncertainty" else None
        optimizer.step()
        history.append(losses.detach())
        if choice == "famo":
            with torch.no_grad():
                after = torch.stack(list(task_losses(model, items).values()))
            improved = (losses.detach() + 1e-8).log() - (after + 1e-8).log()
            (own.grad,) = torch.autograd.grad(softmax(own, 0), own, grad_outputs=improved)
            adam.step()
    return hf_jobs.flat(model)


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_training_is_that_of_the_paper_however_a_step_is_cut(tmp_path, choice) -> None:
    expected = by_hand(choice)
    assert not np.allclose(expected, by_hand("fixed" if choice != "fixed" else "rlw"), rtol=1e-5, atol=1e-6)
    for batch, accumulation in ((8, 1), (2, 4), (1, 8)):
        folder = tmp_path / str(batch)
        found = trained(folder, CHOICES[choice], batch=batch, accumulation=accumulation)
        assert_allclose(found["parameters"], expected, rtol=1e-5, atol=1e-6)


def test_sum_is_the_training_without_a_choice(tmp_path) -> None:
    plain = hf_jobs.run(str(tmp_path / "plain"), options={"max_steps": 3})
    found = trained(tmp_path / "sum", "sum", steps=3)
    assert found["parameters"].tolist() == plain["parameters"]
    assert found["losses"] == plain["losses"]


@pytest.mark.slow
@pytest.mark.parametrize("choice", [*CHOICES.values(), JACOBIAN], ids=[*CHOICES, "gradients"])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, choice) -> None:
    if choice is JACOBIAN:
        pytest.importorskip("torchjd")
    setting = {"batch": 4, "accumulation": 2, "dropout": 0.2}
    options = {"optim": "adamw_torch", "save_strategy": "steps", "save_steps": 3}
    whole = trained(tmp_path / "whole", choice, options=options, **setting)
    trained(tmp_path / "cut", choice, steps=3, options=options, **setting)
    assert json.loads((tmp_path / "cut" / "checkpoint-3" / FILE_NAME).read_text())["tasks"] == NAMES
    resumed = trained(tmp_path / "cut", choice, resume=True, options=options, **setting)
    assert resumed["parameters"].tolist() == whole["parameters"].tolist()
    assert resumed["state"] == whole["state"]


def test_a_checkpoint_of_another_choice_is_refused(tmp_path) -> None:
    options = {"save_strategy": "steps", "save_steps": 1}
    trained(tmp_path / "a", "rlw", steps=1, options=options)
    with raises(StateError, "other-run", "name was 'rlw' and is 'fixed'"):
        trained(tmp_path / "a", CHOICES["fixed"], resume=True)
    with raises(StateError, "other-weighting") as caught:
        trained(tmp_path / "a", "sum", resume=True)
    trained(tmp_path / "b", "sum", steps=1, options=options)
    with raises(StateError, "other-weighting") as none_saved:
        trained(tmp_path / "b", "rlw", resume=True)
    assert "has weights of tasks" in str(caught.value)
    assert "has no weights of tasks" in str(none_saved.value)


def test_weights_are_logged_with_the_training_loss(tmp_path) -> None:
    lines = [line for line in trained(tmp_path, CHOICES["fixed"], steps=1)["log"] if "loss" in line]
    assert lines[0]["task_weight/tone"] == pytest.approx(0.3)
    written = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert written["task_weight/topic"] == pytest.approx(1.7)


def test_the_numbers_of_uncertainty_are_trained_without_weight_decay(tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path, task_weighting="uncertainty", options={"max_steps": 1, "optim": "adamw_torch"})
    trainer.train()
    group = trainer.optimizer.param_groups[-1]
    assert [each is trainer.step_loss.method.parameters()[0] for each in group["params"]] == [True]
    assert group["weight_decay"] == 0


@pytest.mark.slow
def test_pcgrad_is_that_of_the_paper_however_a_step_is_cut(tmp_path) -> None:
    pytest.importorskip("torchjd")
    plan, index = hf_jobs.plan_and_index()
    data, model = hf_jobs.examples(plan), hf_jobs.tiny_t5().train()
    parameters = list(model.parameters())
    conflicts = 0
    for step in range(STEPS):
        rows = draws(plan, index, hf_jobs.SEED, step * 8, (step + 1) * 8)
        losses = task_losses(model, [data[row] for row in rows.tolist()])
        g, h = (
            torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters, retain_graph=True)])
            for loss in losses.values()
        )
        update, product = g + h, g @ h
        if product < 0:
            conflicts += 1
            update = update - product / (h @ h) * h - product / (g @ g) * g
        with torch.no_grad():
            for parameter, part in zip(parameters, update.split([p.numel() for p in parameters]), strict=True):
                parameter.sub_(hf_jobs.RATE * part.view_as(parameter))
    assert conflicts, "without a conflict PCGrad is the sum"
    for batch, accumulation in ((8, 1), (2, 4)):
        found = trained(tmp_path / str(batch), JACOBIAN, batch=batch, accumulation=accumulation)
        assert_allclose(found["parameters"], hf_jobs.flat(model), rtol=1e-5, atol=1e-6)


def test_gradients_and_trained_weights_refuse_float16(tmp_path, monkeypatch) -> None:
    pytest.importorskip("torchjd")
    accelerator = hf_jobs.build(tmp_path).accelerator
    monkeypatch.setattr(type(accelerator), "mixed_precision", "fp16")
    for choice in (JACOBIAN, "uncertainty"):
        with raises(ConfigError, "float16-weighting"):
            StepLoss(TokenLoss(), task_weighting(choice, NAMES), accelerator)
    StepLoss(TokenLoss(), task_weighting("dwa", NAMES), accelerator)


def test_gradients_refuse_several_ranks() -> None:
    pytest.importorskip("torchjd")
    accelerator: Any = SimpleNamespace(num_processes=2, mixed_precision="no")
    with raises(ConfigError, "several-ranks") as caught:
        StepLoss(TokenLoss(), task_weighting(JACOBIAN, NAMES), accelerator)
    assert "one process, found 2" in str(caught.value)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_famo_measures_with_the_dropout_of_the_step(tmp_path, monkeypatch, rate) -> None:
    seen = []
    weights, after_step = FAMO.weights, FAMO.after_step

    def before(self, step, weight_sums, losses=None):
        seen.append([losses])
        return weights(self, step, weight_sums, losses)

    def after(self, losses):
        seen[-1].append(losses)
        after_step(self, losses)

    monkeypatch.setattr(FAMO, "weights", before)
    monkeypatch.setattr(FAMO, "after_step", after)
    found = trained(tmp_path, "famo", options={"learning_rate": rate}, batch=4, accumulation=2, dropout=0.3)
    assert len(seen) == STEPS
    for step, (earlier, later) in enumerate(seen):
        unmoved = np.allclose(earlier, later, rtol=1e-6)
        assert unmoved == (rate == 0.0), "only the parameters may make a difference"
        if step == 0:  # equal z: the training_loss is the harmonic mean of the losses that the passes themselves had
            assert found["losses"][0] == pytest.approx(2 / (1 / earlier).sum(), rel=1e-5)


def test_tasks_are_weighed_under_a_label_loss(tmp_path) -> None:
    options = {"max_steps": 1, "learning_rate": 0.0}
    pair = {}
    for name in NAMES:
        weights = {each: float(each == name) for each in NAMES}
        choice = {"name": "fixed", "weights": weights}
        pair[name] = trained(tmp_path / name, choice, steps=1, options=options, loss="weighted")["losses"][0]
    both = {"name": "fixed", "weights": {"tone": 2.0, "topic": 3.0}}
    found = trained(tmp_path / "both", both, steps=1, options=options, loss="weighted")["losses"][0]
    assert found == pytest.approx(2 * pair["tone"] + 3 * pair["topic"], rel=1e-5)

    plan, index = hf_jobs.plan_and_index()
    data, model = hf_jobs.examples(plan), hf_jobs.tiny_t5().train()
    items = [data[row] for row in draws(plan, index, hf_jobs.SEED, 0, 8).tolist()]
    mine = [item for item in items if NAMES[item["task_id"]] == "tone"]
    expected = hf_jobs.loss_by_hand(model, mine, [item["example_weight"] for item in mine], "weighted").item()
    assert pair["tone"] == pytest.approx(expected, rel=1e-5)
