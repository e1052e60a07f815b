"""What a published model was trained on."""

from pathlib import Path

import pytest

from equipoise import Census, Plan, Schedule
from equipoise.config import make_config
from equipoise.runs.directory import RunDirectory
from equipoise.runs.published import Published, trained_plan

CENSUS = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
NATURAL, EQUAL = (Plan.build(CENSUS, weights=weights, draws=360) for weights in ("natural", "inverse"))


@pytest.mark.parametrize(
    ("step", "share"),
    [
        (None, (160 * 0.1 + 208 * 0.5) / 368),  # 360 draws are 23 batches of 16
        (15, (160 * 0.1 + 80 * 0.5) / 240),
        (5, 0.1),
    ],
)
def test_the_plan_of_a_model_is_the_average_of_the_draws_until_its_checkpoint(
    tmp_path: Path, step: int | None, share: float
) -> None:
    directory = RunDirectory(tmp_path)
    config = make_config({"data": {"source": "x"}, "plan": {"draws": 360}, "training": {"batch_size": 16}})
    schedule = Schedule([(0, NATURAL), (160, EQUAL)])
    directory.write_inputs(config, schedule, {}, {})
    if step is not None:
        Published(step, "macro_f1", 0.5, validations=5, steps=20, planned=23).write(directory)
    assert trained_plan(directory).probabilities[1] == pytest.approx(share)
    directory.schedule.write_text(schedule.changed(NATURAL, 80).to_json())  # it was decided while the run trained
    assert trained_plan(directory).probabilities[1] == pytest.approx(0.1)


def test_a_plan_is_its_own_average(tmp_path: Path) -> None:
    config = make_config({"data": {"source": "x"}, "plan": {"draws": 360}})
    RunDirectory(tmp_path).write_inputs(config, EQUAL, {}, {})
    assert trained_plan(RunDirectory(tmp_path)) == EQUAL
