"""`hyperparameter_search` with an `EquipoiseTrainer`: every trial is a run of its own, on the stream from its start."""

import json
import signal
from pathlib import Path
from typing import Any

import hf_jobs
import pytest
import torch
from safetensors.torch import load_file
from tests.support.errors import raises

from equipoise import PlanSampler
from equipoise.collate import Collator
from equipoise.errors import ConfigError
from equipoise.losses import TokenLoss
from equipoise.losses.tasks import task_weighting
from equipoise.trainer import EquipoiseTrainer, training_arguments
from equipoise.trainer.checkpoints.folders import checkpoint_folders
from equipoise.trainer.checkpoints.seal import damage_of

OPTIONS = {"use_cpu": True, "per_device_train_batch_size": 8, "max_steps": 4, "save_strategy": "steps", "save_steps": 2,
           "optim": "adamw_torch", "logging_steps": 1, "disable_tqdm": True, "learning_rate": 1e-3}  # fmt: skip


def new_model() -> Any:
    return hf_jobs.tiny_t5()


def searching(folder: Path, **changes: Any) -> EquipoiseTrainer:
    plan, index = hf_jobs.plan_and_index()
    made = {"model": None, "model_init": new_model, "args": training_arguments(folder, OPTIONS)} | changes
    return EquipoiseTrainer(
        train_dataset=hf_jobs.examples(plan),
        sampler=PlanSampler(plan, index, seed=7, draws_per_epoch=80),
        data_collator=Collator(pad_id=0),
        loss=TokenLoss(),
        task_weighting=task_weighting("uncertainty", sorted(hf_jobs.TASKS)),
        eval_dataset=hf_jobs.examples(plan),
        **made,
    )


def search(trainer: EquipoiseTrainer, rates: list[float]) -> Any:
    optuna = pytest.importorskip("optuna", reason="needs optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    chosen = iter(rates)
    return trainer.hyperparameter_search(
        hp_space=lambda trial: {"learning_rate": next(chosen)}, n_trials=len(rates), backend="optuna"
    )


@pytest.mark.slow
def test_trials_are_runs_of_their_own_and_the_best_is_told(tmp_path) -> None:
    best = search(searching(tmp_path), [1e-3, 3e-2])
    assert best.run_id == "1"
    for trial in ("run-0", "run-1"):
        folders = checkpoint_folders(tmp_path / trial)
        assert [each.name for each in folders] == ["checkpoint-2", "checkpoint-4"]
        assert [damage_of(each) for each in folders] == [None, None]
        lines = [json.loads(line) for line in (tmp_path / trial / "metrics.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    assert not (tmp_path / "metrics.jsonl").exists()


@pytest.mark.slow
def test_a_trial_knows_nothing_of_the_one_before(tmp_path) -> None:
    search(searching(tmp_path / "search"), [1e-3, 1e-3])
    searching(tmp_path / "alone", model=hf_jobs.tiny_t5(), model_init=None).train()
    expected = load_file(tmp_path / "alone" / "checkpoint-4" / "model.safetensors")
    for trial in ("run-0", "run-1"):
        folder = tmp_path / "search" / trial / "checkpoint-4"
        found = load_file(folder / "model.safetensors")
        assert all(torch.equal(found[name], value) for name, value in expected.items())
        tasks = (folder / "equipoise_tasks.json").read_text()
        assert tasks == (tmp_path / "alone" / "checkpoint-4" / "equipoise_tasks.json").read_text()


@pytest.mark.slow
def test_a_signal_stops_the_search_with_a_checkpoint(tmp_path) -> None:
    trainer = searching(tmp_path, callbacks=[hf_jobs.SendSignal(0, signal.SIGTERM)])
    with pytest.raises(KeyboardInterrupt):
        search(trainer, [1e-3, 3e-2])
    assert [each.name for each in checkpoint_folders(tmp_path / "run-0")] == ["checkpoint-1"]
    assert not (tmp_path / "run-1").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_init": None}, "Pass one of `model` and `model_init`, found neither"),
        ({"model": hf_jobs.tiny_t5()}, "Pass one of `model` and `model_init`, found both"),
        ({"optimizers": (torch.optim.SGD(hf_jobs.tiny_t5().parameters()), None)}, "`optimizers` cannot be passed"),
    ],
)
def test_what_makes_the_model_is_said_once(tmp_path, changes, sentence) -> None:
    with raises(ConfigError, "model-or-init", sentence):
        searching(tmp_path, **changes)


def test_float16_is_refused_for_what_model_init_makes(tmp_path) -> None:
    args = training_arguments(tmp_path, OPTIONS)
    args.fp16 = True
    with raises(ConfigError, "float16-model"):
        searching(tmp_path, args=args)
