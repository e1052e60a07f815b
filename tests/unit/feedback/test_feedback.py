"""What holds for every rule; the JSON forms; a new rule is one class."""

import gc
import importlib
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.support.errors import raises

import equipoise.feedback
from equipoise import Census, Plan
from equipoise.base.codec import to_plain
from equipoise.errors import PlanError
from equipoise.feedback import ART, ODM, Decision, Feedback, Scores, StopTask

CENSUS = Census.from_counts({"mood": {"glad": 900, "none": 0, "sad": 100}, "open": 70, "topic": {"a": 5, "b": 40}})
PLAN = Plan.build(CENSUS, draws=1000)
SCORES = Scores(
    label_f1={"mood": {"glad": 0.9, "sad": 0.3}, "topic": {"a": 0.2, "b": 0.4}},
    task_scores={"mood": 0.6, "open": -2.5, "topic": 0.3},
    task_losses={"mood": 0.4, "open": 9.0, "topic": 1.5},
)
LOWER = replace(SCORES, task_scores={"mood": 0.5, "open": -2.4, "topic": 0.4})
RULES = [ART(), StopTask(patience=1), ODM()]


def history_of(plan=PLAN, decisions=6):
    return [Decision(0, plan), *(Decision(100 * t, plan, SCORES) for t in range(1, decisions))]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_plan_with_the_same_strata_counts_and_draws_that_names_its_rule(rule):
    found = rule.next_plan(history_of(), LOWER)
    assert (found.strata, found.counts.tolist(), found.draws) == (PLAN.strata, PLAN.counts.tolist(), 1000)
    assert not np.array_equal(found.masses, PLAN.masses)
    texts = [found.rates_text, found.weights_text]
    assert f"{[PLAN.rates_text, PLAN.weights_text][isinstance(rule, ART)]}, then {rule}" in texts
    assert {PLAN.rates_text, PLAN.weights_text} & set(texts), "the other is unchanged"
    again = rule.next_plan([*history_of(), Decision(600, found, LOWER)], LOWER)
    assert f"then {rule}, then" not in again.rates_text + again.weights_text


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_target_that_is_the_sampling_distribution_follows_it(rule):
    found = rule.next_plan(history_of(), LOWER)
    assert np.array_equal(found.masses, found.target_masses)


@pytest.mark.parametrize("rule", [*RULES, ART(0.001), StopTask(1, 0.001)], ids=str)
def test_a_declared_target_stays(rule):
    plan = Plan.build(CENSUS, target_weights="natural", target_rates="proportional")
    found = rule.next_plan(history_of(plan), LOWER)
    assert np.array_equal(found.target_masses, plan.target_masses)
    assert not np.array_equal(found.masses, plan.masses)
    np.testing.assert_allclose(found.probabilities @ found.importance_weights, 1)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_is_a_function_of_its_arguments(rule):
    history = history_of()
    found = rule.next_plan(history, LOWER)
    rule.next_plan(history_of(Plan.build(CENSUS, rates="proportional")), SCORES)
    assert rule.next_plan(tuple(history), LOWER) == found
    copies = [Decision.from_dict(json.loads(json.dumps(each.to_dict()))) for each in history]
    assert Feedback.of(rule.to_dict()).next_plan(copies, Scores.from_dict(LOWER.to_dict())) == found
    assert history == history_of()


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_arguments_that_do_not_fit(rule):
    with raises(PlanError, "no-history", "`history` must begin"):
        rule.next_plan([], SCORES)
    counts = {"mood": {"glad": 900, "none": 0, "sad": 100}, "open": 70, "topic": {"a": 5, "b": 40}}
    for other in ({**counts, "open": 71}, {**counts, "topic": {"a": 5, "c": 40}}):
        plan = Plan.build(Census.from_counts(other))
        with raises(PlanError, "other-strata", "at 300", "same census"):
            rule.next_plan([*history_of(decisions=3), Decision(300, plan, SCORES)], SCORES)
    for name in ("label_f1", "task_scores", "task_losses"):
        value = {"x": 0.5} if name == "label_f1" else 0.5
        with raises(PlanError, "unknown-task", f"`{name}`", "found ['moods']"):
            rule.next_plan(history_of(), replace(SCORES, **{name: {"moods": value}}))
    with raises(PlanError, "unknown-stratum", "'angry'"):
        rule.next_plan(history_of(), Scores(label_f1={"mood": {"angry": 0.5}}))


def test_json_forms():
    decision = Decision(np.int64(64), PLAN, SCORES)
    assert json.dumps(decision.to_dict()) == json.dumps(to_plain(decision))
    text = json.dumps(to_plain([decision, Decision(0, PLAN)]))
    again = [Decision.from_dict(each) for each in json.loads(text)]
    assert again == [decision, Decision(0, PLAN, None)]
    assert again[0].scores == SCORES
    assert Scores.from_dict({}) == Scores()
    assert json.loads(text)[0]["plan"]["fingerprint"] == PLAN.fingerprint


def test_damaged_json_is_refused():
    data = Decision(64, PLAN, SCORES).to_dict()
    with raises(PlanError, "damaged-decision", "`at` must be an integer"):
        Decision.from_dict({**data, "at": "64"})
    with raises(PlanError, "damaged-decision", "unknown key `score`", "Did you mean `scores`?"):
        Decision.from_dict({**data, "score": None})
    data["plan"]["strata"][0]["count"] += 1
    with raises(PlanError, "damaged-decision", "`plan`", "the plan was changed"):
        Decision.from_dict(data)
    with raises(PlanError, "damaged-decision", "must be a number, found 'x'"):
        Scores.from_dict({"task_scores": {"mood": "x"}})


def test_numbers_are_checked():
    with raises(PlanError, "out-of-range", "`label_f1['mood']['sad']` must be an F1 from 0 to 1, found 30"):
        Scores(label_f1={"mood": {"sad": 30}})
    with raises(PlanError, "out-of-range", "`label_f1['mood']['sad']`"):
        Scores(label_f1={"mood": {"sad": -0.1}})
    for name in ("task_scores", "task_losses"):
        with raises(PlanError, "not-a-number", f"`{name}['mood']`", "Leave out what is not known"):
            Scores(**{name: {"mood": float("nan")}})
    with raises(PlanError, "out-of-range", "`at` must be at least 0, found -1"):
        Decision(-1, PLAN)
    assert type(Scores(task_losses={"mood": np.float32(0.5)}).task_losses["mood"]) is float


BACKWARDS = '''
"""The plan of an earlier decision."""

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.feedback.base import Feedback
from equipoise.feedback.history import Decision, Scores
from equipoise.plan import Plan


@dataclass(frozen=True)
class Backwards(Feedback):
    """Return to the plan of an earlier decision."""

    name = "backwards"

    steps: int = 1

    def next_plan(self, history: Sequence[Decision], scores: Scores) -> Plan:
        return history[-self.steps].plan
'''


@pytest.fixture
def backwards(tmp_path):
    (tmp_path / "backwards.py").write_text(BACKWARDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equipoise.feedback, "__path__", [*equipoise.feedback.__path__, str(tmp_path)])
        importlib.invalidate_caches()
        yield
    sys.modules.pop("equipoise.feedback.backwards", None)
    vars(equipoise.feedback).pop("backwards", None)
    gc.collect()
    assert "backwards" not in Feedback.help()


@pytest.mark.usefixtures("backwards")
def test_a_new_rule_is_one_file():
    rule = Feedback.of("backwards:2")
    assert type(rule) is equipoise.feedback.Backwards
    assert rule == Feedback.of({"name": "backwards", "steps": 2})
    assert rule.next_plan(history_of(), SCORES) == PLAN
    assert "backwards[:STEPS]: Return to the plan of an earlier decision." in Feedback.help().splitlines()
    with raises(PlanError, "unknown-name", "unknown feedback rules 'backward'. Did you mean 'backwards'?"):
        Feedback.of("backward")
    with raises(PlanError, "unknown-option", "found 'step'. Did you mean 'steps'?"):
        Feedback.of("backwards,step=1")


def test_the_statically_named_rules_are_those_of_the_files():
    named = [vars(equipoise.feedback)[name] for name in equipoise.feedback.__all__]
    forms = {line.partition(":")[0].partition("[")[0] for line in Feedback.help().splitlines()}
    assert {kind.name for kind in named if "name" in vars(kind)} == forms == {"art", "odm", "stop_task"}
    with raises(PlanError, "not-a-scheme", "feedback rules must be a string such as 'odm'"):
        Feedback.of(3)
    with pytest.raises(AttributeError, match="'Backwards'"):
        equipoise.feedback.Backwards  # noqa: B018
