"""Signals, the metrics file and what stays on the screen."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hf_jobs
import pytest
from tests.support.errors import raises
from transformers import ByT5Tokenizer, TrainerCallback

from equipoise.errors import RunError
from equipoise.models import load_model
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.checkpoints.folders import last_checkpoint

SAVE = {"save_strategy": "steps", "save_steps": 4}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_stops(tmp_path, number) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    stopped = hf_jobs.run(str(tmp_path), send=(12, int(number), -1))
    assert (stopped["interrupted"], stopped["step"]) == (True, 13)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-13"
    resumed = hf_jobs.run(str(tmp_path), resume=True)
    assert (resumed["interrupted"], resumed["step"]) == (False, 30)
    found = hf_jobs.rows_by_step(tmp_path)
    assert [found[step] for step in range(30)] == hf_jobs.rows_of_steps(range(30))


def test_nothing_is_evaluated_after_a_signal(tmp_path) -> None:
    options = {"eval_strategy": "epoch", "save_strategy": "epoch"}
    hf_jobs.run(str(tmp_path), options=options, send=(9, int(signal.SIGINT), -1))
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-10"]
    assert "eval_loss" not in (tmp_path / "metrics.jsonl").read_text()


def test_a_signal_in_the_last_step_is_reported_too(tmp_path) -> None:
    stopped = hf_jobs.run(str(tmp_path), options={"max_steps": 5}, send=(4, int(signal.SIGINT), -1))
    assert (stopped["interrupted"], stopped["step"]) == (True, 5)


def test_a_signal_after_the_last_step_is_reported_too(tmp_path) -> None:
    class WhileSaving(TrainerCallback):
        def on_save(self, args, state, control, **kwargs) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    options = {"max_steps": 5, "save_strategy": "steps", "save_steps": 5}
    trainer = hf_jobs.build(tmp_path, options=options, callbacks=[WhileSaving()])
    trainer.train()
    assert trainer.interrupted


@pytest.fixture
def python_handles_sigint() -> Iterator[None]:
    """A process that a shell starts in the background ignores SIGINT, and its children do."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_handles_sigint")
def test_a_second_signal_acts_at_once(tmp_path) -> None:
    class Twice(hf_jobs.SendSignal):
        def on_pre_optimizer_step(self, args, state, control, **kwargs) -> None:
            super().on_pre_optimizer_step(args, state, control)
            super().on_pre_optimizer_step(args, state, control)

    trainer = hf_jobs.build(tmp_path, callbacks=[Twice(3, signal.SIGINT)])
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_metrics_hold_every_step_once_after_a_crash_and_a_resume(tmp_path) -> None:
    hf_jobs.run(str(tmp_path), options=SAVE | {"max_steps": 14})
    path = tmp_path / "metrics.jsonl"
    first = [json.loads(line) for line in path.read_text().splitlines()]
    # As a crash in step 14 leaves it: the last checkpoint is of step 12, the last line is cut off.
    for name in ("checkpoint-14",):
        for file in (tmp_path / name).iterdir():
            file.unlink()
        (tmp_path / name).rmdir()
    with path.open("a") as file:
        file.write('{"step": 14, "lo')
    hf_jobs.run(str(tmp_path), resume=True, options=SAVE | {"max_steps": 14})
    again = [json.loads(line) for line in path.read_text().splitlines()]
    losses = [(line["step"], line["loss"]) for line in again if "loss" in line]
    assert losses == [(line["step"], line["loss"]) for line in first if "loss" in line]
    assert [step for step, _ in losses] == list(range(1, 15))


def test_a_loss_that_is_not_finite_is_written_as_null_not_hidden(tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path, options={"max_steps": 1})
    trainer.model.shared.weight.data.fill_(float("nan"))
    trainer.train()
    first = (tmp_path / "metrics.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["loss"] is None


def test_throughput_counts_draws_not_rows(tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path, epochs=1)
    metrics = trainer.train().metrics
    assert metrics["train_samples_per_second"] * metrics["train_runtime"] == pytest.approx(80, rel=0.02)


@pytest.mark.slow
def test_stdout_stays_free_for_results(tmp_path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(hf_jobs.__file__).parent)!r}); import hf_jobs;"
        "from equipoise.trainer.progress import progress; progress.__kwdefaults__['every'] = 0;"
        f"hf_jobs.run({str(tmp_path)!r}, options=dict(max_steps=2, disable_tqdm=False, save_strategy='epoch'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert re.search(r"^training: step 2 of 2, loss \S+ per example, 00:00 left$", done.stderr, re.MULTILINE)
    assert "Writing model shards" not in done.stderr


def test_predictions_are_refused(tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path)
    with raises(RunError, "no-predictions"):
        trainer.predict(trainer.train_dataset)


def test_a_checkpoint_is_a_model_with_its_tokenizer_in_safetensors(tmp_path) -> None:
    made = hf_jobs.build(tmp_path, options=SAVE | {"max_steps": 4})
    trainer = EquipoiseTrainer(
        made.model,
        made.args,
        made.train_dataset,
        made.stream.sampler,
        made.data_collator,
        processing_class=ByT5Tokenizer(extra_ids=0),
    )
    trainer.train()
    names = {path.name for path in (tmp_path / "checkpoint-4").iterdir()}
    assert "model.safetensors" in names
    assert "pytorch_model.bin" not in names
    model, tokenizer = load_model(tmp_path / "checkpoint-4")
    assert hf_jobs.flat(model).tolist() == hf_jobs.flat(trainer.model).tolist()
    assert tokenizer("fine").input_ids == trainer.processing_class("fine").input_ids
