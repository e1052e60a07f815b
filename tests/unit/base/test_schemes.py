"""Schemes are found by name, read from strings and mappings, and a new one is one file."""

import gc
import importlib
import json
import sys

import pytest
from tests.support.errors import raises

import equipoise.rates
from equipoise import Census, Plan
from equipoise.config import make_config, parse_rates, parse_weights
from equipoise.errors import PlanError
from equipoise.rates import Fixed, Rates, Temperature
from equipoise.weights import ClassWeights, Clipped, EffectiveNumber, Power, RepeatFactor

HALVED = '''
"""r_m = e_m / 2^k."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from equipoise.rates.base import FloatArray, Rates


@dataclass(frozen=True)
class Halved(Rates):
    """r_m = e_m / 2^k: every further task is halved once more.

    Parameters
    ----------
    first : float
        Half of what the first task gets.
    """

    name = "halved"
    aliases: ClassVar = {"steep": "halved:9"}

    first: float = 1.0

    def formula(self, n: FloatArray, tasks: Sequence[str], draws: int | None, /) -> FloatArray:
        return n * [self.first, *(0.5**k for k in range(1, len(tasks)))]
'''


@pytest.fixture
def halved(tmp_path):
    (tmp_path / "halved.py").write_text(HALVED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equipoise.rates, "__path__", [*equipoise.rates.__path__, str(tmp_path)])
        importlib.invalidate_caches()
        yield
    sys.modules.pop("equipoise.rates.halved", None)
    vars(equipoise.rates).pop("halved", None)
    gc.collect()
    assert "halved" not in Rates.help()


@pytest.mark.usefixtures("halved")
def test_a_new_scheme_is_one_file():
    scheme = Rates.of("halved:3")
    assert type(scheme).__name__ == "Halved"
    assert parse_rates("halved,first=3") == scheme
    assert Rates.of("steep") == Rates.of({"name": "halved", "first": 9})
    assert scheme.to_dict() == {"name": "halved", "first": 3}
    assert Rates.of(json.loads(json.dumps(scheme.to_dict()))) == scheme
    assert equipoise.rates.Halved is type(scheme)
    assert "halved[:FIRST]: r_m = e_m / 2^k: every further task is halved once more." in Rates.help().splitlines()
    assert "steep: halved:9" in Rates.help().splitlines()
    config = make_config({"data": {"source": "x"}}, overrides=["plan.rates=halved:3"])
    assert config.plan.rates == scheme
    plan = Plan.build(Census.from_counts({"a": 10, "b": 20}), "halved:3", weights="natural")
    assert plan.probabilities.tolist() == [0.75, 0.25]
    with raises(PlanError, "unknown-name", "Did you mean 'halved'?"):
        Rates.of("halve")
    with raises(PlanError, "unknown-option", "found 'frist'. Did you mean 'first'?"):
        Rates.of("halved,frist=1")


def test_the_statically_named_schemes_are_those_of_the_files():
    for package, base in ((equipoise.rates, Rates), (importlib.import_module("equipoise.weights"), ClassWeights)):
        forms = {line.partition(":")[0].partition("[")[0] for line in base.help().splitlines()}
        named = [vars(package)[name] for name in package.__all__]
        assert {kind.name for kind in named if "name" in vars(kind)} - {"clipped"} <= forms


def test_names_that_no_scheme_has():
    with pytest.raises(AttributeError, match="'Halves'"):
        equipoise.rates.Halves  # noqa: B018
    with pytest.raises(ImportError):
        from equipoise.weights import Sqrt  # noqa: F401


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("power:0.25", Power(0.25)),
        ("power", Power()),
        ("sqrt", Power(0.5)),
        ("sqrt , max_ratio = 9", Power(0.5).clipped(max_ratio=9)),
        ("effective,alpha=1e-2", EffectiveNumber(alpha=0.01)),
        ("repeat_factor:.25,aggregate=mean", RepeatFactor(0.25, aggregate="mean")),
        ({"name": "sqrt", "max_ratio": 9}, Power(0.5).clipped(max_ratio=9)),
        ({"name": "clipped", "inner": "power:1", "max_ratio": 9}, Power(1).clipped(max_ratio=9)),
        (Clipped(Power(), 2), Power().clipped(max_ratio=2)),
    ],
)
def test_strings_and_mappings(text, scheme):
    assert ClassWeights.of(text) == scheme
    assert parse_weights(text) == scheme


def test_integers_stay_integers():
    assert str(Rates.of("temperature:2,maximum=65536")) == "Temperature(temperature=2, maximum=65536, scale=1.0)"
    assert Rates.of("temperature:2.0") == Temperature(2)


@pytest.mark.parametrize(
    ("value", "code", "names"),
    [
        ("sqrt:3", "unknown-option", ["'sqrt' takes no value", "'3'"]),
        ("natural:3", "unknown-option", ["'natural' takes no value"]),
        ("power:often", "not-a-number", ["'power'", "'often'"]),
        ("power:" + "9" * 400, "not-a-number", ["found inf"]),
        ("power,max_ratio=x", "not-a-number", ["'max_ratio'", "'x'"]),
        ("power,gamma", "not-an-option", ["`name=value`", "'gamma'"]),
        ("power:0,5", "not-an-option", ["`name=value`", "'5'"]),
        ("effective:0,99", "not-an-option", ["`name=value`", "'99'"]),
        ("repeat_factor", "missing-option", ["'threshold'"]),
        ("repeat_factor:0.1,aggregate=sum", "unknown-choice", ["`aggregate`", "'sum'"]),
        ("shares:shares.yaml", "not-a-mapping", ["'shares'", "'shares.yaml'"]),
        ({"name": 3}, "unknown-name", ["3"]),
        ({"gamma": 3}, "not-a-scheme", ["key `name`", "['gamma']"]),
        (None, "not-a-scheme", ["None"]),
        (Temperature(2), "not-a-scheme", ["class weights"]),
    ],
)
def test_what_is_no_scheme(value, code, names):
    with raises(PlanError, code, *names):
        ClassWeights.of(value)


def test_numbers_by_name_are_given_as_pairs() -> None:
    assert Rates.of("fixed:organ=0.25,the rest=0.75") == Fixed({"organ": 0.25, "the rest": 0.75})
    with raises(PlanError, "duplicate-key", "'fixed' is given a name twice"):
        Rates.of("fixed:organ=0.25,organ=0.75")
    with raises(PlanError, "not-a-mapping", "found 'organ=most'"):
        Rates.of("fixed:organ=most")
    assert Rates.of("fixed:a=b.yaml", lambda path: {path: 1.0}) == Fixed({"a=b.yaml": 1.0})


def test_a_mapping_without_a_name_says_how_numbers_are_given() -> None:
    with raises(PlanError, "not-a-scheme", "Numbers of your own: {name: fixed, rates: {organ: ...}}."):
        Rates.of({"organ": 0.1, "skin": 0.9})
