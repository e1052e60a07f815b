import json
from dataclasses import dataclass

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.errors import PlanError
from equipoise.rates import Equal, Fixed, Proportional, Rates, Temperature, UniMax


@pytest.mark.parametrize(
    ("make", "code", "names"),
    [
        (lambda: Temperature(0), "out-of-range", ["`temperature`", "found 0"]),
        (lambda: Temperature(-1), "out-of-range", ["found -1"]),
        (lambda: Temperature(float("nan")), "not-a-number", ["found nan"]),
        (lambda: Temperature(2, maximum=0), "out-of-range", ["`maximum`", "found 0"]),
        (lambda: Temperature(2, scale=-1), "out-of-range", ["`scale`", "found -1"]),
        (lambda: Proportional(maximum=-5), "out-of-range", ["`maximum`", "found -5"]),
        (lambda: Proportional(scale=0), "out-of-range", ["`scale`", "found 0"]),
        (lambda: UniMax(0), "out-of-range", ["`max_passes`", "found 0"]),
        (lambda: Fixed({}), "not-a-mapping", ["`rates`", "found {}"]),
        (lambda: Fixed({1: 1}), "not-a-string", ["`rates`", "found 1. Quote it"]),
        (lambda: Fixed({"a": 0.5}), "wrong-sum", ["`rates`", "found 0.5"]),
        (lambda: Fixed({"a": 1.5, "b": -0.5}), "out-of-range", ["`rates['b']`", "found -0.5"]),
    ],
)
def test_options_that_cannot_be(make, code, names):
    with raises(PlanError, code, *names):
        make()


@pytest.mark.parametrize(
    ("scheme", "counts", "draws", "code", "names"),
    [
        (Fixed({"a": 0.5, "z": 0.5}), [1, 1], None, "unknown-task", ["Fixed names tasks ['z'], expected ['a', 'b']"]),
        (Fixed({"a": 1}), [1, 1], None, "missing-task", ["no rate for task 'b'"]),
        (Fixed({"a": 0.9, "b": 0.1}), [1, 0], None, "no-examples", ["0.1", "task 'b'"]),
        (UniMax(1), [5, 5], None, "missing-draws", ["`draws`", "found None"]),
        (
            UniMax(2),
            [5, 5],
            21,
            "too-many-draws",
            ["20 draws", "2 passes over 10", "found 21", "at least 2.1"],
        ),
        (Equal(), [0, 0], None, "bad-counts", ["found [0, 0]"]),
        (Equal(), [1, -1], None, "bad-counts", ["found [1, -1]"]),
        (Equal(), [1], None, "bad-counts", ["each of 2 tasks"]),
    ],
)
def test_schemes_that_do_not_fit_the_tasks(scheme, counts, draws, code, names):
    with raises(PlanError, code, *names):
        scheme(counts, ("a", "b"), draws)


@pytest.mark.parametrize("bad", [float("nan"), -1.0, 0.0])
def test_your_own_scheme_is_checked(bad):
    @dataclass(frozen=True)
    class Own(Rates):
        def formula(self, n, _tasks, _draws, /):
            return np.full_like(n, bad)

    with raises(PlanError, "bad-rates", "rates must be finite, at least 0 and not all 0, found"):
        Own()([1, 2], ("a", "b"))


@pytest.mark.parametrize(
    "scheme",
    [Equal(), Proportional(), Proportional(100, 0.5), Temperature(2), UniMax(4), Fixed({"a": 0.5, "b": 0.5})],
    ids=str,
)
def test_json_round_trip(scheme):
    assert Rates.of(json.loads(json.dumps(scheme.to_dict()))) == scheme


@pytest.mark.parametrize(
    ("values", "code", "names"),
    [
        ({"name": "power"}, "unknown-name", ["unknown mixing rates 'power'"]),
        ({"name": "temperature"}, "missing-option", ["'temperature'"]),
        ({"name": "equal", "maximum": 2}, "unknown-option", ["found 'maximum'"]),
    ],
)
def test_broken_json(values, code, names):
    with raises(PlanError, code, *names):
        Rates.of(values)
