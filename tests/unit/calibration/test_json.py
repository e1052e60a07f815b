"""A calibration goes to JSON and back unchanged, and is refused where it does not belong."""

import json

import numpy as np
import pytest

from equipoise.calibration import Calibration, Provenance, TaskCalibration
from equipoise.errors import RunError
from equipoise.metrics import TaskPredictions

RUN = Provenance("a" * 64, "b" * 64)


def made() -> Calibration:
    random = np.random.default_rng(0)
    tasks = {
        "tone ü": TaskCalibration(("no", "yes"), random.dirichlet([1, 1]), random.dirichlet([1, 1]), 1.1, 0.35),
        "organ": TaskCalibration(
            ("x", "y", "z"), np.array([0.5, 0.5, 0.0]), np.array([1.0, 0.0, 0.0]), 0.123456789012345678, -0.1,
            random.random((3, 3)),
        ),
    }  # fmt: skip
    return Calibration(RUN, "natural", 812, tasks)


def test_there_and_back() -> None:
    one = made()
    again = Calibration.from_json(one.to_json())
    assert again == one
    assert again.fingerprint == one.fingerprint
    assert hash(again) == hash(one)
    assert again.to_json() == one.to_json()
    for name, task in one.tasks.items():
        np.testing.assert_array_equal(again.tasks[name].prior, task.prior)


@pytest.mark.parametrize("place", [("tasks", "organ", "tau"), ("tasks", "organ", "temperature"), ("rows",), ("prior",)])
def test_a_changed_value_is_found(place: tuple[str, ...]) -> None:
    values = json.loads(made().to_json())
    inner = values
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = 1
    with pytest.raises(RunError, match="was changed after it was written"):
        Calibration.from_json(json.dumps(values))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "must be JSON"),
        ("[]", "found list"),
        ("{}", r"found \(None, None\)"),
        ('{"format": "equipoise-calibration", "version": 2}', "'equipoise-calibration', 2"),
    ],
)
def test_other_texts_are_refused(text: str, named: str) -> None:
    with pytest.raises(RunError, match=named):
        Calibration.from_json(text)


def test_another_run_is_refused_by_name() -> None:
    made().check(RUN)
    with pytest.raises(RunError, match="fitted for another plan"):
        made().check(Provenance("c" * 64, RUN.model))
    with pytest.raises(RunError, match="fitted for other weights"):
        made().check(Provenance(RUN.plan, "c" * 64))


def test_it_corrects_what_has_probabilities_and_says_so() -> None:
    said = np.array([[0.4, 0.6]])
    parts = {
        "free": TaskPredictions("free", ["x"], ["y"]),
        "organ": TaskPredictions("organ", ["x"], ["y"], ("x", "y", "z")),
        "tone ü": TaskPredictions("tone ü", ["no"], ["yes"], ("no", "yes"), said),
    }
    found, done = made().apply(parts)
    assert done == ("tone ü",)
    assert found["free"] is parts["free"]
    assert found["organ"] is parts["organ"]
    expected = made().tasks["tone ü"].apply(parts["tone ü"])
    np.testing.assert_array_equal(found["tone ü"].probabilities, expected.probabilities)
    assert (found["tone ü"].probabilities != said).any()
