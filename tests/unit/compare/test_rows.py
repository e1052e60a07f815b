"""A run is known again by everything that defines it, and by nothing else."""

from dataclasses import replace

import pytest

from equipoise import Census, Plan
from equipoise.compare import rows as identity
from equipoise.compare.result import Stage
from equipoise.compare.rows import origin_of, proxy_notes, sample_notes
from equipoise.config import make_config

CONFIG = make_config({"data": {"source": "rows.jsonl"}})


def fingerprint_of_run(config, data):
    return identity.fingerprint_of_run(config, origin_of(config.model.name, data))


def test_is_the_same_wherever_the_run_lies_and_however_it_is_resampled():
    moved = replace(CONFIG, out="elsewhere", evaluation=replace(CONFIG.evaluation, bootstrap=7))
    assert fingerprint_of_run(moved, "data") == fingerprint_of_run(CONFIG, "data")


@pytest.mark.parametrize(
    "override",
    ["seed=1", "plan.weights=balanced", "plan.draws=10", "training.loss=focal", "training.learning_rate=0.5",
     "model.name=t5-small", "trainer.use_cpu=true", "evaluation.method=generate"],
)  # fmt: skip
def test_differs_with_any_setting(override):
    changed = make_config({"data": {"source": "rows.jsonl"}}, overrides=[override])
    assert fingerprint_of_run(changed, "data") != fingerprint_of_run(CONFIG, "data")


def test_differs_with_the_data():
    assert fingerprint_of_run(CONFIG, "one") != fingerprint_of_run(CONFIG, "other")


def test_differs_with_the_versions_but_not_the_platform(monkeypatch):
    versions = {"torch": "1", "platform": "here"}
    monkeypatch.setattr(identity, "installed_versions", lambda: dict(versions))
    first = fingerprint_of_run(CONFIG, "data")
    versions["platform"] = "there"
    assert fingerprint_of_run(CONFIG, "data") == first
    versions["torch"] = "2"
    assert fingerprint_of_run(CONFIG, "data") != first


def test_differs_with_the_weights_that_a_local_model_starts_from(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"one")
    local = replace(CONFIG, model=replace(CONFIG.model, name=str(tmp_path)))
    first = fingerprint_of_run(local, "data")
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert fingerprint_of_run(local, "data") != first


def test_labels_with_too_few_rows_for_a_proxy_are_named():
    census = Census.from_counts({"a": {"x": 900, "y": 63, "z": 64}, "b": {str(label): 9 for label in range(5)}})
    stages = [Stage(draws, (0,), {}, ()) for draws in (100, 800, 900)]
    (note,) = proxy_notes(stages, Plan.build(census))
    assert note.startswith("runs of 100 draws saw a training row as often as those of 900 do")
    assert note.endswith(
        "except of 6 of 8 labels, which have so few rows that 8 of them or all were kept: a: y, b: 0, b: 1, b: 2, b: 3"
        " and 1 more"
    )
    assert proxy_notes(stages[-1:], Plan.build(census)) == []


def test_notes_of_stages_with_the_same_draws_are_said_once():
    stages = [Stage(320, (0,), {}, (), 60), Stage(320, (0,), {}, (), 60), Stage(960, (0,), {}, ())]
    assert len(sample_notes(stages, {"validation": 200, "test": 400}, None)) == 1
    assert len(proxy_notes(stages, Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 12}})))) == 1
