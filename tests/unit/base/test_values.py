from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.base.values import boolean, integer
from equipoise.errors import ConfigError, PlanError


class Size(IntEnum):
    SMALL = 3


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.int32(3), Size.SMALL])
def test_integers_of_any_library_become_plain(value):
    assert type(integer("seed", value)) is int
    assert integer("seed", value) == 3


@pytest.mark.parametrize(
    "value",
    [3.0, 3.5, np.float64(3), "3", b"3", None, True, np.True_, [3], np.array([3]), Fraction(3), 3j, float("nan")],
)
def test_what_is_no_integer_is_refused(value):
    with raises(PlanError, "not-an-integer", "`draws` must be an integer, found"):
        integer("draws", value, PlanError)


@pytest.mark.parametrize("value", [True, np.True_])
def test_booleans_become_plain(value):
    assert boolean("replacement", value) is True


@pytest.mark.parametrize("value", [1, 0, 1.0, "True", None, [], np.array([True])])
def test_what_is_no_boolean_is_refused(value):
    with raises(ConfigError, "not-a-bool", "`replacement` must be True or False, found"):
        boolean("replacement", value)
