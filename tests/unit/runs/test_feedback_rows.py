"""Half of the validation rows are for feedback alone: no group is divided, and nothing else sees them."""

from pathlib import Path

import pytest
from tests.support.errors import raises
from tests.unit.cli.rows import write_rows

from equipoise.cli._train import _print_tasks
from equipoise.config import make_config
from equipoise.data import Records, TaskOptions, infer_tasks
from equipoise.errors import ConfigError, DataError
from equipoise.runs.calibration.inputs import validation_records
from equipoise.runs.directory import RunDirectory
from equipoise.runs.prepare import Prepared, prepare, prepare_again
from equipoise.runs.rows import set_apart

TASKS = {"a": {"kind": "classification"}}
KIND = {"a": TaskOptions(kind="classification")}


def prepared(folder: Path, feedback: object = "art") -> Prepared:
    source = write_rows(folder / "rows.jsonl")
    return prepare(make_config({"data": {"source": str(source)}, "plan": {"feedback": feedback}}))


def ids(records: Records) -> set[str]:
    return set(records.column("input").to_pylist())


def test_feedback_has_half_of_the_groups_and_the_validation_the_others(tmp_path: Path) -> None:
    plain, apart = prepared(tmp_path, None), prepared(tmp_path)
    assert apart.feedback is not None
    assert plain.feedback is None
    before, after = (each.records.where(split="validation") for each in (plain, apart))
    assert len(before) == 24
    assert len(after) == len(apart.feedback) == 12
    assert ids(after) | ids(apart.feedback) == ids(before)
    groups = [set(each.column("group").to_pylist()) for each in (after, apart.feedback)]
    assert groups[0].isdisjoint(groups[1])
    assert ids(apart.train) == ids(plain.train)
    assert apart.data["rows"] == {"train": 72, "validation": 12, "test": 24, "feedback": 12}
    assert ids(prepare_again(apart.config, apart).records) == ids(apart.records)
    assert ids(plain.with_feedback().records) == ids(apart.records), "those of a comparison"


def test_a_label_of_a_single_group_stays_in_the_validation() -> None:
    rows = {"task": ["a"] * 5, "input": list("01234"), "target": ["rare", "no", "no", "rare", "no"]}
    records = Records.from_dict(rows | {"split": ["train"] * 2 + ["validation"] * 3})
    rest, feedback = set_apart(records, infer_tasks(records, KIND), seed=0)
    assert feedback.column("target").to_pylist() == ["no"]
    assert sorted(rest.where(split="validation").column("target").to_pylist()) == ["no", "rare"]


@pytest.mark.parametrize("validation", [0, 1])
def test_too_few_validation_rows_are_refused(validation: int) -> None:
    rows = {"task": ["a"] * 4, "input": list("0123"), "target": ["yes", "no", "yes", "no"]}
    splits = ["train"] * (4 - validation) + ["validation"] * validation
    records = Records.from_dict(rows | {"split": splits})
    with raises(DataError, "no-feedback-rows", "plan.feedback"):
        prepare(make_config({"data": {"source": "unread.jsonl"}, "plan": {"feedback": "art"}, "tasks": TASKS}), records)


def test_a_calibration_is_fitted_on_the_others(tmp_path: Path) -> None:
    apart = prepared(tmp_path)
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    directory.write_inputs(apart.config, apart.plan, apart.tasks, apart.data)
    found = validation_records(directory, apart.config, apart.tasks, None)
    assert ids(found) == ids(apart.records.where(split="validation"))


def test_eight_decisions_by_default_and_a_schedule_beside_them_is_refused(tmp_path: Path) -> None:
    assert prepared(tmp_path).config.plan.feedback_every == 1
    source = {"data": {"source": str(tmp_path / "rows.jsonl")}}
    long = make_config(source | {"plan": {"feedback": "odm", "draws": 5760}})
    assert prepare(long).config.plan.feedback_every == 20
    with raises(ConfigError, "schedule-and-feedback"):
        make_config(source | {"plan": {"feedback": "odm", "schedule": "cooldown"}})
    with raises(ConfigError, "every-without-feedback"):
        make_config(source | {"plan": {"feedback_every": 20}})
    with raises(ConfigError, "unknown-name", "plan.feedback", "Did you mean 'art'?"):
        make_config(source | {"plan": {"feedback": "ary"}})


def test_train_says_which_rows_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _print_tasks(prepared(tmp_path, "art:0.5"))
    assert "ART(c=0.5) changes the plan every step, by 12 of 24 validation rows." in capsys.readouterr().err
    _print_tasks(prepared(tmp_path, None))
    assert "changes the plan" not in capsys.readouterr().err
