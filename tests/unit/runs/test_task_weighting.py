"""The task weighting that a configuration names."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from tests.support.errors import raises, warns
from tests.unit.cli.rows import write_rows

from equipoise.config import config_to_dict, load_config, make_config, save_config
from equipoise.errors import ConfigError, EquipoiseWarning
from equipoise.runs.losses import task_weighting_of
from equipoise.runs.prepare import Prepared, prepare


def prepared(folder: Path, chosen: Any, draws: int = 160_000, **training: Any) -> Prepared:
    source = str(write_rows(folder / "rows.jsonl"))
    training = {"batch_size": 16, "task_weighting": chosen, "batches": "quota"} | training
    return prepare(make_config({"data": {"source": source}, "training": training, "plan": {"draws": draws}, "seed": 5}))


def test_a_name_and_a_mapping_make_the_weighting_of_the_runs_tasks(tmp_path: Path) -> None:
    run = prepared(tmp_path, "dwa")
    made = task_weighting_of(run)
    assert made.tasks == tuple(sorted(run.tasks))
    assert made.options == {"steps_per_epoch": -(-len(run.train) // 16), "temperature": 2.0}
    made = task_weighting_of(prepared(tmp_path, {"name": "dwa", "steps_per_epoch": 7, "temperature": 3}))
    assert made.options == {"steps_per_epoch": 7, "temperature": 3.0}
    assert task_weighting_of(prepared(tmp_path, "rlw")).options == {"seed": 5}


def test_the_epochs_of_a_proxy_are_as_much_shorter_as_the_proxy_is(tmp_path: Path) -> None:
    full = prepared(tmp_path, "dwa")
    proxy = prepare(make_config(config_to_dict(full.config) | {"plan": {"draws": 80_000, "proxy_of": 160_000}}))
    assert task_weighting_of(proxy).options["steps_per_epoch"] == -(-len(full.train) // 32)


def test_the_default_is_sum(tmp_path: Path) -> None:
    assert make_config({"data": {"source": "rows.jsonl"}}).training.task_weighting == "sum"
    assert task_weighting_of(prepared(tmp_path, "sum")).name == "sum"


def test_a_choice_is_saved_with_the_configuration(tmp_path: Path) -> None:
    chosen = {"name": "fixed", "weights": {"a": 0.25, "b": 0.75}}
    config = make_config({"data": {"source": "rows.jsonl"}, "training": {"task_weighting": chosen}})
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml").training.task_weighting == chosen


def test_a_choice_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with raises(ConfigError, "unknown-name"):
        task_weighting_of(prepared(tmp_path, "uncertanty"))
    with raises(ConfigError, "bad-value", "training.task_weighting"):
        prepared(tmp_path, ["sum"])


def test_a_run_too_short_for_dynamic_weights_is_warned_of(tmp_path: Path) -> None:
    epoch = len(prepared(tmp_path, "dwa").train)
    with warns(EquipoiseWarning, "run-too-short"):
        task_weighting_of(prepared(tmp_path, "dwa", draws=2 * epoch))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task_weighting_of(prepared(tmp_path, "dwa", draws=3 * epoch))


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({"batches": "mixed"}, "batches of similar length leave tasks"),
        ({"batches": "one_task"}, "batches of one task leave tasks"),
        ({"batches": "mixed", "window": 1}, None),
        ({"batches": "quota"}, None),
    ],
)
def test_batches_that_leave_tasks_out_are_warned_of(tmp_path: Path, training: dict[str, Any], reason: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task_weighting_of(prepared(tmp_path, "rlw", **training))
        task_weighting_of(prepared(tmp_path, "sum", **training))
    messages = [str(each.message) for each in caught if issubclass(each.category, EquipoiseWarning)]
    assert len(messages) == (reason is not None)
    assert all(reason in message for message in messages)
