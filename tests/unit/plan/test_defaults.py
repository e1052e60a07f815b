"""What a plan is where nothing is said, and the names of schemes: those of the command."""

import pytest
from tests.support.errors import raises

from equipoise import Census, LabelSets, MultiLabelPlan, Plan, rates, weights
from equipoise.config import PlanConfig, parse_rates, parse_weights
from equipoise.errors import PlanError

CENSUS = Census.from_counts({"t": {"a": 900, "b": 100}, "u": 50})


def test_the_default_is_that_of_the_command():
    plan, config = Plan.build(CENSUS), PlanConfig()
    assert plan == Plan.build(CENSUS, config.rates, config.weights)
    assert plan == Plan.build(CENSUS, rates.Equal(), weights.Power(0.5))
    assert plan.probabilities.tolist() == pytest.approx([0.375, 0.125, 0.5])


def test_so_is_that_of_several_labels():
    sets = LabelSets.from_lists([["x"], ["x", "y"], ["z"]], ["t", "t", "u"])
    plan = MultiLabelPlan.build(sets, "natural").plan
    assert plan.probabilities[plan.task_numbers == 0].sum() == 0.5


@pytest.mark.parametrize(
    "name", ["equal", "proportional", "temperature:2", "temperature:2,maximum=300", "unimax:4", "proportional,scale=2"]
)
def test_rates_have_the_names_of_the_command(name):
    assert Plan.build(CENSUS, name, draws=100) == Plan.build(CENSUS, parse_rates(name), draws=100)


@pytest.mark.parametrize("name", ["sqrt", "natural", "inverse,max_ratio=50", "power:0.3", "effective:0.9", "balanced"])
def test_weights_have_the_names_of_the_command(name):
    expected = Plan.build(CENSUS, weights=parse_weights(name))
    assert Plan.build(CENSUS, weights=name) == expected
    assert Plan.build(CENSUS, weights={"t": name, "*": "natural"}).masses.tolist() == expected.masses.tolist()
    assert Plan.build(CENSUS, weights=parse_weights(name).to_dict()) == expected
    assert (
        Plan.build(CENSUS, "equal", "natural", target_weights=name).target.tolist() == expected.probabilities.tolist()
    )


@pytest.mark.parametrize(
    ("options", "code", "parts"),
    [
        ({"rates": "eqaul"}, "unknown-name", ["Did you mean 'equal'?", "Known: equal, fixed"]),
        ({"weights": "sqrtt"}, "unknown-name", ["Did you mean 'sqrt'?"]),
        ({"weights": {"t": "blanced", "*": "natural"}}, "unknown-name", ["Did you mean 'balanced'?"]),
        ({"target_rates": "equl"}, "unknown-name", ["Did you mean 'equal'?"]),
        ({"weights": "inverse,max_ration=3"}, "unknown-option", ["take max_ratio", "Did you mean 'max_ratio'?"]),
        ({"weights": "power:0.5,max_ration=3"}, "unknown-option", ["gamma, max_ratio", "Did you mean 'max_ratio'?"]),
        ({"weights": {"name": "power", "gama": 1}}, "unknown-option", ["Did you mean 'gamma'?"]),
        ({"rates": "temperature:2,maximun=3"}, "unknown-option", ["Did you mean 'maximum'?"]),
        ({"rates": rates.Equal}, "not-a-scheme", ["found the class Equal. Call it: Equal(...)"]),
        ({"rates": weights.Power()}, "not-a-scheme", ["mixing rates must be", "found class weights Power(gamma=0.5)"]),
        ({"weights": 0.5}, "not-a-scheme", ["found 0.5. Known: balanced"]),
        ({"weights": None}, "not-a-scheme", ["found None"]),
        ({"rates": {"t": 0.3, "u": 0.7}}, "not-a-scheme", ["found ['t', 'u']"]),
        ({"weights": {"T": "sqrt", "*": "natural"}}, "unknown-task", ["found ['T']"]),
    ],
)
def test_what_is_no_scheme_is_refused_with_a_hint(options, code, parts):
    with raises(PlanError, code, *parts):
        Plan.build(CENSUS, **options)
