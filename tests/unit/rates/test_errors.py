import json
from dataclasses import dataclass

import numpy as np
import pytest

from equipoise.errors import PlanError
from equipoise.rates import Equal, Fixed, Proportional, Rates, Temperature, UniMax, rates_from_dict


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Temperature(0), "`temperature` must be a finite number above 0, found 0"),
        (lambda: Temperature(-1), "found -1"),
        (lambda: Temperature(float("nan")), "found nan"),
        (lambda: Temperature(2, maximum=0), "`maximum` .* above 0, found 0"),
        (lambda: Temperature(2, scale=-1), "`scale` .* above 0, found -1"),
        (lambda: Proportional(maximum=-5), "`maximum` .* found -5"),
        (lambda: Proportional(scale=0), "`scale` .* found 0"),
        (lambda: UniMax(0), "`max_passes` .* above 0, found 0"),
        (lambda: Fixed({}), "`rates` must map tasks to rates, found {}"),
        (lambda: Fixed({1: 1}), "`rates` must have texts as keys, found 1. Quote it"),
        (lambda: Fixed({"a": 0.5}), "`rates` must sum to 1, found 0.5"),
        (lambda: Fixed({"a": 1.5, "b": -0.5}), "`rates\\['b'\\]` .* found -0.5"),
    ],
)
def test_options_that_cannot_be(make, message):
    with pytest.raises(PlanError, match=message):
        make()


@pytest.mark.parametrize(
    ("scheme", "counts", "draws", "message"),
    [
        (Fixed({"a": 0.5, "z": 0.5}), [1, 1], None, "Fixed names tasks \\['z'\\], expected \\['a', 'b'\\]"),
        (Fixed({"a": 1}), [1, 1], None, "no rate for task 'b'"),
        (Fixed({"a": 0.9, "b": 0.1}), [1, 0], None, "0.1 to task 'b', which has no examples"),
        (UniMax(1), [5, 5], None, "UniMax needs `draws`, found None"),
        (UniMax(2), [5, 5], 21, "can place 20 draws \\(2 passes over 10 examples\\), found 21.* at least 2.1"),
        (Equal(), [0, 0], None, "not all 0, found \\[0, 0\\]"),
        (Equal(), [1, -1], None, "found \\[1, -1\\]"),
        (Equal(), [1], None, "each of 2 tasks"),
    ],
)
def test_schemes_that_do_not_fit_the_tasks(scheme, counts, draws, message):
    with pytest.raises(PlanError, match=message):
        scheme(counts, ("a", "b"), draws)


@pytest.mark.parametrize("bad", [float("nan"), -1.0, 0.0])
def test_a_scheme_of_ones_own_is_checked(bad):
    @dataclass(frozen=True)
    class Own(Rates):
        def formula(self, n, _tasks, _draws, /):
            return np.full_like(n, bad)

    with pytest.raises(PlanError, match=r"rates must be finite, at least 0 and not all 0, found .* from Own\(\)"):
        Own()([1, 2], ("a", "b"))


@pytest.mark.parametrize(
    "scheme",
    [Equal(), Proportional(), Proportional(100, 0.5), Temperature(2), UniMax(4), Fixed({"a": 0.5, "b": 0.5})],
    ids=str,
)
def test_json_round_trip(scheme):
    assert rates_from_dict(json.loads(json.dumps(scheme.to_dict()))) == scheme


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scheme": "Power"}, "`scheme` of the mixing rates must be one of Proportional, .* found 'Power'"),
        ({"scheme": "Temperature"}, "Temperature needs temperature"),
        ({"scheme": "Equal", "maximum": 2}, "Equal takes no options, found maximum"),
    ],
)
def test_broken_json(values, message):
    with pytest.raises(PlanError, match=message):
        rates_from_dict(values)
