"""A run resumes the same stream from any checkpoint, and refuses a checkpoint of another stream."""

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import hf_jobs
import pytest
import torch
from safetensors.torch import load_file
from tests.support.errors import raises, warns

from equipoise import Census, OneTask, Plan, PlanSampler, Quota, Shard, StratumIndex
from equipoise.errors import ConfigError, RunError, RunWarning, StateError
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.checkpoints.position import FILE_NAME, StreamPosition
from equipoise.trainer.checkpoints.seal import SEAL, UNFINISHED, seal

STEPS = range(30)  # three epochs of ten steps
SAVE = {"save_strategy": "steps", "save_steps": 4, "save_total_limit": None}
# In epochs 0, 1 and 2; at the end of epoch 0 the next step is the first of another epoch.
CHECKPOINTS = [4, 16, 20, 28]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    # With dropout, so that the parameters show whether the random state was restored as well.
    result = hf_jobs.run(str(folder), options=SAVE, dropout=0.1)
    return folder, result


def test_the_steps_of_three_epochs_are_the_stream_in_order(whole) -> None:
    found = hf_jobs.rows_by_step(whole[0])
    assert [found[step] for step in STEPS] == hf_jobs.rows_of_steps(STEPS)


@pytest.mark.parametrize("step", CHECKPOINTS)
def test_resume_continues_the_stream_and_the_parameters(whole, tmp_path, step) -> None:
    folder, uninterrupted = whole
    resumed = hf_jobs.run(str(tmp_path), resume=str(folder / f"checkpoint-{step}"), options=SAVE, dropout=0.1)
    found = hf_jobs.rows_by_step(tmp_path)
    assert [found.get(k) for k in STEPS] == [None] * step + hf_jobs.rows_of_steps(STEPS[step:])
    assert resumed["parameters"] == uninterrupted["parameters"]
    assert resumed["losses"] == uninterrupted["losses"]


@pytest.mark.parametrize(("batch", "accumulation"), [(4, 2), (2, 4)])
def test_resume_with_the_global_batch_cut_otherwise(whole, tmp_path, batch, accumulation) -> None:
    checkpoint = str(whole[0] / "checkpoint-16")
    hf_jobs.run(str(tmp_path), resume=checkpoint, batch=batch, accumulation=accumulation, options=SAVE)
    found = hf_jobs.rows_by_step(tmp_path)
    assert [found[step] for step in STEPS[16:]] == hf_jobs.rows_of_steps(STEPS[16:])


def test_resume_takes_the_newest_complete_checkpoint(whole, tmp_path) -> None:
    for step in (4, 12, 24):
        shutil.copytree(whole[0] / f"checkpoint-{step}", tmp_path / f"checkpoint-{step}")
    # As a crash while saving leaves it.
    (tmp_path / "checkpoint-24" / SEAL).rename(tmp_path / "checkpoint-24" / UNFINISHED)
    hf_jobs.run(str(tmp_path), resume=True, options=SAVE | {"max_steps": 14})
    assert sorted(hf_jobs.rows_by_step(tmp_path)) == [12, 13]


def test_resume_starts_at_the_beginning_when_nothing_was_saved_yet(tmp_path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    hf_jobs.run(str(tmp_path), resume=True, options={"max_steps": 2})
    assert sorted(hf_jobs.rows_by_step(tmp_path)) == [0, 1]


def test_a_length_sorted_stream_is_resumed(tmp_path) -> None:
    first = str(tmp_path / "first")
    hf_jobs.run(first, options=SAVE, length_sorted=True)
    hf_jobs.run(str(tmp_path / "second"), resume=f"{first}/checkpoint-16", options=SAVE, length_sorted=True)
    whole, tail = (hf_jobs.rows_by_step(tmp_path / name) for name in ("first", "second"))
    assert tail == {step: rows for step, rows in whole.items() if step >= 16}
    flat = [row for step in STEPS for row in whole[step]]
    assert flat != [row for rows in hf_jobs.rows_of_steps(STEPS) for row in rows], "nothing was sorted"
    for first_draw in range(0, 240, 80):  # epochs hold the plan's own draws
        drawn = [row for rows in hf_jobs.rows_of_steps(range(first_draw // 8, first_draw // 8 + 10)) for row in rows]
        assert sorted(flat[first_draw : first_draw + 80]) == sorted(drawn)


def test_loader_workers_that_read_ahead_change_nothing(tmp_path) -> None:
    options = SAVE | {"dataloader_num_workers": 2, "max_steps": 14}
    hf_jobs.run(str(tmp_path / "a"), options=options)
    hf_jobs.run(str(tmp_path / "b"), resume=str(tmp_path / "a" / "checkpoint-12"), options=options)
    assert hf_jobs.rows_by_step(tmp_path / "b") == dict(
        zip((12, 13), hf_jobs.rows_of_steps(range(12, 14)), strict=True)
    )


def test_a_finished_run_is_not_trained_further(whole, tmp_path) -> None:
    first = str(tmp_path / "first")
    done = hf_jobs.run(first, options=SAVE | {"max_steps": 13})
    trainer = hf_jobs.build(tmp_path / "again", options=SAVE | {"max_steps": 13})
    output = trainer.train(f"{first}/checkpoint-13")
    assert output.global_step == 13
    assert output.training_loss == trainer.unlogged.mean(trainer.state) > 0
    assert hf_jobs.flat(trainer.model).tolist() == done["parameters"]
    assert hf_jobs.rows_by_step(tmp_path / "again") == {}


@pytest.mark.parametrize("change", ["none", "moved", "removed"])
def test_a_finished_run_has_the_parameters_of_its_best_checkpoint(tmp_path, change) -> None:
    options = SAVE | {"save_steps": 2, "eval_strategy": "steps", "eval_steps": 2, "max_steps": 4}
    options |= {"load_best_model_at_end": True, "metric_for_best_model": "loss", "greater_is_better": True}
    run, removed = tmp_path / "run", change == "removed"
    hf_jobs.run(str(run), options=options)
    state = json.loads((run / "checkpoint-4" / "trainer_state.json").read_text())
    assert state["best_model_checkpoint"] == str(run / "checkpoint-2"), "the loss falls, and the highest is chosen"
    if change == "moved":
        run = run.rename(tmp_path / "moved")
    best, last = run / "checkpoint-2", run / "checkpoint-4"
    if removed:
        shutil.rmtree(best)
    trainer = hf_jobs.build(run, options=options)
    with warns(RunWarning, "no-best-checkpoint") if removed else nullcontext() as caught:
        assert trainer.train(str(last)).global_step == 4
    if caught:
        assert f"`{best}`, is missing. The model is that of the last, `{last}`" in str(caught[0].message)
    saved = load_file((last if removed else best) / "model.safetensors")
    assert torch.equal(trainer.model.shared.weight, saved["shared.weight"])
    other = load_file(last / "model.safetensors")["shared.weight"]
    assert torch.equal(trainer.model.shared.weight, other) == removed


def test_another_seed_is_refused(whole, tmp_path) -> None:
    with raises(StateError, "other-run") as caught:
        hf_jobs.run(str(tmp_path), resume=str(whole[0] / "checkpoint-16"), seed=8)
    assert "seed was 7 and is 8" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batch": 16}, "was 8 and is 16"),
        ({"draws_per_epoch": 160}, "draws per epoch was 80 and is 160"),
    ],
)
def test_another_cut_of_the_stream_is_refused(whole, tmp_path, options, named) -> None:
    with raises(StateError, "other-stream") as caught:
        hf_jobs.run(str(tmp_path), resume=str(whole[0] / "checkpoint-16"), **options)
    assert named in str(caught.value)


def test_another_plan_is_refused(whole, tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path)
    rows = hf_jobs.records()
    tasks, labels = rows.column("task").to_pylist(), rows.column("target").to_pylist()
    natural = Plan.build(Census.from_labels(tasks, labels), rates="proportional", weights="natural")
    sampler = PlanSampler(natural, StratumIndex.from_labels(natural, tasks, labels), hf_jobs.SEED, 80)
    other = EquipoiseTrainer(trainer.model, trainer.args, trainer.train_dataset, sampler, trainer.data_collator)
    with raises(StateError, "other-run") as caught:
        other.train(str(whole[0] / "checkpoint-16"))
    assert "the plan changed" in str(caught.value)


def test_another_dataset_is_refused(whole, tmp_path) -> None:
    checkpoint = tmp_path / "checkpoint-16"
    shutil.copytree(whole[0] / "checkpoint-16", checkpoint)
    saved = StreamPosition.read(checkpoint)
    replace(saved, sampler={**saved.sampler, "index": "0" * 64}).write(checkpoint)
    seal(checkpoint)
    with raises(StateError, "other-run") as caught:
        hf_jobs.run(str(tmp_path / "run"), resume=str(checkpoint))
    assert "the dataset changed" in str(caught.value)


def test_a_checkpoint_without_a_seal_is_refused(whole, tmp_path) -> None:
    shutil.copytree(whole[0] / "checkpoint-16", tmp_path / "checkpoint-16")
    (tmp_path / "checkpoint-16" / SEAL).unlink()
    with raises(StateError, "damaged-checkpoint") as caught:
        hf_jobs.run(str(tmp_path / "run"), resume=str(tmp_path / "checkpoint-16"))
    assert "writing was cut off, or it was not written by Equipoise" in str(caught.value)


def test_a_folder_of_others_in_the_place_of_a_checkpoint_is_left_as_it_is(whole, tmp_path) -> None:
    shutil.copytree(whole[0] / "checkpoint-4", tmp_path / "checkpoint-4")
    (tmp_path / "checkpoint-8").mkdir()
    (tmp_path / "checkpoint-8" / "thesis.tex").touch()
    with raises(RunError, "foreign-checkpoint", "Move it away"):
        hf_jobs.run(str(tmp_path), resume=True, options=SAVE, dropout=0.1)
    assert (tmp_path / "checkpoint-8" / "thesis.tex").exists()


def test_a_used_directory_is_not_written_over(whole) -> None:
    with raises(RunError, "used-folder"):
        hf_jobs.run(str(whole[0]))


def test_the_state_in_a_checkpoint_is_that_of_training_not_of_reading_ahead(whole) -> None:
    saved = json.loads((whole[0] / "checkpoint-16" / FILE_NAME).read_text())
    assert (saved["step"], saved["global_batch"]) == (16, 8)
    assert saved["sampler"]["position"] == 80  # the start of the epoch; the Trainer skips from there


def test_any_sampler_with_epochs_is_resumed(tmp_path) -> None:
    small = {"rotation": True, "draws_per_epoch": 16, "options": SAVE | {"save_steps": 3}}
    hf_jobs.run(str(tmp_path / "a"), **small)
    hf_jobs.run(str(tmp_path / "b"), resume=str(tmp_path / "a" / "checkpoint-3"), **small)
    whole, tail = (hf_jobs.rows_by_step(tmp_path / name) for name in "ab")
    assert [whole[step][0] for step in range(6)] == [0, 8, 5, 13, 10, 18]
    assert tail == {step: whole[step] for step in range(3, 6)}


def build_with(tmp_path, sampler) -> None:
    made = hf_jobs.build(tmp_path)
    EquipoiseTrainer(made.model, made.args, made.train_dataset, sampler, made.data_collator)


def test_a_sharded_sampler_is_refused(tmp_path) -> None:
    plan, index = hf_jobs.plan_and_index()
    with raises(ConfigError, "sharded-sampler"):
        build_with(tmp_path, PlanSampler(plan, index, draws_per_epoch=160, shard=Shard(0, 2)))


def test_an_epoch_of_broken_steps_is_refused_with_the_remedy(tmp_path) -> None:
    plan, index = hf_jobs.plan_and_index()
    with raises(ConfigError, "partial-steps") as caught:
        build_with(tmp_path, PlanSampler(plan, index, draws_per_epoch=78))
    assert "found 78 draws per epoch. Use draws_per_epoch=80" in str(caught.value)


@pytest.mark.parametrize("batches", [Quota(16), OneTask(16)])
def test_batches_of_another_size_than_the_step_are_refused(tmp_path, batches) -> None:
    plan, index = hf_jobs.plan_and_index()
    with raises(ConfigError, "other-batch") as caught:
        build_with(tmp_path, PlanSampler(plan, index, draws_per_epoch=160, batches=batches))
    assert re.search(r"must be that of the run, 8 draws .* found 16", str(caught.value))


def test_a_sampler_of_another_dataset_is_refused(tmp_path) -> None:
    plan = Plan.build(Census.from_counts({"tone": {"good": 5, "bad": 3}}), rates="proportional", weights="natural")
    with raises(ConfigError, "other-dataset") as caught:
        build_with(tmp_path, PlanSampler(plan, StratumIndex.from_sizes([3, 5])))
    assert "index of 8 rows and 72 examples" in str(caught.value)


class Bomb:
    """An object whose unpickling would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth"])
def test_a_checkpoint_with_a_pickled_object_is_refused_and_not_run(whole, tmp_path, name) -> None:
    checkpoint, harm = tmp_path / "checkpoint-4", tmp_path / "harm"
    shutil.copytree(whole[0] / "checkpoint-4", checkpoint)
    torch.save({"state": Bomb(str(harm))}, checkpoint / name)
    seal(checkpoint)  # a program that knows the format can write one that fits
    with raises(StateError, "other-checkpoint") as caught:
        hf_jobs.run(str(tmp_path / "out"), resume=str(checkpoint), options=SAVE)
    assert re.search(r"checkpoint-4` is of another model .* more than tensors and plain values", str(caught.value))
    assert not harm.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "trainer_state.json", "rng_state.pth"])
def test_a_checkpoint_of_something_else_is_refused_though_it_is_whole(whole, tmp_path, name) -> None:
    checkpoint = tmp_path / "checkpoint-4"
    shutil.copytree(whole[0] / "checkpoint-4", checkpoint)
    data = (checkpoint / name).read_bytes()
    (checkpoint / name).write_bytes(data[: len(data) // 2])
    seal(checkpoint)
    with raises(StateError, "damaged-file" if name == "trainer_state.json" else "other-checkpoint"):
        hf_jobs.run(str(tmp_path / "out"), resume=str(checkpoint), options=SAVE)


@pytest.mark.parametrize("newest", [False, True], ids=["named", "newest"])
@pytest.mark.parametrize("named", ["../other.safetensors", "{folder}/other.safetensors"], ids=["up", "absolute"])
def test_an_index_of_shards_in_a_checkpoint_names_no_file_elsewhere(whole, tmp_path, named, newest) -> None:
    run = tmp_path / "run"
    checkpoint = run / "checkpoint-4"
    shutil.copytree(whole[0] / "checkpoint-4", checkpoint)
    model = checkpoint / "model.safetensors"
    names = list(load_file(model))
    model.rename(run / "other.safetensors")
    shards = dict.fromkeys(names, named.format(folder=run))
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    seal(checkpoint)  # whoever wrote the index can seal it
    with raises(RunError, "shard-outside", "checkpoint-4/model.safetensors.index.json", "its own folder"):
        hf_jobs.run(str(run), resume=True if newest else str(checkpoint), options=SAVE, dropout=0.1)


ADAMW = SAVE | {"optim": "adamw_torch", "lr_scheduler_type": "linear", "max_steps": 4}


@pytest.fixture(scope="module")
def adamw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adamw")
    hf_jobs.run(str(folder), options=ADAMW)
    return folder


def schedule_behind(checkpoint: Path) -> None:
    path = checkpoint / "scheduler.pt"
    torch.save(torch.load(path, weights_only=True) | {"last_epoch": 3}, path)


def changed_optimizer(checkpoint: Path, name: str, change: Callable[[Any], Any]) -> None:
    path = checkpoint / "optimizer.pt"
    held = torch.load(path, weights_only=True)
    for state in held["state"].values():
        state[name] = change(state[name])
    torch.save(held, path)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (schedule_behind, "scheduler.pt` cannot be used: the schedule of the learning rate is at step 3, and the run"),
        (partial(changed_optimizer, name="step", change=lambda old: old + 1), "have had up to 5 steps, and the run 4"),
        (partial(changed_optimizer, name="step", change=lambda old: old - 1), "have had up to 3 steps, and the run 4"),
        (partial(changed_optimizer, name="exp_avg", change=lambda old: torch.zeros(7)), "must have shape"),
        (partial(changed_optimizer, name="exp_avg_sq", change=lambda old: old * math.nan), "is NaN"),
        (lambda checkpoint: (checkpoint / "optimizer.pt").unlink(), "is at step 0, and the run at step 4"),
    ],
)
def test_a_resealed_checkpoint_whose_optimiser_is_of_another_step_is_refused(adamw, tmp_path, damage, sentence) -> None:
    checkpoint = Path(shutil.copytree(adamw / "checkpoint-4", tmp_path / "checkpoint-4"))
    damage(checkpoint)
    seal(checkpoint)
    with raises(StateError, "damaged-file", sentence):
        hf_jobs.run(str(tmp_path / "out"), resume=str(checkpoint), options=ADAMW | {"max_steps": 6})
    assert not hf_jobs.rows_by_step(tmp_path / "out")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values in nested JSON; of a list only the first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    inner = changed(value[path[0]], path[1:], new)
    return {**value, path[0]: inner} if isinstance(value, dict) else [inner, *value[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["equipoise_stream.json", "equipoise_loss_0.json", "trainer_state.json"])
def test_no_odd_value_in_a_state_ends_in_a_foreign_error_or_in_another_model(whole, tmp_path, name) -> None:
    checkpoint, options = whole[0] / "checkpoint-4", SAVE | {"max_steps": 5}
    parameters = hf_jobs.run(str(tmp_path / "right"), resume=str(checkpoint), options=options)["parameters"]
    held, refused = json.loads((checkpoint / name).read_text()), 0
    for number, path in enumerate(places(held)):
        odd = ("6", None, -1, {"a": 6})[number % 4]
        folder = tmp_path / str(number) / checkpoint.name
        shutil.copytree(checkpoint, folder)
        (folder / name).write_text(json.dumps(changed(held, path, odd)))
        seal(folder)
        sums = (folder / SEAL).read_bytes()
        try:
            assert (
                hf_jobs.run(str(tmp_path / "out" / str(number)), resume=str(folder), options=options)["parameters"]
                == parameters
            ), (path, odd)
        except StateError:
            refused += 1
        assert (folder / SEAL).read_bytes() == sums
    assert refused >= 3


@pytest.mark.parametrize("resume", [None, True])
def test_metrics_are_not_written_through_a_link(tmp_path, resume) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").symlink_to(tmp_path / "elsewhere")
    if resume is None:
        with raises(RunError, "used-folder", "metrics.jsonl"):
            hf_jobs.run(str(tmp_path / "run"))
    else:
        hf_jobs.run(str(tmp_path / "run"), resume=True, options={"max_steps": 1, "logging_steps": 1})
        assert (tmp_path / "run" / "metrics.jsonl").read_text()
    assert not (tmp_path / "elsewhere").exists()
