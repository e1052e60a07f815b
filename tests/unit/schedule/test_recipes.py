"""Every recipe against its paper's formula, written out; recipes from strings and mappings; a new one is one file."""

import importlib
import sys

import numpy as np
import pytest
from tests.support.errors import raises

import equipoise.schedule
from equipoise import Census, Schedule
from equipoise.errors import PlanError
from equipoise.schedule import Annealed, Cooldown, Deferred, Linear, Progressive, Recipe, Stages
from equipoise.weights import Interpolated

SIZES = {"a": {"x": 6000, "y": 400}, "b": {"x": 90, "y": 10}, "c": 1500}
CENSUS = Census.from_counts(SIZES)
N_TASK = np.array([6400, 100, 1500])
N_LABEL = np.array([6000, 400, 90, 10])


def shares(schedule):
    """Per stage the shares of tasks, and those of labels inside a and b."""
    for at, plan in schedule.stages:
        q = plan.probabilities
        yield at, [q[:2].sum(), q[2:4].sum(), q[4]], [*(q[:2] / q[:2].sum()), *(q[2:4] / q[2:4].sum())]


def build(recipe, draws=10_000, **options):
    return list(shares(Schedule.build(CENSUS, recipe, draws=draws, **options)))


def test_annealed_is_stickland_and_murray():
    epochs = 25
    found = build("annealed:0.2,stages=25", weights="natural")
    assert len(found) == epochs
    for e, (at, of_tasks, _) in enumerate(found, 1):
        alpha = 1 - 0.8 * (e - 1) / (epochs - 1)
        assert at == (e - 1) * 400
        np.testing.assert_allclose(of_tasks, N_TASK**alpha / (N_TASK**alpha).sum(), rtol=1e-12)


def test_cooldown_is_a_temperature_and_then_another():
    (first, high, _), (second, low, _) = build("cooldown", weights="natural")
    assert (first, second) == (0, 5000)
    np.testing.assert_allclose(high, N_TASK ** (1 / 5) / (N_TASK ** (1 / 5)).sum(), rtol=1e-12)
    np.testing.assert_allclose(low, N_TASK / N_TASK.sum(), rtol=1e-12)


def test_progressive_is_equation_2_of_kang():
    stages = 7
    for t, (_, of_tasks, of_labels) in enumerate(build("progressive:7", draws=7000)):
        balanced, instance = np.full(4, 1 / 2), N_LABEL / np.array([6400, 6400, 100, 100])
        expected = (1 - t / (stages - 1)) * instance + t / (stages - 1) * balanced
        np.testing.assert_allclose(of_labels, expected, rtol=1e-12)
        np.testing.assert_allclose(of_tasks, [1 / 3] * 3, rtol=1e-12)


def test_deferred_is_natural_and_then_balanced():
    (_, _, natural), (second, _, balanced) = build("deferred")
    assert second == 8000  # epoch 160 of 200
    np.testing.assert_allclose(natural, N_LABEL / np.array([6400, 6400, 100, 100]), rtol=1e-12)
    np.testing.assert_allclose(balanced, [0.5] * 4, rtol=1e-12)


def test_linear_changes_rates_weights_and_tables():
    recipe = Linear({"temperature": 4, "gamma": 0}, {"temperature": 1, "gamma": 1}, stages=4)
    for number, (at, of_tasks, of_labels) in enumerate(build(recipe, rates="temperature:9", weights="power")):
        t, gamma = 4 - number, number / 3
        assert at == number * 2500
        np.testing.assert_allclose(of_tasks, N_TASK ** (1 / t) / (N_TASK ** (1 / t)).sum(), rtol=1e-12)
        in_a = N_LABEL[:2] ** (1 - gamma)
        np.testing.assert_allclose(of_labels[:2], in_a / in_a.sum(), rtol=1e-12)
    table = Linear({"rates": {"a": 0.8, "b": 0.1, "c": 0.1}}, {"rates": {"a": 0.2, "b": 0.7, "c": 0.1}}, stages=3)
    fixed = {"name": "fixed", "rates": {"a": 0.5, "b": 0.25, "c": 0.25}}
    assert build(table, rates=fixed)[1][1] == pytest.approx([0.5, 0.4, 0.1])


def test_stages_one_by_one():
    listed = {"name": "stages", "stages": [{"at": 2000, "rates": "proportional"}, {"at": 0.5, "weights": "natural"}]}
    found = build(listed, weights="inverse")
    assert [at for at, _, _ in found] == [0, 2000, 5000]
    np.testing.assert_allclose(found[1][1], N_TASK / N_TASK.sum(), rtol=1e-12)
    np.testing.assert_allclose(found[2][1], [1 / 3] * 3, rtol=1e-12)
    np.testing.assert_allclose(found[2][2][0], 6000 / 6400, rtol=1e-12)


def test_stages_begin_at_global_batches():
    assert [at for at, _, _ in build("annealed:0.2,stages=3", draws=1000, global_batch=32)] == [0, 320, 672]
    with raises(PlanError, "too-few-draws", "two begin at draw 0 of 30 (in batches of 32)"):
        build("cooldown", draws=30, global_batch=32)


def test_a_scheme_may_take_what_it_needs_from_the_start():
    census = Census.from_counts({"large": 900, "small": 100})
    ends = {"start": {"temperature": 5.0}, "end": {"temperature": 1.0}}
    by_name = Schedule.linear(census, draws=300, rates="temperature", **ends, stages=3)
    assert by_name == Schedule.linear(census, draws=300, rates="temperature:2", **ends, stages=3)
    tables = {"start": {"rates": {"large": 0.5, "small": 0.5}}, "end": {"rates": {"large": 0.9, "small": 0.1}}}
    assert Schedule.linear(census, draws=300, rates="fixed", **tables, stages=2).stages[1].plan.probabilities[0] == 0.9


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("cooldown:5,last=2,at=0.25", Cooldown(5, 2, 0.25)),
        ("annealed", Annealed()),
        ("progressive:4", Progressive(4)),
        ("deferred:0.9", Deferred(0.9)),
        ({"name": "linear", "start": {"gamma": 0}, "end": {"gamma": 1}}, Linear({"gamma": 0}, {"gamma": 1})),
        ({"name": "stages", "stages": [{"at": 0.5, "rates": "equal"}]}, Stages([{"at": 0.5, "rates": "equal"}])),
    ],
)
def test_strings_and_mappings(text, recipe):
    assert Recipe.of(text) == recipe
    assert Recipe.of(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("cooldwn", "unknown-name"),
        ("cooldown:0", "out-of-range"),
        ("cooldown,at=1", "out-of-range"),
        ("annealed,stages=1", "out-of-range"),
        ("annealed,stages=2.5", "not-an-integer"),
        ({"name": "linear", "start": {}, "end": {}}, "not-a-mapping"),
        ({"name": "linear", "start": {"a": 1}, "end": {"b": 1}}, "other-options"),
        ({"name": "stages", "stages": []}, "not-stages"),
        ({"name": "stages", "stages": [{"at": 1.5}]}, "out-of-range"),
        ({"name": "stages", "stages": [{"at": 1, "rate": "equal"}]}, "unknown-option"),
    ],
)
def test_what_is_no_recipe(value, code):
    with pytest.raises(PlanError) as caught:
        Recipe.of(value)
    assert caught.value.code == code, caught.value


def test_an_option_that_no_scheme_has():
    with raises(PlanError, "unknown-option", "found 'gama'. Did you mean 'gamma'?"):
        build(Linear({"gama": 0}, {"gama": 1}), weights="power")


NEW = '''
"""Equal tasks from the middle on."""

from dataclasses import dataclass

from equipoise.schedule.recipe import Recipe, Step


@dataclass(frozen=True)
class Halfway(Recipe):
    """Equal tasks from a part on."""

    name = "halfway"
    at: float = 0.5

    def steps(self, rates, weights, /):
        return [Step(0, rates, weights), Step(self.at, "equal", weights)]
'''


def test_a_new_recipe_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text(NEW)
    monkeypatch.setattr(equipoise.schedule, "__path__", [*equipoise.schedule.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        assert [at for at, _, _ in build("halfway:0.25", rates="proportional")] == [0, 2500]
        assert "halfway[:AT]: Equal tasks from a part on." in Recipe.help().splitlines()
    finally:
        sys.modules.pop("equipoise.schedule.halfway", None)
        vars(equipoise.schedule).pop("halfway", None)


@pytest.mark.parametrize("balance", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("counts", [(900, 100), (7, 1, 3, 0), (5,)])
def test_interpolated_weights_have_interpolated_shares(balance, counts):
    n = np.array(counts)
    found = n * Interpolated(balance)(counts, [f"l{i}" for i in range(len(n))], "task")
    expected = (1 - balance) * n / n.sum() + balance * (n > 0) / (n > 0).sum()
    np.testing.assert_allclose(found / found.sum(), expected, rtol=1e-14)
