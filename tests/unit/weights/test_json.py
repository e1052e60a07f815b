import json

import pytest
from tests.support.errors import raises

from equipoise.errors import PlanError
from equipoise.weights import (
    Balanced,
    ClassWeights,
    Clipped,
    CostMatrix,
    EffectiveNumber,
    InverseFrequency,
    Log,
    MedianFrequency,
    Natural,
    Power,
    Shares,
    Table,
)

SCHEMES = [
    Natural(),
    InverseFrequency(),
    Balanced(),
    Power(gamma=0.25),
    EffectiveNumber(beta=0.999),
    EffectiveNumber(alpha=0.01),
    MedianFrequency(),
    Log(kappa=1.1),
    Table({"name": {"name": 1.0, "b": 2.0}}),
    Shares({"t": {"a": 0.25, "b": 0.75}}),
    CostMatrix({"t": {"a": {"b": 1.0}, "b": {"a": 2.0}}}),
    Clipped(Table({"t": {"a": 1.0}}), 10.0),
    InverseFrequency().clipped(max_ratio=100).clipped(max_ratio=10),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_json_round_trip(scheme):
    assert ClassWeights.of(json.loads(json.dumps(scheme.to_dict()))) == scheme


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        (Power(0.5), "Power(gamma=0.5)"),
        (EffectiveNumber(beta=0.9), "EffectiveNumber(beta=0.9)"),
        (Natural(), "Natural()"),
        (Balanced().clipped(max_ratio=50), "Balanced().clipped(max_ratio=50)"),
    ],
)
def test_text(scheme, text):
    assert str(scheme) == text


@pytest.mark.parametrize(
    ("values", "code", "names"),
    [
        ({}, "not-a-scheme", ["key `name`, found"]),
        ({"name": "Sqrt"}, "unknown-name", ["'Sqrt'"]),
        ({"name": ["power"]}, "unknown-name", ["['power']"]),
        ({"name": "power", "gama": 1}, "unknown-option", ["found 'gama'"]),
        ({"name": "natural", "x": 1}, "unknown-option", ["found 'x'"]),
        ({"name": "table"}, "missing-option", ["'weights'"]),
        ({"name": "power", "gamma": -1}, "out-of-range", ["`gamma`", "found -1"]),
        ({"name": "clipped", "inner": {"name": "nope"}, "max_ratio": 2}, "unknown-name", ["'nope'"]),
        ({"name": "clipped", "inner": 3, "max_ratio": 2}, "not-class-weights", ["`inner`", "found 3"]),
    ],
)
def test_broken_json(values, code, names):
    with raises(PlanError, code, *names):
        ClassWeights.of(values)


def test_tables_are_copied():
    source = {"t": {"a": 1.0}}
    scheme = Table(source)
    source["t"]["a"] = 9.0
    assert scheme.weights == {"t": {"a": 1.0}}
