"""Where an evaluation is kept: beside the others, named by what was evaluated and applied."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from equipoise.config import DataConfig, EvaluationConfig
from equipoise.runs.directory import RunDirectory
from equipoise.runs.evaluate import _default_folder  # pyright: ignore[reportPrivateUsage]

OWN = EvaluationConfig()
CALIBRATION: Any = SimpleNamespace(tasks={"tone": None, "triage": None}, fingerprint="0123456789abcdef")


@pytest.mark.parametrize("evaluated", [False, True])
@pytest.mark.parametrize(
    ("data", "settings", "calibration", "name"),
    [
        (None, {}, None, "test"),
        (None, {"split": "validation"}, None, "validation"),
        (None, {"method": "constrained"}, None, "test-constrained"),
        (None, {"method": {"tone": "generate"}}, None, "test-by-task"),
        (None, {"rows": 2000}, None, "test-2000-rows"),
        (None, {}, CALIBRATION, "test-calibrated-01234567"),
        (None, {"method": "score"}, CALIBRATION, "test-score-calibrated-01234567"),
        (None, {"method": "constrained"}, CALIBRATION, "test-constrained"),
        (None, {"method": {"tone": "generate"}}, CALIBRATION, "test-by-task-calibrated-01234567"),
        ("data/other.csv.gz", {"split": "all"}, None, "other-all"),
        ("suite:multi-diagnosis", {}, CALIBRATION, "multi-diagnosis-test-calibrated-01234567"),
    ],
)
def test_the_first_own_evaluation_is_in_the_run_and_every_other_is_named(
    tmp_path: Path, evaluated: bool, data: str | None, settings: dict[str, Any], calibration: Any, name: str
) -> None:
    directory = RunDirectory(tmp_path)
    if evaluated:
        directory.evaluation.touch()
    other = None if data is None else DataConfig(source=data)
    folder = _default_folder(directory, other, OWN, replace(OWN, **settings), calibration)
    own = name == "test" and not evaluated
    assert folder == (tmp_path if own else tmp_path / "evaluations" / name)
