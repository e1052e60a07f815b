import json

import pytest

from equipoise.errors import PlanError
from equipoise.weights import (
    Balanced,
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
    weights_from_dict,
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
    Table({"scheme": {"scheme": 1.0, "b": 2.0}}),
    Shares({"t": {"a": 0.25, "b": 0.75}}),
    CostMatrix({"t": {"a": {"b": 1.0}, "b": {"a": 2.0}}}),
    Clipped(Table({"t": {"a": 1.0}}), 10.0),
    InverseFrequency().clipped(max_ratio=100).clipped(max_ratio=10),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_json_round_trip(scheme):
    assert weights_from_dict(json.loads(json.dumps(scheme.to_dict()))) == scheme


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
    ("values", "message"),
    [
        ({}, "`scheme` of the class weights must be one of Natural, .* found None"),
        ({"scheme": "Sqrt"}, "found 'Sqrt'"),
        ({"scheme": ["Power"]}, "found \\['Power'\\]"),
        ({"scheme": "Power", "gama": 1}, "Power takes gamma, found gama"),
        ({"scheme": "Natural", "x": 1}, "Natural takes no options, found x"),
        ({"scheme": "Table"}, "Table needs weights, found no options"),
        ({"scheme": "Power", "gamma": -1}, "`gamma` .* found -1"),
        ({"scheme": "Clipped", "inner": {"scheme": "Nope"}, "max_ratio": 2}, "found 'Nope'"),
        ({"scheme": "Clipped", "inner": 3, "max_ratio": 2}, "`inner` must be class weights, found 3"),
    ],
)
def test_broken_json(values, message):
    with pytest.raises(PlanError, match=message):
        weights_from_dict(values)


def test_tables_are_copied():
    source = {"t": {"a": 1.0}}
    scheme = Table(source)
    source["t"]["a"] = 9.0
    assert scheme.weights == {"t": {"a": 1.0}}
