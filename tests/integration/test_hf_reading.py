"""Streams that are read in order under the Trainer: each step is that of the stream, resumed at any checkpoint."""

import json
from pathlib import Path

import hf_jobs
import numpy as np
import pytest
from hf_jobs import build, flat, read_in_order, rows_by_step, rows_read
from tests.support.errors import raises
from tests.support.trainers import COMMON, llama
from transformers import Trainer, TrainingArguments

from equipoise.errors import ConfigError, StateError
from equipoise.iterable import ShardedStream, ShuffleBuffer
from equipoise.loaders import StreamLoader
from equipoise.trainer import StreamMixin
from equipoise.trainer.checkpoints.position import FILE_NAME
from equipoise.trainer.read import OnDevice

STEPS = 22  # of 8 examples; an epoch has about 72
SAVE = {"max_steps": STEPS, "save_strategy": "steps", "save_steps": 3, "save_total_limit": None}


def reading(folder: Path, *, workers: int = 0, resume: str | bool | None = None, options=None, **more):
    loading = {"dataloader_num_workers": workers, "dataloader_multiprocessing_context": "fork" if workers else None}
    trainer = build(folder, read=True, options=SAVE | loading | (options or {}), **more)
    trainer.train(resume)
    return trainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, reading(folder, dropout=0.1)


def test_an_epoch_ends_inside_a_step() -> None:
    stream = read_in_order()
    second = sum(len(list(stream)) for _ in range(2))
    assert second % 8
    assert second < STEPS * 8


def test_steps_are_the_stream_in_its_order(whole) -> None:
    found = rows_by_step(whole[0])
    assert [found[step] for step in range(STEPS)] == rows_read(range(STEPS))


def test_it_trains_as_on_the_same_rows_with_a_sampler(tmp_path) -> None:
    """So the importance weights of the items reach the loss, and nothing else differs."""
    rows = [row for step in rows_read(range(12)) for row in step]
    sampled = build(tmp_path / "sampled", listed=rows, options={"max_steps": 12})
    sampled.train()
    assert len({sampled.train_dataset[row]["example_weight"] for row in rows}) > 1
    assert np.array_equal(flat(sampled.model), flat(reading(tmp_path, options={"max_steps": 12}).model))


@pytest.mark.slow
@pytest.mark.parametrize(("step", "workers"), [(3, 0), (9, 2), (12, 0), (21, 0)])
def test_it_resumes_at_any_checkpoint(whole, tmp_path, step, workers) -> None:
    """Step 9 is inside the second epoch, step 21 in the third."""
    folder, uncut = whole
    saved = str(folder / f"checkpoint-{step}")
    resumed = reading(tmp_path, workers=workers, resume=saved, dropout=0.1)
    found = rows_by_step(tmp_path)
    assert sorted(found) == list(range(step, STEPS))
    assert [found[each] for each in range(step, STEPS)] == rows_read(range(step, STEPS))
    assert np.array_equal(flat(resumed.model), flat(uncut.model))
    logs = [[json.loads(line) for line in (of / "metrics.jsonl").read_text().splitlines()] for of in (folder, tmp_path)]
    told = [[(line["step"], line["loss"], line["epoch"]) for line in log if "loss" in line] for log in logs]
    assert told[0] == told[1]
    assert resumed.args.ignore_data_skip is False


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_checkpoint_is_where_training_is_though_workers_have_read_on(tmp_path, workers) -> None:
    first = reading(tmp_path, workers=workers, batch=2, accumulation=4, options={"max_steps": 5, "save_steps": 5})
    assert first.state.global_step == 5
    reading(tmp_path, workers=2 - workers, batch=4, accumulation=2, resume=True, options={"max_steps": 12})
    found = rows_by_step(tmp_path)
    assert [found[step] for step in range(12)] == rows_read(range(12))


def test_a_finished_run_is_loaded(whole) -> None:
    folder, uncut = whole
    assert np.array_equal(flat(reading(folder, resume=True, dropout=0.1).model), flat(uncut.model))


@pytest.mark.slow
def test_a_checkpoint_of_another_stream_is_refused(whole, tmp_path, monkeypatch) -> None:
    saved = str(whole[0] / "checkpoint-3")
    with raises(StateError, "other-stream", "was 8 and is 4"):
        reading(tmp_path, batch=4, resume=saved)
    sampled = build(tmp_path, options=SAVE | {"max_steps": 3})
    with raises(StateError, "other-stream", "draws per epoch was None and is 80"):
        sampled.train(saved)
    sampled.train()
    with raises(StateError, "other-stream", "draws per epoch was 80 and is None"):
        reading(tmp_path, resume=True)
    smaller = ShuffleBuffer(read_in_order(), 3)
    monkeypatch.setattr(hf_jobs, "read_in_order", lambda: smaller)
    with raises(StateError, "other-stream", "size was 9 and is 3"):
        reading(tmp_path / "smaller", resume=saved)


def test_a_damaged_position_is_refused(whole, tmp_path) -> None:
    folder, _ = whole
    trainer = build(tmp_path, read=True, options=SAVE)
    held = json.loads((folder / "checkpoint-3" / FILE_NAME).read_text())
    for change in ({"sampler": None}, {"sampler": {}}, {"examples": 3}):
        (tmp_path / FILE_NAME).write_text(json.dumps(held | change))
        with raises(StateError, "damaged-file"):
            trainer.stream.resume(tmp_path)


@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        ({"max_steps": -1}, "no-end", "trainer option `max_steps` must be set with a ShardedStream"),
        ({"remove_unused_columns": True}, "owned-option", "`remove_unused_columns` must be False"),
        ({"dataloader_in_order": False}, "out-of-order", "`in_order` must be True"),
        ({"sampler": hf_jobs.Rotation(80)}, "not-indexable", "`sampler` must be None with a ShardedStream"),
        ({"train_dataset": ShardedStream(range(9), by="parts")}, "divided-stream", "`by` of the ShardedStream"),
    ],
)
def test_what_would_lose_examples_is_refused(tmp_path, change, code, part) -> None:
    class Mine(StreamMixin, Trainer):
        pass

    options = COMMON | {"max_steps": 3, "remove_unused_columns": False}
    given = {"train_dataset": ShardedStream(range(9)), "sampler": None} | change
    made = {name: given.pop(name) for name in ("train_dataset", "sampler")}
    with raises(ConfigError, code, part):
        Mine(model=llama(), args=TrainingArguments(str(tmp_path), **options | given), **made)


def test_a_trainer_with_a_loader_of_its_own_is_refused(tmp_path) -> None:
    class Theirs(Trainer):
        def get_train_dataloader(self):
            return super().get_train_dataloader()

    class Mine(StreamMixin, Theirs):
        pass

    args = TrainingArguments(str(tmp_path), **COMMON | {"max_steps": 3, "remove_unused_columns": False})
    trainer = Mine(model=llama(), args=args, train_dataset=ShardedStream(range(9)), sampler=None)
    with raises(ConfigError, "own-loader", "`get_train_dataloader` of Theirs"):
        trainer.train()


def test_any_trainer_takes_a_stream(tmp_path) -> None:
    seen = []

    class Mine(StreamMixin, Trainer):
        def training_step(self, model, inputs, *args, **kwargs):
            seen.extend(inputs["input_ids"][:, 0].tolist())
            return super().training_step(model, inputs, *args, **kwargs)

    def tokens(row):
        return {"input_ids": [row + 3, 2], "labels": [row + 3, 2]}

    args = TrainingArguments(str(tmp_path), **COMMON | {"max_steps": 4, "remove_unused_columns": False})
    stream = ShardedStream(range(10), transform=tokens)
    Mine(model=llama(), args=args, train_dataset=stream, sampler=None).train()
    assert seen == [row % 10 + 3 for row in range(32)]


def test_batches_are_moved_to_the_device_of_the_trainer() -> None:
    loader = StreamLoader(ShardedStream(range(4)), batch_size=2)
    assert next(iter(OnDevice(loader, "meta"))).device.type == "meta"


def test_ranks_with_other_streams_do_not_agree(tmp_path) -> None:
    trainer = build(tmp_path, read=True, options=SAVE)
    facts = trainer.stream.facts(trainer.args, None)
    assert facts["optimiser steps"] == STEPS
    trainer.stream.fit(ShardedStream(ShuffleBuffer(read_in_order(), 3)), trainer.args)
    changed = trainer.stream.facts(trainer.args, None)
    assert {name for name in facts if facts[name] != changed[name]} == {"stream settings"}


def test_a_trial_with_another_batch_size_begins_the_stream_in_its_own_steps(tmp_path) -> None:
    trainer = build(tmp_path, read=True, options=SAVE)
    trainer.args.per_device_train_batch_size = 3
    assert len(next(iter(trainer.get_train_dataloader()))["labels"]) == 3
    trainer.args.max_steps = -1
    with raises(ConfigError, "no-end"):
        trainer.train()
