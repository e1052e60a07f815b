"""The best checkpoint by a metric of the labels is published, and training ends early: the same ones when resumed."""

import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import hf_jobs
import numpy as np
import pytest
from tests.support.errors import raises
from transformers import ByT5Tokenizer

from equipoise.config import RunConfig, make_config
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, DataError
from equipoise.metrics import evaluate as score
from equipoise.models import load_model
from equipoise.runs import sampled_labels, validation
from equipoise.runs.predict import predict_records
from equipoise.runs.prepare import prepare
from equipoise.runs.published import Published
from equipoise.runs.train import Run, train
from equipoise.runs.validation import LabelValidation

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning")
TIMES = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, some = tmp_path_factory.mktemp("rows") / "rows.jsonl", random.Random(0)
    lines = []
    for number in range(300):
        task = "tone" if number % 3 else "topic"
        label = ("good" if number % 5 else "bad") if task == "tone" else ("art" if number % 2 else "law")
        word = label if some.random() < 0.7 else "x"
        split = ("train", "validation", "test")[number // 6 % 3]
        lines.append({"task": task, "input": f"{word} {number}", "target": label, "split": split})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    hf_jobs.tiny_t5(dropout=0.1).save_pretrained(folder)
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder)
    return folder


def configured(rows: Path, model: Path, trainer: Any = None, **training: Any) -> RunConfig:
    chosen = {"batch_size": 4, "learning_rate": 0.02, "save_every": 7, "validate_every": 2, "log_every": 3} | training
    return make_config(
        {
            "data": {"source": str(rows)},
            "model": {"name": str(model)},
            "plan": {"draws": 160, "allow_repeats": True},
            "training": chosen,
            "trainer": {"use_cpu": True, "optim": "adafactor"} | (trainer or {}),
        }
    )


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def logged(run: Run) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in run.directory.metrics.read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMES} for line in lines if "train_runtime" not in line]


def cut(monkeypatch: pytest.MonkeyPatch, at: int | None, stop: Any = None) -> list[int]:
    """Stop the training inside a step; the steps that it begins are listed."""
    begun: list[int] = []
    step = hf_jobs.EquipoiseTrainer.training_step

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        begun.append(self.state.global_step)
        if self.state.global_step == at:
            stop()
        return step(self, *args, **kwargs)

    monkeypatch.setattr("equipoise.trainer.EquipoiseTrainer.training_step", training_step)
    return begun


def killed(*_: Any) -> None:
    raise OSError("killed")


@pytest.mark.slow
def test_a_run_that_is_cut_anywhere_ends_at_the_same_step_and_publishes_the_same_model(
    rows: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = configured(rows, model, best="macro_f1", patience=4)
    whole = train(config, tmp_path / "whole")
    assert "missing keys" not in caplog.text, "of the best checkpoint, which lacks those that are tied"
    published = whole.published
    assert published is not None
    assert published == Published.read(whole.directory)
    assert 2 < published.step < published.steps < published.planned == 40
    assert published.steps == published.step + 2 * 4
    assert published.step % 7, "no checkpoint is due there"
    values = {line["step"]: line["eval_macro_f1"] for line in logged(whole) if "eval_macro_f1" in line}
    assert published.value == max(values.values()) == values[published.step]
    assert weights(whole.directory.model) == weights(whole.directory.checkpoints / f"checkpoint-{published.step}")

    # Killed in a step, and by a signal in a step after which there is a validation.
    for name, at, stop in (
        ("killed", published.step + 5, killed),
        ("signalled", published.step + 3, lambda: os.kill(os.getpid(), signal.SIGTERM)),
    ):
        with monkeypatch.context() as patched:
            cut(patched, at, stop)
            if name == "killed":
                with pytest.raises(OSError, match="killed"):
                    train(config, tmp_path / name)
            else:
                assert train(config, tmp_path / name).interrupted
        again = train(config, tmp_path / name, resume=True)
        assert again.published == published, name
        assert weights(again.directory.model) == weights(whole.directory.model), name
        assert logged(again) == logged(whole), name

    # Killed after the last step, before the model is in its place: nothing is trained any more.
    with monkeypatch.context() as patched:
        patched.setattr("equipoise.runs.train.publish", killed)
        with pytest.raises(OSError, match="killed"):
            train(config, tmp_path / "late")
    begun = cut(monkeypatch, None)
    again = train(config, tmp_path / "late", resume=True)
    assert (again.published, again.steps, begun) == (published, published.steps, [])
    assert weights(again.directory.model) == weights(whole.directory.model)
    # And it is complete now.
    again = train(config, tmp_path / "late", resume=True)
    assert (again.published, again.steps, begun) == (published, published.steps, [])


@pytest.mark.slow
def test_validations_change_nothing_of_the_training(rows: Path, model: Path, tmp_path: Path) -> None:
    with_them = train(configured(rows, model, validate_every=3), tmp_path / "with")
    without = train(configured(rows, model, validate_every=None), tmp_path / "without")
    assert weights(with_them.directory.model) == weights(without.directory.model), "dropout would differ"
    assert with_them.published is None
    assert not with_them.directory.published.exists()
    losses = [[line for line in logged(run) if "loss" in line] for run in (with_them, without)]
    assert losses[0] == losses[1]


def scored(config: RunConfig, shard: Shard = Shard()) -> tuple[LabelValidation, Any, Any]:  # noqa: B008
    prepared = prepare(config)
    trained, tokenizer = load_model(config)
    return LabelValidation(prepared, trained, tokenizer, shard), trained, prepared


def test_the_metrics_are_those_of_all_validation_rows(rows: Path, model: Path) -> None:
    config = configured(rows, model)
    measure, trained, prepared = scored(config)
    records = prepared.records.where(split="validation")
    wanted = score(predict_records(trained, ByT5Tokenizer(extra_ids=0), prepared.tasks, records, config), bootstrap=0)
    found = measure(trained)
    assert list(found) == list(measure.names)
    for name in validation.WATCHED:
        assert found[name] == pytest.approx(wanted.mean[name].value)
        assert found[f"tone_{name}"] == pytest.approx(wanted.tasks["tone"].metrics[name].value)
    assert sum(measure.rows.values()) == len(records)


def test_rows_of_a_sample_count_as_many_as_they_represent(
    rows: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(rows, model)
    exact, trained, _ = scored(config)
    known = exact(trained)["tone_log_loss"]
    estimates = []
    for seed in range(12):
        monkeypatch.setattr(
            sampled_labels, "scored_validation_rows", lambda strata, _, seed=seed: SAMPLE(strata, seed, size=40)
        )
        measure, *_ = scored(config)
        estimates.append(measure(trained)["tone_log_loss"])
    assert sum(measure.rows.values()) == 40
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - known) < 4 * error
    assert len(set(estimates)) > 1


SAMPLE = sampled_labels.scored_validation_rows


def test_ranks_score_parts_and_agree(rows: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(rows, model)
    one, trained, _ = scored(config)
    ranks = [scored(config, Shard(rank, 3))[0] for rank in range(3)]
    asked: list[int] = []
    parts: dict[int, list[Any]] = {}
    for rank, each in enumerate(ranks):
        log_probs = each._sample._scorer.log_probs
        monkeypatch.setattr(
            each._sample._scorer, "log_probs", lambda *a, ask=log_probs, **k: asked.append(len(a[1])) or ask(*a, **k)
        )

        def keep(part: list[Any], rank: int = rank) -> list[Any]:
            parts.setdefault(rank, []).extend(part)
            raise StopIteration

        for task in one.rows:  # what each rank has to tell the others
            monkeypatch.setattr(sampled_labels, "gather_object", keep)
            with pytest.raises(StopIteration):
                each._sample._predicted(task, Shard(rank, 3))
    assert sum(asked) == sum(one.rows.values())
    assert max(asked) <= -(-max(one.rows.values()) // 3)
    monkeypatch.setattr(validation, "broadcast_object_list", lambda _: None)
    told = [[parts[rank][number] for rank in range(3)] for number in range(len(one.rows))]
    found = []
    for each in ranks:
        answers = iter(told)
        monkeypatch.setattr(sampled_labels, "gather_object", lambda _, answers=answers: next(answers))
        found.append(each(trained))
    assert found[0] == found[1] == found[2] == pytest.approx(one(trained))


def test_a_task_with_many_labels_is_searched_and_has_no_log_loss(
    rows: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampled_labels, "MOST_SCORED", 0)
    measure, trained, _ = scored(configured(rows, model))
    searched = measure(trained)
    assert list(searched) == list(measure.names)
    assert not [name for name in searched if "log_loss" in name]
    measure, *_ = scored(configured(rows, model, best="log_loss"))
    everything = measure(trained)
    assert everything["log_loss"] > 0
    assert everything["tone_macro_f1"] == searched["tone_macro_f1"]


def test_a_metric_of_labels_needs_labels_and_validation_rows(rows: Path, model: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    free = tmp_path / "free.jsonl"
    free.write_text("".join(json.dumps(line | {"target": f"a text {n}"}) + "\n" for n, line in enumerate(lines)))
    settings = configured(free, model, best="macro_f1")
    with raises(ConfigError, "no-labels", "`training.best` macro_f1", "Use `loss`"):
        train(settings, tmp_path / "run")
    split = ["law" if line["split"] == "train" else "art" for line in lines]
    unknown = tmp_path / "unknown.jsonl"
    unknown.write_text("".join(json.dumps(line | {"target": y}) + "\n" for line, y in zip(lines, split, strict=True)))
    with raises(ConfigError, "no-labels", "in training and validation rows"):
        train(configured(unknown, model, best="macro_f1"), tmp_path / "run")
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps(line) + "\n" for line in lines if line["split"] != "validation"))
    with raises(DataError, "missing-split", "`training.best` needs validation rows"):
        train(configured(bare, model, best="loss"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_open_ended_tasks_alone_have_the_loss(rows: Path, model: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    free = tmp_path / "free.jsonl"
    free.write_text("".join(json.dumps(line | {"target": f"a text {n}"}) + "\n" for n, line in enumerate(lines)))
    run = train(configured(free, model, best="loss", validate_every=None), tmp_path / "run")
    assert run.directory.read_config().training.validate_every == 40 // 8
    validations = [line for line in logged(run) if "eval_loss" in line]
    assert not [name for line in validations for name in line if "f1" in name]
    assert run.published is not None
    lowest = min(line["eval_loss"] for line in validations)
    assert run.published.value == lowest
    assert str(run.published).startswith(f"Published the model of step {run.published.step}: its validation loss, ")
