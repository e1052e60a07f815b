"""Classes found by name, in the files of a package and wherever they are defined."""

import importlib
import sys

import pytest
from tests.support.errors import raises

from equipoise.base.registry import make, registered, suggest
from equipoise.errors import ConfigError

BASE = """
class Shape:
    def __init__(self, canvas):
        self.canvas = canvas
"""
ROUND = """
from shapes_of_test.base import Shape

class Round(Shape):
    name = "round"
    def __init__(self, canvas, *, radius, seed=0):
        super().__init__(canvas)
        if radius < 0:
            raise ValueError("a radius is at least 0")
        self.radius, self.seed = radius, seed

class Unnamed(Round):
    pass
"""


@pytest.fixture
def shape(tmp_path, monkeypatch):
    folder = tmp_path / "shapes_of_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "base.py").write_text(BASE)
    (folder / "round.py").write_text(ROUND)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("shapes_of_test.base").Shape
    for name in [name for name in sys.modules if name.startswith("shapes_of_test")]:
        del sys.modules[name]


def test_a_new_file_is_all_that_a_new_class_needs(shape):
    assert list(registered(shape)) == ["round"]


def test_a_class_defined_elsewhere_is_known_too(shape):
    class Square(shape):
        name = "square"

    assert registered(shape)["square"] is Square


def test_made_from_a_mapping_with_arguments_before_the_options(shape):
    made = make(shape, {"name": "round", "radius": 2}, "shapes", ConfigError, "paper", defaults={"seed": 7, "other": 1})
    assert (made.canvas, made.radius, made.seed) == ("paper", 2, 7)
    assert make(shape, made, "shapes", ConfigError, "paper") is made


def test_a_class_with_open_options_takes_any(shape):
    class Other(shape):
        name = "other"

        def __init__(self, canvas, **options):
            self.options = options

    assert make(shape, {"name": "other", "sides": 5}, "shapes", ConfigError, "paper").options == {"sides": 5}


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ("ruond", "unknown-name", "Did you mean 'round'?"),
        (3, "unknown-name", "Known: round."),
        ({"radius": 2}, "unknown-name", "None"),
        ({"name": "round"}, "missing-option", "'radius'"),
        ({"name": "round", "radius": 1, "raduis": 2}, "unknown-option", "Did you mean 'radius'?"),
        ({"name": "round", "radius": 1, "canvas": 2}, "unknown-option", "'canvas'"),
        ({"name": "round", "radius": -1}, "bad-option", "a radius is at least 0"),
        ({"name": "round", "radius": "x"}, "bad-option", "round"),
    ],
)
def test_refusals(shape, value, code, said):
    with raises(ConfigError, code) as caught:
        make(shape, value, "shapes", ConfigError, "paper")
    assert said in str(caught.value)


def test_suggestions_are_near():
    assert suggest("Balancd", ["balanced", "natural"]) == " Did you mean 'balanced'?"
    assert suggest("x", ["balanced", "natural"]) == ""
    assert suggest(None, []) == ""
