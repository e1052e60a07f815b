"""The schedule of a run, in its directory."""

from itertools import islice
from pathlib import Path

import numpy as np
from tests.support.errors import raises
from tests.support.plans import imbalanced

from equipoise import Census, LengthSorted, Plan, PlanSampler, Schedule
from equipoise.config import DataConfig, PlanConfig, RunConfig, TrainingConfig
from equipoise.errors import RunError
from equipoise.runs.directory import RunDirectory
from equipoise.runs.published import trained_plan
from equipoise.runs.schedule import ReplanAtBegin, UsedSchedule

PLAN, INDEX = imbalanced()
NATURAL = Plan.build(
    Census.from_counts({"large": {"no": 950, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}}),
    rates="proportional",
    weights="natural",
)


def test_the_schedule_in_the_directory_is_what_is_drawn(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    sampler = PlanSampler(PLAN, INDEX, draws_per_epoch=6000)
    before = sampler.state_dict()
    part = UsedSchedule(directory, sampler, first=True)
    part.on_train_begin()
    assert not directory.schedule.exists()  # a single plan
    rows = iter(sampler)
    drawn = list(islice(rows, 1000))
    sampler.replan(NATURAL)
    part.on_step_end()
    used = Schedule.from_json(directory.schedule.read_text("utf-8"))
    assert used == sampler.plan
    assert drawn + list(rows) == list(PlanSampler(used, INDEX, draws_per_epoch=6000))
    sampler.replan(PLAN)
    part.on_train_end()
    assert len(Schedule.from_json(directory.schedule.read_text("utf-8")).stages) == 3
    sampler.load_state_dict(before)  # what was decided after it is not drawn
    part.on_train_begin()
    assert not directory.schedule.exists()


def test_the_first_rank_writes_it_once(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    sampler = PlanSampler(Schedule([(0, PLAN), (2048, NATURAL)]), INDEX)
    UsedSchedule(directory, sampler, first=False).on_train_begin()
    assert not directory.schedule.exists()
    part = UsedSchedule(directory, sampler, first=True)
    part.on_train_begin()
    assert Schedule.from_json(directory.schedule.read_text("utf-8")) == sampler.plan
    directory.schedule.unlink()
    part.on_step_end()
    assert not directory.schedule.exists()  # nothing was decided since


def test_what_was_decided_in_the_run_is_part_of_what_its_model_was_trained_on(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    config = RunConfig(
        data=DataConfig(source="rows.jsonl"), plan=PlanConfig(draws=4096), training=TrainingConfig(batch_size=16)
    )
    directory.write_inputs(config, PLAN, {}, {})
    assert trained_plan(directory) == PLAN
    used = Schedule([(0, PLAN), (2048, NATURAL)])
    directory.schedule.write_text(used.to_json())
    half = (PLAN.probabilities + NATURAL.probabilities) / 2
    assert abs(trained_plan(directory).probabilities - half).max() < 1e-12


def test_another_plan_from_the_first_draw_on_is_written_too(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    sampler = PlanSampler(PLAN, INDEX, draws_per_epoch=6000)
    part = UsedSchedule(directory, sampler, first=True)
    sampler.replan(NATURAL, at=0)
    part.on_train_begin()
    assert Schedule.from_json(directory.schedule.read_text("utf-8")).stages == NATURAL.stages


def test_a_run_is_replanned_behind_its_position_if_draws_are_left() -> None:
    sampler = LengthSorted(PlanSampler(PLAN, INDEX, draws_per_epoch=6000), np.ones(len(INDEX), int), 10, window=30)
    sampler.load_state_dict(sampler.state_dict() | {"sampler": sampler.sampler.state_dict(position=1000)})
    with raises(RunError, "no-draws-left", "from draw 2,050 on", "the run has 2,050"):
        ReplanAtBegin(sampler, NATURAL, 2050).on_train_begin()
    assert sampler.plan == PLAN
    for _ in range(2):  # as when the same command is given again
        ReplanAtBegin(sampler, NATURAL, 2051).on_train_begin()
        assert sampler.plan == Schedule([(0, PLAN), (2050, NATURAL)])
