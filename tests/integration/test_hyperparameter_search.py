"""Trials of a hyperparameter search: each trains on the plan's stream, in a folder of its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.support.errors import raises
from tests.support.trainers import (
    COMMON,
    Seen,
    causal_rows,
    llama,
    marked,
    plain,
    planned,
    quiet,
    recording,
    sampler,
)
from transformers import (
    Trainer,
    TrainingArguments,
)

from equipoise.errors import ConfigError, RunError
from equipoise.trainer.checkpoints.folders import checkpoint_folders
from equipoise.trainer.checkpoints.position import StreamPosition
from equipoise.trainer.checkpoints.seal import damage_of


def search(trainer: Any, trials: int, **options: Any) -> Any:
    """Search over learning rates, as a person would write it."""

    def space(trial: Any) -> dict[str, Any]:
        return {"learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)}

    with quiet():
        optuna = pytest.importorskip("optuna", reason="needs optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        chosen = {"hp_space": space, "backend": "optuna", "sampler": optuna.samplers.RandomSampler(seed=0)}
        return trainer.hyperparameter_search(n_trials=trials, **chosen | options)


def searching(folder: Path, **changes: Any) -> Any:
    made = {"model": None, "model_init": llama, "eval_dataset": causal_rows()} | changes
    trainer = recording(Trainer, marked("input_ids"))(
        args=TrainingArguments(str(folder), **COMMON | {"save_total_limit": 2}),
        train_dataset=causal_rows(),
        sampler=sampler(),
        **made,
    )
    trainer.rows = []
    return trainer


@pytest.mark.slow
def test_every_trial_of_a_search_has_checkpoints_in_its_own_folder(tmp_path) -> None:
    trainer = searching(tmp_path)
    best = search(trainer, 2)
    assert trainer.rows == 2 * planned(), "each trial trains on the stream from its start"
    for trial in ("run-0", "run-1"):
        assert [each.name for each in checkpoint_folders(tmp_path / trial)] == ["checkpoint-9", "checkpoint-12"]
        for folder in checkpoint_folders(tmp_path / trial):
            assert damage_of(folder) is None
            assert {"equipoise_stream.json", "equipoise_loss_0.json"} <= {each.name for each in folder.iterdir()}
    assert not checkpoint_folders(tmp_path)

    # The best trial, cut after step 9, is resumed like any run: its folder is that of a run.
    folder = tmp_path / f"run-{best.run_id}"
    done = load_file(folder / "checkpoint-12" / "model.safetensors")
    shutil.rmtree(folder / "checkpoint-12")
    again = plain(folder)
    again.args.learning_rate = best.hyperparameters["learning_rate"]
    again.rows = []
    with quiet():
        again.train(resume_from_checkpoint=True)
    assert again.rows == planned()[9 * 8 :]
    assert all(torch.equal(value, done[name]) for name, value in again.model.state_dict().items() if name in done)


@pytest.mark.slow
def test_a_trial_resumes_in_its_own_folder(tmp_path) -> None:
    trainer = searching(tmp_path)
    trainer.add_callback(Seen(7))
    search(trainer, 1)
    resumed = searching(tmp_path)
    train = resumed.train
    resumed.train = lambda resume_from_checkpoint=None, trial=None: train(True, trial)  # type: ignore[method-assign]
    search(resumed, 1)
    assert resumed.rows == planned()[6 * 8 :]
    with raises(RunError, "used-folder", "run-0` already holds a run"):
        search(searching(tmp_path), 1)


@pytest.mark.slow
def test_a_trial_may_have_another_batch_size_if_it_fits_the_epoch(tmp_path) -> None:
    trainer = searching(tmp_path)
    sizes = iter([6, 5])
    search(trainer, 1, hp_space=lambda trial: {"per_device_train_batch_size": next(sizes)})
    position = StreamPosition.read(tmp_path / "run-0" / "checkpoint-8")
    assert (trainer.rows, position.global_batch) == (planned(), 12)
    with raises(ConfigError, "partial-steps", "whole optimiser steps of 10 draws"):
        search(searching(tmp_path / "b"), 1, hp_space=lambda trial: {"per_device_train_batch_size": next(sizes)})


@pytest.mark.slow
def test_a_pruned_trial_does_not_disturb_the_next(tmp_path) -> None:
    optuna = pytest.importorskip("optuna", reason="needs optuna")

    class First(optuna.pruners.BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return trial.number == 0

    trainer = searching(tmp_path)
    trainer.args.eval_strategy, trainer.args.eval_steps = "steps", 4
    assert search(trainer, 2, pruner=First()).run_id == "1"
    assert trainer.rows == planned(4) + planned()
    assert [each.name for each in checkpoint_folders(tmp_path / "run-0")] == ["checkpoint-3"]
