"""Successive halving: draws and seeds of each stage, costs, and the draws that a budget allows."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
from tests.support.errors import raises

from equipoise.base.codec import from_plain, to_plain
from equipoise.compare import schedule
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.prices import Speed
from equipoise.compare.schedule import LEAST_STEPS, Schedule, affordable, draws_of, schedule_of
from equipoise.config import CompareConfig, default_trials, duration_of, make_comparison, seconds_of
from equipoise.data import Records
from equipoise.errors import ConfigError


def build(trainings=15, draws=9000, batch=10, seed=0, **settings):
    return Schedule.build(
        CompareConfig(**settings), trainings=trainings, draws=draws, batch=batch, seed=seed, rows=6300, least=900
    )


def three(*batches, natural=1):
    """Trainings of which only what a schedule asks of them is there."""
    sizes = batches or (32, 32, 32)
    return {
        name: SimpleNamespace(
            config=SimpleNamespace(training=SimpleNamespace(batch_size=size)), natural=place < natural
        )
        for place, (name, size) in enumerate(zip("abc", sizes, strict=True))
    }


def test_each_stage_has_more_draws_and_fewer_trainings():
    stages = build().stages
    assert [stage.draws for stage in stages] == [1000, 3000, 9000]
    assert [stage.keep for stage in stages] == [5, 2, 2]
    assert [stage.seeds for stage in stages] == [(0, 1), (0, 1), (0, 1, 2, 3, 4)]


def test_seeds_are_paired_with_the_first_of_the_configuration():
    assert [stage.seeds for stage in build(seed=7, seeds=3).stages] == [(7, 8), (7, 8), (7, 8, 9)]


def test_earlier_stages_score_fewer_validation_rows_as_they_have_fewer_draws():
    assert [stage.rows for stage in build().stages] == [900, 2100, None]
    # Stages with the same draws are the same runs, and full runs score all.
    assert [stage.rows for stage in build(draws=1234, batch=32).stages] == [1615, 2100, None]
    assert [stage.rows for stage in build(draws=64, batch=32).stages] == [None, None, None]


def test_early_stages_have_no_more_seeds_than_the_last():
    assert [len(stage.seeds) for stage in build(seeds=1, first_seeds=4).stages] == [1, 1, 1]


def test_one_stage_trains_all_in_full():
    (only,) = build(stages=1, finalists=3).stages
    assert (only.draws, only.keep) == (9000, 3)


def test_fewer_trainings_than_finalists_are_all_kept():
    assert [stage.keep for stage in build(trainings=2, finalists=5).stages] == [2, 2, 2]


def test_draws_are_whole_batches_and_never_less_than_the_fewest_steps_nor_more_than_all():
    assert [stage.draws for stage in build(draws=1234, batch=32).stages] == [10 * 32, 13 * 32, 39 * 32]
    assert LEAST_STEPS == 10
    assert [stage.draws for stage in build(draws=64, batch=32).stages] == [64, 64, 64]


def test_cost_counts_natural_sampling_beside_those_that_are_kept():
    # 15 x 2 x 1000 + (5 + 1) x 2 x 3000 + (2 + 1) x 5 x 9000
    assert build().cost(15, lambda stage: stage.draws) == 15 * 2 * 1000 + 6 * 2 * 3000 + 3 * 5 * 9000


def test_cost_counts_the_best_other_recipe_of_natural_sampling_where_there_are_some():
    assert build().cost(15, lambda stage: stage.draws, 2) == 15 * 2 * 1000 + 7 * 2 * 3000 + 4 * 5 * 9000


def test_all_trainings_draw_as_many_however_large_their_batches_are(tmp_path):
    rows = Records(pa.table({"task": ["t"] * 100, "input": ["x"] * 100, "target": ["a", "b"] * 50}))
    data = SimpleNamespace(of=lambda split: rows, base=SimpleNamespace(tasks={}))
    config = make_comparison({"data": {"source": "rows.jsonl"}, "plan": {"draws": 4000}})
    directory = ComparisonDirectory.join(tmp_path, config)
    made = schedule_of(directory, config, three(32, 8, 48), data, lambda line: None)
    assert [stage.draws for stage in made.stages] == [10 * 96, 14 * 96, 42 * 96]


@pytest.mark.parametrize(("natural", "runs"), [(1, 3), (2, 4), (3, 4)])
def test_a_budget_pays_for_the_best_recipe_of_natural_sampling(tmp_path, monkeypatch, natural, runs):
    rows = Records(pa.table({"task": ["t"] * 100, "input": ["x"] * 100, "target": ["a", "b"] * 50}))
    data = SimpleNamespace(of=lambda split: rows, base=SimpleNamespace(tasks={}))
    given = {"data": {"source": "rows.jsonl"}, "plan": {"draws": 1024}}
    config = make_comparison({**given, "compare": {"budget": "3m", "seeds": 1, "stages": 1}})
    # Only the test rows of the finalists take time: a second each.
    speed = SimpleNamespace(run=lambda draws, rows, watched: 0.0, row=0.01)
    monkeypatch.setattr(schedule, "_speed", lambda trainings, data: speed)
    monkeypatch.setattr(schedule, "affordable", lambda cost, seconds, most, batch: asked.append(cost(most)) or most)
    asked = []
    schedule_of(ComparisonDirectory.join(tmp_path, config), config, three(natural=natural), data, lambda line: None)
    assert asked == [pytest.approx(runs)]


def test_defaults_cost_less_than_a_third_of_training_all_in_full():
    trainings = len(default_trials())
    everything = trainings * 5 * 9000
    assert build(trainings=trainings).cost(trainings, lambda stage: stage.draws, 2) < everything / 3


def test_survives_a_turn_through_plain_values():
    plain = json.loads(json.dumps(to_plain(build())))
    assert plain["stages"][0] == {"draws": 1000, "seeds": [0, 1], "keep": 5, "rows": 900}
    assert from_plain(Schedule, plain, ValueError) == build()


def test_budget_buys_the_most_whole_batches_that_fit():
    def cost(draws):
        return build(draws=draws, batch=32).cost(15, lambda stage: 0.001 * stage.draws)

    bought = affordable(cost, 100.0, 50_000, 32)
    assert bought % 32 == 0
    assert cost(bought) <= 100.0 < cost(bought + 32)


def test_budget_never_raises_the_draws():
    assert affordable(lambda draws: 0.0, 1.0, 777, 32) == 777


def test_budget_that_buys_nothing_says_how_much_is_needed():
    with raises(ConfigError, "budget-too-small") as refused:
        affordable(float, 1.0, 10_000, 32)
    assert "budget of 1s is too small" in str(refused.value)
    assert "with 320 draws for a full training needs 6m, and one with the 10,000" in str(refused.value)
    assert "10,000 that are asked for 2h47m. Give at least `--budget 6m`" in str(refused.value)


def test_a_start_that_fails_for_its_budget_leaves_room_for_a_start_with_another(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "_speed", lambda trainings, data: Speed(start=1.0, draw=0.01, row=0.01))
    rows = Records(pa.table({"task": ["t"] * 100, "input": ["x"] * 100, "target": ["a", "b"] * 50}))
    data = SimpleNamespace(of=lambda split: rows, base=SimpleNamespace(tasks={}))
    given = {"data": {"source": "rows.jsonl"}, "plan": {"draws": 1024}}
    trainings = three()

    def start(budget):
        config = make_comparison({**given, "compare": {"budget": budget}})
        directory = ComparisonDirectory.join(tmp_path, config)
        return directory, schedule_of(directory, config, trainings, data, lambda line: None)

    with raises(ConfigError, "budget-too-small"):
        start("5s")
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]
    directory, found = start("10h")
    assert directory.config.is_file()
    assert found.stages[-1].draws == 1024
    # 20 rows of each label at least, which are twice as many of a sample that is half shared evenly.
    assert [stage.rows for stage in found.stages] == [80, 80, None]


@pytest.mark.parametrize(
    ("best", "scored", "early"), [(None, 0, 0), ("loss", 0, 8 * 40), ("macro_f1", 8 * 100, 8 * 40)]
)
def test_a_budget_counts_the_validations_that_a_checkpoint_is_chosen_by(tmp_path, monkeypatch, best, scored, early):
    asked = []

    def run(draws, rows, watched):
        asked.append((rows, watched))
        return 0.0

    monkeypatch.setattr(schedule, "_speed", lambda trainings, data: SimpleNamespace(run=run, row=0.0))
    rows = Records(pa.table({"task": ["t"] * 100, "input": ["x"] * 100, "target": ["a", "b"] * 50}))
    data = SimpleNamespace(of=lambda split: rows, base=SimpleNamespace(tasks={}))
    given = {"data": {"source": "rows.jsonl"}, "plan": {"draws": 1024}, "training": {"best": best}}
    config = make_comparison({**given, "compare": {"budget": "10h"}})
    schedule_of(ComparisonDirectory.join(tmp_path, config), config, three(), data, lambda line: None)
    # 100 validation rows, of which the loss is computed on 20 of each label.
    assert asked[:3] == [(80 + scored, early), (80 + scored, early), (100 + scored, 8 * 40)]


@pytest.mark.parametrize("seconds", [0.2, 1, 59.5, 119, 121, 3599, 3601, 86_399])
def test_the_budget_that_is_advised_is_one_that_fits(seconds):
    assert seconds <= seconds_of(duration_of(seconds)) < seconds + 60
    assert affordable(lambda draws: seconds, seconds_of(duration_of(seconds)), 10_000, 32) == 10_000


@pytest.mark.parametrize(
    ("given", "rows", "fits"),
    [
        ({"plan.draws": 100}, 5000, "--draws 320"),
        ({}, 15, "--draws 320"),
        ({"training.batch_size": 8}, 79, "--draws 80"),
    ],
)
def test_too_few_draws_for_the_stages_are_refused_with_those_that_fit(given, rows, fits):
    config = make_comparison({"data": {"source": "rows.csv"}}, options=given)
    with raises(ConfigError, "too-few-draws", f"Give at least `{fits}`"):
        draws_of(config, rows)
    with_one_stage = make_comparison({"data": {"source": "rows.csv"}}, options=given | {"compare.stages": 1})
    assert draws_of(with_one_stage, rows) == given.get("plan.draws", rows)
