"""A sampler warns where an epoch of it repeats or misses rows; and how plans look in a notebook."""

import warnings

import pyarrow as pa
import pytest
from tests.support.errors import warns

from equipoise import Census, Plan, PlanSampler, Schedule, Shard, StratumIndex
from equipoise.config import DataConfig, PlanConfig, RunConfig
from equipoise.errors import PlanWarning
from equipoise.runs.sampling import count_draws

CENSUS = Census.from_counts({"t": {"a": 999, "b": 1}, "<u>": 1000})
PLAN = Plan.build(CENSUS, weights="inverse")


def make(plan=PLAN, **options):
    return PlanSampler(plan, StratumIndex.from_sizes(plan), **options)


def test_many_passes_in_an_epoch_are_warned_of_once():
    with warns(PlanWarning, "epoch-forecast") as caught:
        sampler = make()
        list(sampler)
        list(sampler)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith("The forecast of an epoch of 2000 draws:\nerror (too-many-passes): 't', label 'b'")
    assert "is seen 500 times" in message
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("plan", "draws", "code"),
    [
        (PLAN, 100, "many-passes"),
        (Plan.build(CENSUS, {"name": "fixed", "rates": {"t": 0, "<u>": 1}}), 1000, "never-drawn"),
        (Plan.build(CENSUS, "proportional", "natural"), 100, "rarely-drawn"),
        (Plan.build(CENSUS + Census.from_counts({"v": 0})), 10, "no-examples"),
    ],
)
def test_so_is_whatever_else_the_forecast_finds(plan, draws, code):
    with pytest.warns(PlanWarning, match=code):
        make(plan, draws_per_epoch=draws)


def test_what_another_epoch_of_a_schedule_draws_is_not_missing():
    parts = [Plan.build(CENSUS, {"name": "fixed", "rates": {"t": t, "<u>": 1 - t}}, "natural") for t in (0, 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(Schedule([(0, parts[0]), (10_000, parts[1])]), draws_per_epoch=5000)
    with pytest.warns(PlanWarning, match="never-drawn"):
        make(Schedule([(0, parts[0]), (10_000, parts[0])]), draws_per_epoch=5000)


def test_an_epoch_without_problems_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(Plan.build(Census.from_counts({"t": {"a": 500, "b": 400}})))
        make(shard=Shard(1, 2))  # rank 0 says it
        config = RunConfig(data=DataConfig(source="suite:multi-diagnosis"), plan=PlanConfig(draws=2000))
        count_draws(config, PLAN, 2000)  # a run has reported its forecast


def test_tables_are_arrow_tables():
    table = CENSUS.to_arrow()
    assert table.column("count").to_pylist() == [1000, 999, 1]
    assert table.column("label").to_pylist() == [None, "a", "b"]
    assert Census.from_table(table, open_ended_tasks=["<u>"]) == CENSUS
    assert Census((), []).to_arrow().num_rows == 0
    plan = PLAN.to_arrow()
    assert plan.column("probability").to_pylist() == PLAN.probabilities.tolist()
    assert plan.column("count").type == pa.int64()
    forecast = PLAN.forecast(1000)
    assert forecast.to_arrow().to_pandas()["expected_draws"].tolist() == [500, 250, 250]


def test_a_notebook_shows_tables_and_a_terminal_one_line():
    sampler = make(draws_per_epoch=10)
    forecast = PLAN.forecast(2000)
    for value, parts in (
        (CENSUS, ["Census(2 tasks, 3 strata, 2,000 examples, 1 to 1,000 each)", "<td>999</td>"]),
        (PLAN, ["Plan(2 tasks, 3 strata", "<td>25.00%</td>"]),
        (forecast, ["<td>500</td>", "too-many-passes"]),
        (sampler, ["PlanSampler(Plan(2 tasks", "at position 0", "seed=0", "<th>passes</th>"]),
    ):
        html = value._repr_html_()
        assert [part for part in parts if part not in html] == []
        assert "<u>" not in html
        assert "&lt;u&gt;" in html
        assert "\n" not in repr(value)
        assert len(repr(value)) < 300
    assert repr(forecast) == "Forecast(2000 draws, 3 rows, 1 problems)"
    many = Census.from_counts({"t": {f"{i:03}": 1 for i in range(100)}})._repr_html_()
    assert many.count("<tr>") == 61
    assert "... 40 more rows" in many
