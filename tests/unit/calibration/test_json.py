"""A calibration goes to JSON and back unchanged, and is refused where it does not belong."""

import hashlib
import json

import numpy as np
import pytest
from tests.support.errors import raises

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
    with raises(RunError, "wrong-fingerprint"):
        Calibration.from_json(json.dumps(values))


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("{", "not-json", "must be JSON"),
        ("[]", "wrong-format", "found list"),
        ("{}", "wrong-format", "found (None, None)"),
        ('{"format": "equipoise-calibration", "version": 1}', "wrong-format", "'equipoise-calibration', 1"),
    ],
)
def test_other_texts_are_refused(text: str, code: str, named: str) -> None:
    with raises(RunError, code) as caught:
        Calibration.from_json(text)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rows": "many"}, "`rows` must be an integer, found 'many'"),
        ({"belongs": {"plan": "a", "model": 3}}, "`belongs.model` must be a string"),
        ({"tasks": {"tone": {"labels": ["a"], "prior": [1.0]}}}, "`tasks.tone.trained_prior` is missing"),
        ({"more": 1}, "unknown key `more`"),
    ],
)
def test_content_that_another_program_wrote_is_checked(change: dict[str, object], named: str) -> None:
    values = json.loads(made().to_json()) | change
    del values["fingerprint"]
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    values["fingerprint"] = hashlib.sha256(canonical.encode()).hexdigest()
    with raises(RunError, "damaged-calibration") as caught:
        Calibration.from_json(json.dumps(values))
    assert named in str(caught.value)


def test_another_run_is_refused_by_name() -> None:
    made().check(RUN)
    with raises(RunError, "other-plan"):
        made().check(Provenance("c" * 64, RUN.model))
    with raises(RunError, "other-model"):
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
