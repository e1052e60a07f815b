"""What is asked of a calibration, and the files that it reads: what cannot be used is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.errors import raises
from typer.testing import CliRunner

from equipoise.cli import app
from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.runs.calibration.calibrate import CalibrationOptions
from equipoise.runs.calibration.inputs import read_costs, read_priors

TASKS = {
    "triage": Task("triage", "classification", ("routine", "urgent")),
    "tone": Task("tone", "classification", ("bad", "good")),
    "echo": Task("echo", "open_ended"),
}


@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        ({"metric": "accuracy"}, "unknown-metric", "`--metric` must be one of macro_f1"),
        ({"prior": "even"}, "unknown-prior", "`--prior` must be natural, em, or a .json file"),
        ({"prior": "em"}, "missing-option", "need each other"),
        ({"unlabelled": Path("x.csv")}, "missing-option", "need each other"),
    ],
)
def test_options_that_contradict_each_other_are_named(given: dict[str, Any], code: str, named: str) -> None:
    with raises(ConfigError, code) as caught:
        CalibrationOptions(**given)
    assert named in str(caught.value)


def test_the_metric_of_a_task_follows_from_its_costs() -> None:
    assert (
        CalibrationOptions().metric_of("triage", {"triage"}),
        CalibrationOptions().metric_of("tone", {"triage"}),
    ) == (
        "expected_cost",
        "macro_f1",
    )
    assert CalibrationOptions(metric="none").metric_of("triage", {"triage"}) is None
    assert CalibrationOptions(metric="balanced_accuracy").metric_of("triage", {"triage"}) == "balanced_accuracy"
    with raises(ConfigError, "missing-costs"):
        CalibrationOptions(metric="expected_cost").metric_of("tone", {"triage"})


def test_columns_are_of_unlabelled_rows() -> None:
    result = CliRunner().invoke(app, ["calibrate", "run", "--set", "data.columns.input=x"])
    assert result.exit_code == 1
    assert "describe the rows of --unlabelled" in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("{", "not-json", "must be JSON"),
        ("[]", "not-a-mapping", "must map tasks to labels"),
        ('{"weather": {"rain": 1}}', "unknown-task", "names the task 'weather'"),
        ('{"echo": {"rain": 1}}', "unknown-task", "names the task 'echo'"),
        ('{"triage": {"urgent": 1}}', "other-labels", "the labels ['routine', 'urgent'], found ['urgent']"),
        ('{"triage": {"urgent": 0.5, "routine": 0.6}}', "not-shares", "found the sum 1.1"),
        ('{"triage": {"urgent": -0.5, "routine": 1.5}}', "not-shares", "found -0.5"),
        ('{"triage": {"urgent": "half", "routine": 0.5}}', "not-shares", "found 'half'"),
        ('{"triage": {"urgent": NaN, "routine": 0.5}}', "not-json", "NaN is not a number"),
    ],
)
def test_priors_that_cannot_be_used_are_named(tmp_path: Path, text: str, code: str, named: str) -> None:
    (tmp_path / "prior.json").write_text(text)
    with raises(ConfigError, code) as caught:
        read_priors(tmp_path / "prior.json", TASKS)
    assert named in str(caught.value)


def test_priors_are_in_the_order_of_the_labels_and_sum_to_one(tmp_path: Path) -> None:
    (tmp_path / "prior.json").write_text('{"triage": {"urgent": 0.3333, "routine": 0.6666}}')
    found = read_priors(tmp_path / "prior.json", TASKS)
    assert list(found) == ["triage"]
    np.testing.assert_allclose(found["triage"], [2 / 3, 1 / 3])
    assert found["triage"].sum() == 1


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("triage: 3", "not-a-mapping", "must map tasks to labels"),
        ("triage: {urgent: 3}", "not-a-mapping", "a mapping of costs"),
        ("weather: {rain: {sun: 1}}", "unknown-task", "names the task 'weather'"),
        ("triage: {urgent: {routine: 1}}", "missing-cost", "must have the cost of 'urgent' where 'routine' is true"),
    ],
)
def test_costs_that_cannot_be_used_are_named(tmp_path: Path, text: str, code: str, named: str) -> None:
    (tmp_path / "costs.yaml").write_text(text)
    with raises(ConfigError, code) as caught:
        read_costs(tmp_path / "costs.yaml", TASKS)
    assert named in str(caught.value)


@pytest.mark.parametrize("read", [read_priors, read_costs])
def test_absent_files_are_named(tmp_path: Path, read: Any) -> None:
    with raises(ConfigError, "cannot-read", "Cannot read"):
        read(tmp_path / "absent", TASKS)
