"""What a report says of shares that change during training: planned as the schedule says, drawn as a sampler draws."""

import json
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from equipoise import Plan, PlanSampler, Schedule, StratumIndex
from equipoise.census import Census
from equipoise.compare.report import stages, trained, write_report
from equipoise.compare.report.data import ComparisonData
from equipoise.config import save_config
from equipoise.drawing import Quota
from equipoise.runs.directory import RunDirectory

DRAWS = 2560


def scheduled(directory, recipe, runs="sqrt-2560-*"):
    """Make the runs of a comparison draw a schedule."""
    found = [RunDirectory(folder) for folder in sorted((directory / "runs").glob(runs))]
    plan = found[0].read_plan()
    schedule = Schedule.build(Census(plan.strata, plan.counts), recipe, draws=DRAWS, global_batch=16)
    for run in found:
        run.plan.write_text(schedule.to_json())
    return schedule


def counts_of(schedule, parts):
    """Count what a sampler of the run with seed 0 draws in each part of the training."""
    codes = np.repeat(np.arange(len(schedule.strata)), schedule.counts)
    sampler = PlanSampler(schedule, StratumIndex.from_codes(codes, len(schedule.strata)), draws_per_epoch=DRAWS)
    strata = codes[np.array(list(sampler))]
    return [np.bincount(part, minlength=len(schedule.strata)).tolist() for part in np.split(strata, parts)]


def test_each_stage_has_its_shares_and_what_a_sampler_draws_in_it(copy_of):
    directory = copy_of("one-seed")
    schedule = scheduled(directory, "cooldown:0.5")
    (part,) = stages.gather(ComparisonData.open(directory))  # the other finalist draws a single plan
    assert (part.training, part.decided) == ("sqrt", None)
    assert [(stage.at, stage.draws) for stage in part.stages] == [(0, 1280), (1280, 1280)]
    assert [list(stage.shares) for stage in part.stages] == [s.plan.probabilities.tolist() for s in schedule.stages]
    assert [list(stage.drawn) for stage in part.stages] == counts_of(schedule, [1280])
    assert [list(drawn) for drawn in part.drawn] == counts_of(schedule, part.ends[:-1])
    planned = 1280 * np.array([stage.plan.probabilities for stage in schedule.stages])
    errors = np.cumsum(np.array(counts_of(schedule, [1280])) - planned, axis=0)
    assert part.furthest == pytest.approx(np.abs(errors).max())
    assert trained.gather_shares(ComparisonData.open(directory))[1].furthest == pytest.approx(np.abs(errors[-1]).max())


def test_what_was_decided_in_the_run_is_what_it_drew(copy_of):
    directory = copy_of("one-seed")
    run = RunDirectory(directory / "runs" / "sqrt-2560-0")
    plan = run.read_plan()
    used = Schedule([(0, plan), (2048, Plan.build(Census(plan.strata, plan.counts), "proportional", "natural"))])
    run.schedule.write_text(used.to_json())
    data = ComparisonData.open(directory)
    (part,) = stages.gather(data)
    assert part.decided == 2048
    assert [list(stage.drawn) for stage in part.stages] == counts_of(used, [2048])
    assert "What it drew from draw 2,048 on was decided in the run." in stages.sections((part,))[0].texts[0]
    whole = np.sum(counts_of(used, [2048]), axis=0).tolist()
    assert [each.drawn for each in trained.gather_shares(data)[1].strata] == whole


def test_finalists_beside_the_two_arms_are_shown_too(copy_of):
    directory = copy_of("one-seed")
    scheduled(directory, "cooldown:0.5")
    data = ComparisonData.open(directory)
    arms = SimpleNamespace(arms=(data.result.baseline,), result=data.result, runs=data.runs)
    assert [part.training for part in stages.gather(arms)] == ["sqrt"]


def test_a_training_that_ends_inside_a_block_is_said_to(copy_of):
    directory = copy_of("one-seed")
    scheduled(directory, "cooldown:0.5")
    (part,) = stages.gather(ComparisonData.open(directory))
    assert "ended inside a block of 2,048" in stages.sections((part,))[0].texts[0]
    run = RunDirectory(directory / "runs" / "sqrt-2560-0")
    config = run.read_config()
    save_config(replace(config, training=replace(config.training, batches="quota")), run.config)
    (part,) = stages.gather(ComparisonData.open(directory))
    assert "inside a block" not in stages.sections((part,))[0].texts[0]


def test_without_a_schedule_there_is_no_section(comparison_of):
    assert stages.gather(ComparisonData.open(comparison_of("one-seed"))) == ()
    assert stages.sections(()) == []


@pytest.mark.slow
def test_the_report_shows_every_stage_in_all_formats(copy_of):
    directory = copy_of("one-seed")
    schedule = scheduled(directory, "cooldown:0.5")
    page = write_report(directory)
    html, markdown = page.read_text(encoding="utf-8"), page.with_suffix(".md").read_text(encoding="utf-8")
    first, last = counts_of(schedule, [1280])
    span = schedule.stages[0].plan.span("skin")
    planned = float(1280 * schedule.stages[0].plan.probabilities[span].sum())
    drawn = sum(first[span])
    line = f"| skin | {planned / 1280:.2%} | {drawn / 1280:.2%} | {planned:,.1f} | {drawn:,} |"
    assert line in markdown
    assert f"{sum(last[span]):,}" in markdown
    assert "Shares over the training" in html
    assert "2, draws 1,280 to 2,560" in html
    (figure,) = [each for each in html.split("<figure>") if "bands are planned" in each]
    ElementTree.fromstring(figure[figure.index("<svg") : figure.index("</svg>") + 6])
    plain = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert [stage["drawn"] for stage in plain["stages"][0]["stages"]] == [first, last]


def test_of_many_stages_twelve_are_in_the_table(copy_of):
    directory = copy_of("one-seed")
    scheduled(directory, "progressive:40")
    (section,) = stages.sections(stages.gather(ComparisonData.open(directory)))
    (table,) = section.tables
    assert len(table.views) == stages.MOST_STAGES
    assert table.caption == "sqrt: planned and actual shares of 12 of the 40 stages"
    assert table.views[0].name.startswith("1, ")
    assert table.views[-1].name.startswith("40, ")


def test_batches_of_the_run_are_counted(copy_of):
    directory = copy_of("one-seed")
    schedule = scheduled(directory, "cooldown:0.5")
    run = RunDirectory(directory / "runs" / "sqrt-2560-0")
    config = run.read_config()
    save_config(replace(config, training=replace(config.training, batches="quota")), run.config)
    (part,) = stages.gather(ComparisonData.open(directory))
    sampler = PlanSampler(schedule, StratumIndex.from_sizes(schedule), draws_per_epoch=DRAWS, batches=Quota(16))
    _, strata = sampler.of_all_ranks(0, 1280)
    assert list(part.stages[0].drawn) == np.bincount(strata, minlength=len(schedule.strata)).tolist()
