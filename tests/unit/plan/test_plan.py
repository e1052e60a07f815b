import copy
import json
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.base.masses import WHOLE, masses_of
from equipoise.census import Census, Stratum
from equipoise.errors import PlanError
from equipoise.plan import Plan, difference
from equipoise.rates import Equal, Fixed, Proportional, Temperature, UniMax
from equipoise.weights import Balanced, InverseFrequency, Natural, Power, Shares, Table

CENSUS = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": 1000, "triage": {"ill": 0, "well": 2000}})
NONE = Stratum("topic", None)


def shares(plan):
    return plan.probabilities.tolist()


def test_a_natural_plan_draws_as_the_data():
    plan = Plan.build(CENSUS, rates="proportional", weights="natural")
    np.testing.assert_allclose(plan.probabilities, CENSUS.counts / CENSUS.total, rtol=1e-15)
    assert plan.strata == CENSUS.strata
    assert plan.tasks == CENSUS.tasks
    assert plan.masses.sum() == 2**60
    assert plan.masses[plan.position_of("triage", "ill")] == 0


@pytest.mark.parametrize("rates", [Proportional(), Equal(), Temperature(2), UniMax(4)])
@pytest.mark.parametrize("weights", [Natural(), InverseFrequency(), Power(0.5), {"mood": Power(), "*": Natural()}])
def test_class_weights_never_change_the_rate_of_a_task(rates, weights):
    plan = Plan.build(CENSUS, rates, weights, draws=1000)
    expected = rates(CENSUS.task_counts, CENSUS.tasks, 1000)
    actual = [plan.probabilities[CENSUS.span(task)].sum() for task in CENSUS.tasks]
    np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_weights_are_shared_out_inside_the_task():
    plan = Plan.build(CENSUS, Equal(), Shares({"mood": {"glad": 0.3, "sad": 0.7}, "triage": {"well": 1}}))
    np.testing.assert_allclose(plan.probabilities, [0.1, 0.7 / 3, 1 / 3, 0, 1 / 3], atol=1e-15)


def test_weights_may_be_chosen_per_task():
    plan = Plan.build(CENSUS, Equal(), {"mood": InverseFrequency(), "*": Natural()})
    np.testing.assert_allclose(plan.probabilities, [1 / 6, 1 / 6, 1 / 3, 0, 1 / 3], rtol=1e-15, atol=0)
    assert plan.weights_text == "{'*': Natural(), 'mood': InverseFrequency()}"


@pytest.mark.parametrize(
    ("weights", "code", "names"),
    [
        ({"mood": Power()}, "missing-task", ["no scheme for task 'topic'"]),
        ({"moood": Power(), "*": Power()}, "unknown-task", ["found ['moood']"]),
        ({"topic": Power(), "*": Natural()}, "open-ended-task", ["task 'topic' is open-ended"]),
        (Table({"mood": {"glad": 1, "sad": 1}}), "missing-task", ["no values for task 'triage'"]),
        (
            {"mood": Table({"mood": {"glad": 1, "sad": 1}, "x": {"a": 1}}), "*": Natural()},
            "unknown-task",
            ["names task 'x', expected"],
        ),
        (
            {"mood": Table({"mood": {"glad": 1, "sad": 1}, "triage": {"well": 1}}), "*": Natural()},
            "conflicting-weights",
            ["names task 'triage', whose scheme is Natural()"],
        ),
        (
            {"mood": Table({"mood": {"glad": 0, "sad": 0}}).clipped(max_ratio=2), "*": Natural()},
            "zero-weights",
            ["a weight of task 'mood' must be above 0"],
        ),
    ],
)
def test_weights_that_do_not_fit(weights, code, names):
    with raises(PlanError, code, *names):
        Plan.build(CENSUS, rates="proportional", weights=weights)


def test_a_census_without_examples_has_no_plan():
    for census in (Census.from_counts({}), Census.from_counts({"mood": {"sad": 0}})):
        with raises(PlanError, "no-examples", "the census must have examples"):
            Plan.build(census, rates="proportional", weights="natural")


def test_a_task_without_examples_has_no_rate():
    census = Census.from_counts({"mood": {"sad": 0, "glad": 0}, "topic": 3})
    assert shares(Plan.build(census, Equal(), weights="natural")) == [0, 0, 1]
    with raises(PlanError, "no-examples", "0.5", "task 'mood', which has no examples"):
        Plan.build(census, Fixed({"mood": 0.5, "topic": 0.5}), weights="natural")


# --- max_passes -----------------------------------------------------------------------------------


def test_max_passes_gives_the_surplus_back_inside_the_task():
    census = Census.from_counts({"a": {"x": 10, "y": 100, "z": 1000}, "b": 1110})
    plan = Plan.build(census, Equal(), InverseFrequency(), max_passes=2, draws=1200)
    # Task a has 600 draws, 200 a label: x may take 20, and y and z share the other 580 until y is full.
    np.testing.assert_allclose(plan.probabilities * 1200, [20, 200, 380, 600], rtol=1e-12)
    assert plan.weights_text == "InverseFrequency(), at most 2 passes"


def test_max_passes_keeps_the_proportions_of_those_below_the_cap():
    census = Census.from_counts({"a": {"x": 10, "y": 1000, "z": 1000}})
    weights = Shares({"a": {"x": 0.4, "y": 0.4, "z": 0.2}})
    plan = Plan.build(census, rates="proportional", weights=weights, max_passes=1, draws=100)
    np.testing.assert_allclose(plan.probabilities * 100, [10, 60, 30], rtol=1e-12)


def test_max_passes_changes_nothing_when_nothing_exceeds_it():
    capped = Plan.build(CENSUS, rates="proportional", weights=Power(), max_passes=4, draws=1000)
    assert capped.fingerprint == Plan.build(CENSUS, rates="proportional", weights=Power()).fingerprint


def test_exactly_max_passes_over_everything_passes():
    plan = Plan.build(CENSUS, rates="proportional", weights=InverseFrequency(), max_passes=3, draws=3 * CENSUS.total)
    np.testing.assert_allclose(plan.probabilities, CENSUS.counts / CENSUS.total, rtol=1e-12)


def test_a_task_that_cannot_place_its_draws_is_named():
    message = (
        "task 'mood' gets 3,000 of 9,000 draws, more than 2 passes over its 1,000 drawn examples. Use `max_passes`"
        " (`--max-passes`) of at least 3, at most 6,000 draws, or a rate of at most 0.2222 for it."
    )
    with pytest.raises(PlanError) as caught:
        Plan.build(CENSUS, Equal(), weights="natural", max_passes=2, draws=9000)
    assert str(caught.value) == message
    Plan.build(CENSUS, Equal(), weights="natural", max_passes=3, draws=9000)
    Plan.build(CENSUS, Equal(), weights="natural", max_passes=2, draws=6000)


def test_a_task_whose_labels_have_limits_of_their_own_cannot_place_its_draws():
    message = (
        "task 'mood' gets 3,000 of 9,000 draws, more than the 2,800 of the limits of its labels over its 1,000 drawn"
        " examples. Use 1.071 times as large limits (`max_passes`, `--max-passes`), at most 8,400 draws, or a rate of"
        " at most 0.3111 for it."
    )
    limits = {"mood": {"sad": 10, "glad": 2}}
    with pytest.raises(PlanError) as caught:
        Plan.build(CENSUS, Equal(), weights="natural", max_passes=limits, draws=9000)
    assert str(caught.value) == message
    Plan.build(CENSUS, Equal(), weights="natural", max_passes={"mood": {"sad": 10.72, "glad": 2.143}}, draws=9000)
    Plan.build(CENSUS, Equal(), weights="natural", max_passes=limits, draws=8400)
    Plan.build(CENSUS, Equal(), weights="natural", max_passes={"mood": {"sad": 10}}, draws=9000)  # "glad" has none
    with raises(PlanError, "too-many-draws", "more than 2 passes over its 1,000 drawn examples. Use `max_passes`"):
        Plan.build(CENSUS, Equal(), weights="natural", max_passes={"mood": 2}, draws=9000)


def test_labels_left_out_take_no_surplus():
    census = Census.from_counts({"a": {"x": 10, "y": 1000}})
    with raises(PlanError, "too-many-draws", "over its 10 drawn examples"):
        Plan.build(census, rates="proportional", weights=Table({"a": {"x": 1, "y": 0}}), max_passes=1, draws=50)


@pytest.mark.parametrize(
    ("options", "code", "names"),
    [
        ({"max_passes": 2}, "missing-draws", ["`max_passes`", "found None"]),
        ({"max_passes": 0, "draws": 10}, "out-of-range", ["`max_passes`", "found 0"]),
        ({"draws": 0}, "not-an-integer", ["`draws`", "found 0"]),
        ({"draws": 1.5}, "not-an-integer", ["`draws`", "found 1.5"]),
        ({"draws": True}, "not-an-integer", ["found True"]),
        ({"rates": UniMax(1)}, "missing-draws", ["UniMax needs `draws`"]),
    ],
)
def test_options_that_cannot_be(options, code, names):
    with raises(PlanError, code, *names):
        Plan.build(CENSUS, **options)


# --- target ---------------------------------------------------------------------------------------


def test_the_target_is_the_sampling_distribution_unless_said():
    plan = Plan.build(CENSUS, Equal(), Power(), max_passes=5, draws=4000)
    assert plan.target_masses.tolist() == plan.masses.tolist()
    assert plan.importance_weights.tolist() == [1, 1, 1, 0, 1]


def test_importance_weights_turn_sampling_into_the_target():
    plan = Plan.build(CENSUS, Proportional(), Power(), target_rates=Equal(), target_weights=InverseFrequency())
    np.testing.assert_allclose(plan.target, [1 / 6, 1 / 6, 1 / 3, 0, 1 / 3], rtol=1e-15)
    np.testing.assert_allclose(plan.probabilities * plan.importance_weights, plan.target, rtol=1e-14)
    assert plan.rates_text == "Proportional(scale=1.0), target Equal()"
    assert plan.weights_text == "Power(gamma=0.5), target InverseFrequency()"


def test_the_smallest_mass_still_has_an_importance_weight():
    strata = (Stratum("a", "x"), Stratum("a", "y"))
    plan = Plan(strata, np.array([1, 1]), np.array([WHOLE - 1, 1]), np.array([WHOLE - 3, 3]), 16)
    assert plan.importance_weights[1] == 3


def test_the_target_option_left_out_is_as_for_sampling():
    only_weights = Plan.build(CENSUS, Equal(), weights="natural", target_weights=InverseFrequency())
    assert only_weights.target_masses.tolist() == Plan.build(CENSUS, Equal(), InverseFrequency()).masses.tolist()
    only_rates = Plan.build(CENSUS, Equal(), Power(), target_rates=Proportional())
    assert (
        only_rates.target_masses.tolist() == Plan.build(CENSUS, rates="proportional", weights=Power()).masses.tolist()
    )


def test_a_cap_does_not_reach_a_target_that_is_given():
    options = {"weights": InverseFrequency(), "max_passes": 1, "draws": 1000}
    census = Census.from_counts({"a": {"x": 10, "y": 1000}})
    plan = Plan.build(census, target_weights=InverseFrequency(), **options)
    np.testing.assert_allclose(plan.target, [0.5, 0.5])
    np.testing.assert_allclose(plan.importance_weights, [50, 0.5 / 0.99])


def test_what_is_never_drawn_cannot_be_in_the_target():
    with raises(PlanError, "unreachable-target", "Stratum(task='topic', label=None)"):
        Plan.build(CENSUS, Fixed({"mood": 0.5, "topic": 0, "triage": 0.5}), weights="natural", target_rates=Equal())


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("strata", "block"), [(1, 2048), (128, 2048), (129, 4096), (256, 4096), (257, 8192)])
def test_blocks_hold_sixteen_draws_of_a_stratum(strata, block):
    counts = {f"l{i:03}": 5 for i in range(strata)} | {"empty": 0}
    assert Plan.build(Census.from_counts({"t": counts}), rates="proportional", weights="natural").block == block


def test_the_fingerprint_is_the_same_in_every_version_and_on_every_platform():
    plan = Plan.build(Census.from_counts({"a": {"x": 3, "é": 1}, "b": 4}), rates="proportional", weights="natural")
    assert plan.fingerprint == "e33d811c7e1672dfb63657d4bcfb3fe70730981f31b231b45eda4f4bfc27131e"


@pytest.mark.parametrize(
    "other",
    [
        Plan.build(CENSUS, rates="proportional", weights=Power()),
        Plan.build(CENSUS, rates="proportional", weights="natural", target_weights=InverseFrequency()),
        Plan.build(CENSUS + CENSUS, rates="proportional", weights="natural"),
        Plan.build(
            Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": 1000, "triage": {"well": 2000}}),
            rates="proportional",
            weights="natural",
        ),
    ],
)
def test_the_fingerprint_tells_plans_apart(other):
    plan = Plan.build(CENSUS, rates="proportional", weights="natural")
    assert other.fingerprint != plan.fingerprint
    assert other != plan
    assert difference(plan, other) != []


def test_the_fingerprint_says_what_is_drawn_not_how_it_was_asked_for():
    census = Census.from_counts({"a": {"x": 4, "y": 4}})
    plan, other = (
        Plan.build(census, rates="proportional", weights="natural"),
        Plan.build(census, Equal(), weights="natural", draws=8),
    )
    assert plan.fingerprint == other.fingerprint
    assert difference(plan, other) == []
    assert plan != other


def test_a_plan_is_a_value():
    plan = Plan.build(CENSUS, rates="proportional", weights=Power(), draws=np.int64(10))
    assert plan == Plan.build(CENSUS, rates="proportional", weights=Power(), draws=10)
    assert hash(plan) == hash(Plan.build(CENSUS, rates="proportional", weights=Power(), draws=10))
    assert plan != "plan"
    assert "3 tasks, 5 strata, 4 drawn" in repr(plan)


@pytest.mark.parametrize("copied", [lambda p: pickle.loads(pickle.dumps(p)), copy.deepcopy, lambda p: p])
def test_arrays_are_read_only(copied):
    plan = copied(Plan.build(CENSUS, rates="proportional", weights="natural"))
    assert plan == Plan.build(CENSUS, rates="proportional", weights="natural")
    names = ("counts", "masses", "target_masses", "probabilities", "target", "importance_weights")
    for name in names:
        with pytest.raises(ValueError, match="read-only"):
            getattr(plan, name)[0] = 0


def test_a_plan_does_not_hold_the_arrays_it_was_made_of():
    masses = np.array([WHOLE, 0])
    plan = Plan((Stratum("a", "x"), Stratum("a", "y")), np.array([1, 1]), masses, masses, 16)
    masses[:] = [0, WHOLE]
    assert plan.masses.tolist() == [WHOLE, 0]


def test_position_of():
    plan = Plan.build(CENSUS, rates="proportional", weights="natural")
    assert [plan.position_of(*stratum) for stratum in plan.strata] == [0, 1, 2, 3, 4]
    with raises(PlanError, "unknown-stratum", "task 'topic', label 'x'"):
        plan.position_of("topic", "x")


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        ({"masses": [WHOLE, 1]}, "bad-masses", ["`masses` must be 2 integers of at least 0 with the sum 2**60"]),
        ({"masses": [WHOLE + 1, -1]}, "bad-masses", ["`masses` must be 2 integers of at least 0"]),
        ({"masses": [WHOLE]}, "bad-masses", ["`masses`", "found 1"]),
        ({"target_masses": [0, 0]}, "bad-masses", ["`target_masses` must be"]),
        ({"counts": [1, 0]}, "no-examples", ["`masses`"]),
        ({"masses": [WHOLE, 0]}, "unreachable-target", ["a share, but it is never drawn"]),
        ({"draws": -1}, "not-an-integer", ["`draws`", "found -1"]),
    ],
)
def test_fields_that_do_not_fit(change, code, names):
    plan = Plan.build(Census.from_counts({"a": {"x": 1, "y": 1}}), rates="proportional", weights="natural")
    with raises(PlanError, code, *names):
        replace(plan, **change)


# --- JSON -----------------------------------------------------------------------------------------


def test_json_round_trip():
    plan = Plan.build(CENSUS, Temperature(3), Power(), draws=500, target_weights=InverseFrequency())
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.masses.tolist() == plan.masses.tolist()
    assert again.to_json() == plan.to_json()
    assert json.loads(plan.to_json())["strata"][2]["label"] is None


def tampered(path, value):
    values = json.loads(Plan.build(CENSUS, rates="proportional", weights="natural").to_json())
    place = values
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(values)


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("", "not-json", ["must be JSON"]),
        ("{", "not-json", ["must be JSON"]),
        ("[]", "other-version", ["`version`", "found 'list'"]),
        (tampered(["version"], 2), "other-version", ["`version`", "found 2"]),
        (tampered(["version"], ...), "other-version", ["`version`", "found None"]),
        (tampered(["rates_text"], ...), "damaged-plan", ["`rates_text` is missing"]),
        (tampered(["more"], 1), "damaged-plan", ["unknown key `more`"]),
        (tampered(["draws"], 1.5), "damaged-plan", ["`draws`", "found 1.5"]),
        (tampered(["rates_text"], None), "damaged-plan", ["`rates_text`"]),
        (tampered(["fingerprint"], 1), "damaged-plan", ["`fingerprint`"]),
        (tampered(["strata"], {}), "damaged-plan", ["`strata`"]),
        (tampered(["strata", 0], 3), "damaged-plan", ["found 3"]),
        (
            tampered(["strata", 0, "mass"], ...),
            "damaged-plan",
            ["'count': 900, 'target_mass'"],
        ),
        (tampered(["strata", 0, "weight"], 1), "damaged-plan", ["'weight': 1}"]),
        (tampered(["strata", 0, "task"], 1), "damaged-plan", ["`task`"]),
        (tampered(["strata", 0, "label"], 1), "damaged-plan", ["`label`"]),
        (tampered(["strata", 0, "count"], 1.0), "damaged-plan", ["`count`", "found 1.0"]),
        (tampered(["strata", 0, "mass"], 2**63), "damaged-plan", ["`mass`"]),
        (tampered(["strata", 0, "mass"], -1), "damaged-plan", ["`mass`"]),
        (tampered(["strata", 0, "mass"], 1), "bad-masses", ["`masses` must be 5 integers"]),
        (tampered(["strata", 0, "label"], "zzz"), "unsorted-strata", ["must be sorted"]),
        (tampered(["strata", 0, "label"], "great"), "changed-plan", ["the plan was changed after it was written"]),
        (tampered(["strata", 0, "count"], 901), "changed-plan", ["the plan was changed after it was written"]),
        (tampered(["fingerprint"], "0" * 64), "changed-plan", ["the plan was changed after it was written"]),
    ],
)
def test_broken_and_changed_json_is_refused(text, code, names):
    with raises(PlanError, code, *names):
        Plan.from_json(text)


# --- difference -----------------------------------------------------------------------------------


def test_difference_names_what_changed():
    old = Plan.build(Census.from_counts({"a": {"x": 60, "y": 40}, "b": 100}), rates="proportional", weights="natural")
    new = Plan.build(
        Census.from_counts({"a": {"x": 61, "z": 39}, "b": 100}),
        rates="proportional",
        weights="natural",
        target_rates=Fixed({"a": 0.75, "b": 0.25}),
    )
    assert difference(old, new) == [
        "1 strata added: a/z.",
        "1 strata removed: a/y.",
        "1 counts changed: a/x 60 -> 61.",
        "1 probabilities changed: a/x 0.3 -> 0.305.",
        "2 target probabilities changed: b 0.5 -> 0.25, a/x 0.3 -> 0.4575.",
    ]


def test_difference_names_the_biggest_few():
    old = Plan.build(Census.from_counts({"a": dict.fromkeys("stuvw", 10)}), rates="proportional", weights="natural")
    new = Plan.build(
        Census.from_counts({"a": {"s": 10, "t": 11, "u": 30, "v": 9, "w": 50}}), rates="proportional", weights="natural"
    )
    sentences = difference(old, new)
    assert sentences[0] == "4 counts changed: a/w 10 -> 50, a/u 10 -> 30, a/t 10 -> 11, ...."
    assert sentences[1].startswith("5 probabilities changed: a/w 0.2 -> 0.4545, ")


def test_difference_sees_one_unit_of_mass():
    plan = Plan.build(Census.from_counts({"a": {"x": 1, "y": 1}}), rates="proportional", weights="natural")
    other = replace(plan, masses=[WHOLE // 2 + 1, WHOLE // 2 - 1])
    assert len(difference(plan, other)) == 1


# --- masses ---------------------------------------------------------------------------------------


def test_masses_by_largest_remainder():
    third = WHOLE // 3
    assert masses_of([1.0, 1.0, 1.0]).tolist() == [third + 1, third, third]
    assert masses_of([0.25, 0.5, 0.25]).tolist() == [WHOLE // 4, WHOLE // 2, WHOLE // 4]


def test_masses_do_not_lose_small_probabilities():
    masses = masses_of([1.0, 5e-324, 0.0, 1e-30])
    assert masses.tolist() == [WHOLE - 2, 1, 0, 1]


@pytest.mark.parametrize("probabilities", [[0.0], [], [-1.0, 2.0], [float("nan"), 1.0], [float("inf")]])
def test_masses_need_probabilities(probabilities):
    with raises(PlanError, "bad-probabilities", "probabilities must be finite"):
        masses_of(probabilities)


# --- imports --------------------------------------------------------------------------------------


def test_planning_imports_nothing_heavy():
    code = "import sys, equipoise.plan; print(*{'torch', 'pandas', 'sklearn', 'scipy', 'datasets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_strata_know_the_number_of_their_task():
    plan = Plan.build(
        Census.from_counts({"a": {"x": 3, "y": 1}, "b": 4, "c": {"z": 2}}), rates="proportional", weights="natural"
    )
    assert plan.task_numbers.tolist() == [0, 0, 1, 2]


def test_schemes_may_be_given_by_name():
    named = Plan.build(CENSUS, "temperature:2", {"mood": "sqrt", "*": "natural"}, target_weights="balanced", draws=9)
    schemes = {"mood": Power(0.5), "*": Natural()}
    assert named == Plan.build(CENSUS, Temperature(2), schemes, target_weights=Balanced(), draws=9)
    assert Plan.build(CENSUS, rates="proportional", weights="natural", target_rates="equal") == Plan.build(
        CENSUS, rates="proportional", weights="natural", target_rates=Equal()
    )
    with raises(PlanError, "unknown-name", "'sqr'", "Did you mean 'sqrt'?"):
        Plan.build(CENSUS, rates="proportional", weights={"mood": "sqr", "*": "natural"})
