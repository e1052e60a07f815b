"""Trials become trainings: what is identical on this data is trained once, and simplicity is counted."""

import pytest
from tests.support.errors import raises

from equipoise.compare import trainings as made
from equipoise.config import default_trials, make_comparison
from equipoise.data import Records
from equipoise.errors import ConfigError, PlanError
from equipoise.runs.prepare import prepare, prepare_again


def rows(*tasks, labels=("no",) * 9 + ("yes",)):
    pairs = [(task, label) for task in tasks for label in labels * 4]
    return Records.from_dict(
        {
            "task": [task for task, _ in pairs],
            "input": [f"input {number}" for number in range(len(pairs))],
            "target": [label for _, label in pairs],
            "split": ["train"] * len(pairs),
        }
    )


def settings(more=None, draws=40, **compare):
    plain = {"data": {"source": "rows.jsonl"}, "plan": {"draws": draws}, "compare": compare}
    return make_comparison(plain | (more or {}))


def trainings_of(config, records):
    return made.trainings_of(config, prepare(config.run, records))


def trainings(config, records):
    return trainings_of(config, records)[0]


def two_sizes():
    return Records.from_dict(
        {
            "task": ["a"] * 40 + ["b"] * 10,
            "input": [str(number) for number in range(50)],
            "target": (["no"] * 9 + ["yes"]) * 5,
            "split": ["train"] * 50,
        }
    )


def test_natural_sampling_comes_first_and_does_nothing():
    first = next(iter(trainings(settings(), two_sizes()).values()))
    assert (first.name, first.steps) == ("natural", 0)
    assert first.title == "every row equally often"


def test_one_task_makes_all_mixing_rates_one_training():
    named = settings(candidates=["equal", "sqrt", "proportional-sqrt", "temperature-sqrt"])
    found, left_out = trainings_of(named, rows("a"))
    assert list(found) == ["natural", "sqrt"]
    assert left_out == [
        "equal is left out: on this data it is identical to natural",
        "proportional-sqrt is left out: on this data it is identical to sqrt",
        "temperature-sqrt is left out: on this data it is identical to sqrt",
    ]
    assert found["sqrt"].steps == 1  # with one task there is no rate to choose


def test_what_the_configuration_would_train_is_tried_unless_others_are_named():
    own = make_comparison({"data": {"source": "rows.jsonl"}, "plan": {"draws": 40, "weights": "power:0.3"}})
    assert "configured" in trainings(own, two_sizes())
    assert "configured is left out: on this data it is identical to sqrt" in trainings_of(settings(), two_sizes())[1]
    assert list(trainings(settings(candidates=["balanced"]), two_sizes())) == ["natural", "balanced"]


def test_default_that_cannot_be_planned_is_left_out_but_a_named_one_is_refused():
    found, left_out = trainings_of(settings(draws=200), two_sizes())  # UniMax would need four passes
    assert "unimax-sqrt" not in found
    assert any(reason.startswith("unimax-sqrt is left out: UniMax can place 50 draws") for reason in left_out)
    with raises(PlanError, "too-many-draws") as refused:
        trainings_of(settings(draws=200, candidates=["unimax-sqrt"]), two_sizes())
    assert str(refused.value).startswith("`compare.candidates.unimax-sqrt`: UniMax can place 50 draws")


def test_weights_of_labels_are_left_out_where_no_task_has_labels():
    data = {"data": {"source": "rows.jsonl"}, "tasks": {task: {"kind": "open_ended"} for task in "ab"}}
    _, left_out = trainings_of(make_comparison(data), rows("a", "b"))
    assert "sqrt is left out: on this data it is identical to natural" in left_out
    reason = next(reason for reason in left_out if reason.startswith("balanced is left out: `weights` has no labels"))
    assert "all tasks are open-ended (a, b)" in reason
    with raises(PlanError, "open-ended-task", "`compare.candidates.balanced`: `weights` has no labels to weigh"):
        trainings_of(make_comparison({**data, "compare": {"candidates": ["balanced"]}}), rows("a", "b"))


def test_losses_over_labels_need_tasks_that_all_have_labels():
    config = make_comparison(
        {
            "data": {"source": "rows.jsonl"},
            "tasks": {"b": {"kind": "open_ended"}},
            "compare": {"candidates": ["equal", "balanced-softmax"]},
        }
    )
    assert list(trainings(config, two_sizes())) == ["natural", "equal"]


def test_a_schedule_is_one_step_more_and_scales_with_the_draws():
    late = {"late": {"schedule": "deferred:0.5"}, "early": {"schedule": [{"at": 32, "weights": "inverse"}]}}
    config = settings(draws=320, candidates=late)
    base = prepare(config.run, two_sizes())
    found = made.trainings_of(config, base)[0]
    assert list(found) == ["natural", "late", "early"]
    assert found["late"].steps == found["early"].steps == 1
    assert found["late"].title.endswith("tasks by their rows, natural class shares, schedule Deferred(at=0.5)")
    plans = [prepare_again(found["late"].run(0, draws), base).plan for draws in (320, 640)]
    assert [[at for at, _ in plan.stages] for plan in plans] == [[0, 160], [0, 320]]
    assert [at for at, _ in prepare_again(found["early"].run(0, 640), base).plan.stages] == [0, 32]


def test_a_schedule_of_the_configuration_is_a_candidate():
    own = make_comparison({"data": {"source": "rows.jsonl"}, "plan": {"draws": 320, "schedule": "cooldown:5"}})
    assert "schedule Cooldown(first=5, last=1.0, at=0.5)" in trainings(own, two_sizes())["configured"].title
    file = make_comparison({"data": {"source": "rows.jsonl"}, "plan": {"draws": 320, "schedule": "a.json"}})
    with raises(ConfigError, "schedule-file"):
        made._trials(file)


def test_steps_count_what_plain_training_does_not_do():
    found = trainings(settings(), two_sizes())
    steps = {name: training.steps for name, training in found.items()}
    assert steps["equal"] == steps["proportional-sqrt"] == 1
    assert steps["sqrt"] == steps["weighted-sqrt"] == steps["focal"] == 2
    assert steps["balanced-softmax"] == 3


def test_candidates_are_the_training_with_each_correction():
    training = trainings(settings(), two_sizes())["sqrt"]
    found = training.candidates(("none", "calibrated", "tau"))
    assert {name: info.steps for name, info in found.items()} == {"sqrt": 2, "sqrt + calibrated": 3, "sqrt + tau": 4}
    assert {info.training for info in found.values()} == {"sqrt"}


def test_run_watches_validation_eight_times_unless_told_when():
    training = trainings(settings(), two_sizes())["sqrt"]
    run = training.run(seed=3, draws=32 * 80)
    assert (run.seed, run.plan.draws, run.training.validate_every) == (3, 32 * 80, 10)
    assert training.run(0, 32).training.validate_every == 1


def test_runs_of_earlier_stages_score_some_rows_and_are_not_watched():
    told = trainings(settings({"training": {"validate_every": 3}}), two_sizes())["sqrt"]
    for training in (trainings(settings(), two_sizes())["sqrt"], told):
        early = training.run(0, 320, rows=70)
        assert (early.training.validate_every, early.evaluation.rows) == (None, 70)
    assert told.run(0, 320).training.validate_every == 3
    assert told.run(0, 320).evaluation.rows is None
    few = trainings(settings({"evaluation": {"rows": 50}}), two_sizes())["sqrt"]
    assert [few.run(0, 320, rows).evaluation.rows for rows in (70, 40, None)] == [50, 40, 50]


def test_runs_of_earlier_stages_are_watched_where_the_best_checkpoint_is_chosen():
    training = trainings(settings({"training": {"best": "macro_f1"}}), two_sizes())["sqrt"]
    assert training.run(0, 320, rows=70).training.validate_every == 1


def test_own_candidates_are_mappings_of_plain_text():
    found = trainings(
        settings(candidates={"mine": {"rates": "equal", "weights": {"a": "sqrt", "*": "natural"}}}), two_sizes()
    )
    assert list(found) == ["natural", "mine"]
    assert found["mine"].title == "equal tasks, a: square-root class weights, *: natural class shares"


def test_nothing_to_compare_is_refused():
    with raises(PlanError, "nothing-to-compare"):
        trainings(settings(candidates=["equal"], corrections=["none"]), rows("a"))


@pytest.mark.parametrize(
    ("compare", "code", "said"),
    [
        ({"candidates": ["sqr"]}, "unknown-name", "must be of natural, equal, sqrt"),
        ({"candidates": {"natural": {"weights": "sqrt"}}}, "reserved-name", "is the baseline"),
        ({"candidates": {"../escape": {}}}, "bad-name", "'../escape'"),
        ({"rope": -0.1}, "out-of-range", "`compare.rope` must be at least 0"),
        ({"corrections": ["tau"]}, "missing-baseline", "must contain none"),
        ({"metric": "expected_cost"}, "costs-and-metric", "need each other"),
        ({"costs": "costs.yaml"}, "costs-and-metric", "need each other"),
        ({"budget": "soon"}, "bad-duration", "30m"),
        ({"seeds": 0}, "out-of-range", "compare.seeds"),
        ({"shrink": 1}, "out-of-range", "compare.shrink"),
        ({"seedz": 1}, "unknown-key", "Did you mean `compare.seeds`"),
    ],
)
def test_bad_settings_are_refused_with_their_key(compare, code, said):
    with raises(ConfigError, code) as refused:
        settings(**compare)
    assert said in str(refused.value)


def test_all_defaults_are_named_in_the_error_for_an_unknown_one():
    with raises(ConfigError, "unknown-name") as refused:
        settings(candidates=["nope"])
    assert all(name in str(refused.value) for name in default_trials())


def test_a_candidate_with_feedback_is_a_training_of_its_own():
    same = {"rates": "proportional", "weights": "natural"}
    named = {"art": same | {"feedback": "art"}, "more": same | {"feedback": {"name": "art", "c": 0.5}}, "same": same}
    config = settings({"plan": {"draws": 40, "feedback": "odm", "feedback_every": 3}}, candidates=named)
    validation = [*rows("a").column("split").to_pylist()[:-8], *["validation"] * 8]
    records = rows("a").with_column("split", validation)
    found, left_out = trainings_of(config, records)
    assert list(found) == ["natural", "art", "more"]
    assert [each.config.plan.feedback_every for each in found.values()] == [None, 3, 3]
    assert found["art"].title == "tasks by their rows, natural class shares, feedback ART(c=0.3)"
    assert [each.steps for each in found.values()] == [0, 1, 1]
    assert left_out == ["same is left out: on this data it is identical to natural"]
    configured, _ = trainings_of(settings({"plan": {"draws": 40, "feedback": "odm"}}), records)
    assert str(configured["configured"].config.plan.feedback) == "ODM()"
