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
    found = training.candidates(("none", "calibrated", "tau", "thresholds"))
    steps = {"sqrt": 2, "sqrt + calibrated": 3, "sqrt + tau": 4, "sqrt + thresholds": 5}
    assert {name: info.steps for name, info in found.items()} == steps
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


def test_natural_sampling_has_recipes_relative_to_the_settings_that_all_share():
    config = settings({"training": {"batch_size": 16, "learning_rate": 0.004}}, draws=40)
    found = trainings(config, two_sizes())
    own = {name: (each.config.training.batch_size, each.config.training.learning_rate) for name, each in found.items()}
    assert own["natural-small-batch"] == (4, 0.002)
    assert own["natural-high-rate"] == (16, 0.008)
    assert own["natural"] == own["sqrt"] == own["natural-smooth"] == (16, 0.004)
    assert found["natural-smooth"].config.training.loss.options == {"label_smoothing": 0.1}
    assert [name for name, each in found.items() if each.natural] == [
        "natural",
        "natural-small-batch",
        "natural-smooth",
        "natural-high-rate",
    ]
    assert all(each.steps == 1 for name, each in found.items() if name.startswith("natural-"))
    assert found["natural-small-batch"].title == "every row equally often, batch size 4, learning rate 0.002"
    (info,) = found["natural-high-rate"].candidates(("none",)).values()
    assert info.settings["training"]["learning_rate"] == 0.008


def test_a_recipe_of_natural_sampling_knows_nothing_of_how_frequent_labels_are():
    natural = {"rates": "proportional", "weights": "natural"}
    others = {
        "weighted": natural | {"target_weights": "sqrt"},
        "losses": natural | {"loss": "balanced_softmax"},
        "focal": natural | {"loss": "focal"},
        "late": natural | {"schedule": "deferred:0.5"},
        "planned": {"rates": "equal"},
    }
    found = trainings(settings(draws=320, candidates=others), two_sizes())
    assert [name for name, each in found.items() if each.natural] == ["natural"]


def test_undersampling_goes_through_no_row_twice_and_is_natural_where_all_rows_are_drawn():
    config = settings(draws=20, candidates=["undersampled"])
    base = prepare(config.run, two_sizes())
    found = made.trainings_of(config, base)[0]["undersampled"]
    assert found.title.endswith(", at most 1 passes")
    plan = prepare_again(found.run(0, 20), base).plan
    assert (plan.probabilities * 20 <= plan.counts * (1 + 1e-9)).all()
    assert plan.probabilities.tolist() == pytest.approx([0.3, 0.2, 0.45, 0.05])
    found, left_out = trainings_of(settings(draws=50), two_sizes())
    assert "undersampled is left out: on this data it is identical to natural" in left_out
    _, left_out = trainings_of(settings(draws=200), two_sizes())
    assert any(reason.startswith("undersampled is left out: UniMax can place 50 draws") for reason in left_out)


def test_a_limit_of_passes_of_the_configuration_is_that_of_candidates_without_their_own():
    equal = {"rates": "equal", "weights": "balanced"}
    own = {"mine": equal, "other": equal | {"max_passes": 2}}
    config = settings({"plan": {"draws": 40, "max_passes": 3}}, candidates=own)
    assert [each.config.plan.max_passes for each in trainings(config, two_sizes()).values()] == [3, 3, 2]


@pytest.mark.parametrize(("name", "value"), [("batch_size", 0), ("learning_rate", 0), ("max_passes", 0)])
def test_settings_of_a_candidate_are_checked(name, value):
    with raises(ConfigError, "out-of-range", name):
        settings(candidates={"mine": {name: value}})


def test_batch_size_and_learning_rate_alone_make_another_training():
    own = {"same": {}, "small": {"batch_size": 8}, "again": {"batch_size": 8}, "slow": {"learning_rate": 1e-4}}
    found, left_out = trainings_of(settings(candidates=own), two_sizes())
    assert list(found) == ["natural", "small", "slow"]
    assert left_out[1] == "again is left out: on this data it is identical to small"
