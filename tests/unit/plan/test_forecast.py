import json

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.base.problems import of_level
from equipoise.census import Census
from equipoise.errors import PlanError
from equipoise.plan import Plan
from equipoise.rates import Equal, Fixed
from equipoise.weights import InverseFrequency, Table

CENSUS = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": 1000})


def codes(forecast):
    return [(problem.level, problem.code) for problem in forecast.problems]


def test_rows():
    forecast = Plan.build(CENSUS, rates="proportional", weights=InverseFrequency()).forecast(draws=1000)
    glad, sad, topic = forecast.rows
    assert (glad.task, glad.label, glad.count) == ("mood", "glad", 900)
    assert (topic.task, topic.label, topic.count) == ("topic", None, 1000)
    assert (glad.data_share, glad.draw_share, glad.expected_draws) == pytest.approx((0.45, 0.25, 250))
    assert (glad.passes, glad.unseen_fraction) == pytest.approx((250 / 900, 650 / 900))
    assert (sad.passes, sad.unseen_fraction) == pytest.approx((2.5, 0))
    assert [row.importance_weight for row in forecast.rows] == [1, 1, 1]


def test_effective_sample_size_is_kishs_over_examples():
    plan = Plan.build(CENSUS, Fixed({"mood": 0.8, "topic": 0.2}), InverseFrequency())
    forecast = plan.forecast(draws=1000)
    r = np.repeat(plan.probabilities / plan.counts, plan.counts)  # each example's chance to be drawn
    assert forecast.overall.effective_sample_size == pytest.approx(r.sum() ** 2 / (r**2).sum())
    mood = r[:1000]
    assert forecast.tasks[0].effective_sample_size == pytest.approx(mood.sum() ** 2 / (mood**2).sum())
    assert forecast.tasks[1].effective_sample_size == pytest.approx(1000)
    assert Plan.build(CENSUS, rates="proportional", weights="natural").forecast(
        1
    ).overall.effective_sample_size == pytest.approx(2000)


def test_effective_draws_are_kishs_over_importance_weights():
    plan = Plan.build(
        CENSUS, rates="proportional", weights="natural", target_rates=Equal(), target_weights=InverseFrequency()
    )
    draws = 20_000
    forecast = plan.forecast(draws)
    u = np.repeat(plan.importance_weights, np.round(draws * plan.probabilities).astype(int))
    assert forecast.overall.effective_draws == pytest.approx(u.sum() ** 2 / (u**2).sum())
    of_mood = u[:10_000]
    assert forecast.tasks[0].effective_draws == pytest.approx(of_mood.sum() ** 2 / (of_mood**2).sum())
    assert forecast.tasks[1].effective_draws == pytest.approx(10_000)
    assert (
        Plan.build(CENSUS, rates="proportional", weights=InverseFrequency()).forecast(draws).overall.effective_draws
        == draws
    )


def test_imbalance_before_and_after():
    forecast = Plan.build(CENSUS, Equal(), InverseFrequency()).forecast(draws=100)
    mood, topic = forecast.tasks
    assert (mood.imbalance_before, mood.imbalance_after) == (9, 1)
    assert (topic.imbalance_before, topic.imbalance_after) == (1, 1)
    assert (forecast.overall.imbalance_before, forecast.overall.imbalance_after) == (10, 2)


@pytest.mark.parametrize(
    ("draws", "allow", "expected"),
    [
        (4000, 100, []),
        (4001, 100, [("warning", "many-passes")]),
        (20_000, 100, [("warning", "many-passes")]),
        (20_001, 100, [("error", "too-many-passes")]),
        (20_001, 101, [("warning", "many-passes")]),
        (20_001, {"mood": {"sad": 101}, "*": 11}, [("warning", "many-passes")]),
        (20_001, {"mood": {"*": 11}}, [("error", "too-many-passes"), ("error", "too-many-passes")]),
    ],
)
def test_problems_of_many_passes(draws, allow, expected):
    census = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
    forecast = Plan.build(census, rates="proportional", weights=InverseFrequency()).forecast(draws, allow_passes=allow)
    assert codes(forecast) == expected
    errors, warnings = (of_level(forecast.problems, level) for level in ("error", "warning"))
    assert [p.level for p in errors] == ["error"] * len(errors)
    assert len(errors) + len(warnings) == len(expected)


def test_problems_of_strata_that_are_not_drawn():
    census = Census.from_counts({"mood": {"a": 900, "b": 100, "c": 1, "d": 0}})
    forecast = Plan.build(census, rates="proportional", weights=Table({"mood": {"a": 1, "b": 0, "c": 1}})).forecast(100)
    assert codes(forecast) == [("warning", "never-drawn"), ("warning", "rarely-drawn"), ("warning", "no-examples")]
    assert [problem.message for problem in forecast.problems] == [
        "'mood', label 'b' is never drawn, of 100 examples.",
        "'mood', label 'c' may never be drawn: 0.11 draws are expected of 100.",
        "'mood', label 'd' has no examples: the model learns nothing from it.",
    ]
    never = forecast.rows[1]
    assert (never.passes, never.unseen_fraction, never.importance_weight) == (0, 1, 0)


def test_imbalance_is_of_the_strata_that_have_any():
    census = Census.from_counts({"mood": {"a": 900, "b": 100, "c": 30, "d": 0}})
    mood = (
        Plan.build(census, rates="proportional", weights=Table({"mood": {"a": 1, "b": 0, "c": 1}}))
        .forecast(100)
        .overall
    )
    assert (mood.imbalance_before, mood.imbalance_after) == (30, pytest.approx(30))


def test_a_task_that_is_not_drawn():
    forecast = Plan.build(CENSUS, Fixed({"mood": 0, "topic": 1}), weights="natural").forecast(10)
    mood = forecast.tasks[0]
    assert (mood.expected_draws, mood.effective_sample_size, mood.effective_draws) == (0, 0, 0)


def test_the_planned_draws_are_the_default():
    assert Plan.build(CENSUS, rates="proportional", weights="natural", draws=70).forecast().draws == 70
    assert Plan.build(CENSUS, rates="proportional", weights="natural", draws=70).forecast(30).draws == 30
    with raises(PlanError, "missing-draws", "`draws` must be given"):
        Plan.build(CENSUS, rates="proportional", weights="natural").forecast()
    with raises(PlanError, "not-an-integer", "`draws`", "found 0"):
        Plan.build(CENSUS, rates="proportional", weights="natural", draws=70).forecast(0)


def test_json():
    forecast = Plan.build(CENSUS, rates="proportional", weights="natural", draws=70).forecast()
    values = json.loads(json.dumps(forecast.to_dict()))
    assert values["rows"][0]["label"] == "glad"
    assert values["tasks"][1]["task"] == "topic"
    assert values["overall"]["task"] is None
    assert values["problems"] == []


def test_text_is_aligned():
    text = Plan.build(CENSUS, rates="proportional", weights=InverseFrequency()).forecast(10_000).to_text()
    strata, groups, problems = (part.splitlines() for part in text.split("\n\n"))
    assert len({len(line) for line in strata}) == 1
    assert len({len(line) for line in groups}) == 1
    assert [line.split()[0] for line in groups] == ["task", "mood", "topic", "all"]
    assert problems == [
        (
            "warning (many-passes): 'mood', label 'sad' is seen 25 times in 10,000 draws (100 examples). In"
            " pretraining, a rare part of a mixture gains from up to 15 to 20 passes; in fine-tuning, until its"
            ' training accuracy saturates (see "Passes" on the page "Methods"). `max_passes=20`'
            " (`--max-passes 20`) sets a limit."
        )
    ]


def test_text_lists_three_problems_of_a_kind_and_counts_the_others():
    counts = {"t": {"common": 1_000_000} | {f"rare{i}": 10 for i in range(5)} | {"rarest": 1}}
    census = Census.from_counts(counts)
    text = Plan.build(census, rates="proportional", weights=InverseFrequency()).forecast(2000).to_text()
    lines = [line for line in text.splitlines() if line.startswith(("error", "warning"))]
    assert [line.split(":")[0] for line in lines] == ["error (too-many-passes)"] + ["warning (many-passes)"] * 4
    assert "'rarest' is seen 286 times in 2,000 draws (1 example)." in lines[0]
    assert lines[-1] == "warning (many-passes): and 2 more; the table lists them."


@pytest.mark.parametrize(("cap", "code"), [(100, "too-many-passes"), (20, "many-passes")])
def test_strata_at_their_cap_do_not_exceed_it(cap, code):
    """Masses are integers, so what fills a cap to the brim may be a little above it in floating point."""
    for rare in range(1, 60):
        census = Census.from_counts({"t": {"common": 100_000, "rare": rare, "other": 3 * rare}})
        plan = Plan.build(census, rates="proportional", weights=InverseFrequency(), max_passes=cap, draws=300_000)
        assert code not in {problem.code for problem in plan.forecast().problems}


UNEVEN = Census.from_counts({"large": {"a": 900, "b": 900}, "small": {"a": 50, "b": 9}})


def test_the_advice_of_many_passes_can_be_followed():
    """Half of the draws are more than 20 passes over the small task: no limit of 20 fits these rates."""
    problems = Plan.build(UNEVEN, "equal", "sqrt", draws=2600).forecast().problems
    (message,) = {problem.message.partition('(see "Passes" on the page "Methods"). ')[2] for problem in problems}
    assert message == (
        "A limit of 20 fits with `--rates unimax:20`, or in at most 2,360 draws; at these rates and draws the lowest is"
        " `max_passes=23` (`--max-passes 23`)."
    )
    for rates, draws, limit in (("unimax:20", 2600, 20), ("equal", 2360, 20), ("equal", 2600, 23)):
        limited = Plan.build(UNEVEN, rates, "sqrt", draws=draws, max_passes=limit).forecast()
        assert max(row.passes for row in limited.rows) <= limit * (1 + 1e-9)
    with raises(PlanError, "too-many-draws", "of at least 22.03, rates of `unimax:20` (`--rates unimax:20`), at most"):
        Plan.build(UNEVEN, "equal", "sqrt", draws=2600, max_passes=20)


def test_rates_are_no_advice_where_all_rows_repeat_too_often():
    problems = Plan.build(UNEVEN, "equal", "sqrt", draws=60_000).forecast(allow_passes=1e6).problems
    assert all("A limit of 20 fits in at most 2,360 draws; at" in problem.message for problem in problems)
