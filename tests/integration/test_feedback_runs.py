"""A feedback rule changes the plan of a run: the same decisions however the run is cut, from rows of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.feedback_runs import (
    BATCH,
    DRAWS,
    configured,
    decisions_of,
    rows_of,
    train_apart,
    write_inputs,
)

from equipoise.runs.prepare import prepare
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.schedule import read_drawable

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inputs")
    write_inputs(path)
    return path


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def metrics(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "train_runtime" not in line]


@pytest.mark.slow
@pytest.mark.distributed
def test_a_run_that_is_killed_around_its_decisions_takes_the_same_ones_also_on_two_ranks(
    folder: Path, tmp_path: Path
) -> None:
    config, whole = configured(folder, "art:0.3", feedback_every=6), tmp_path / "whole"
    assert train_apart(config, whole) == [0]
    expected = decisions_of(whole)
    assert [each["step"] for each in expected["decisions"]] == [6, 12, 18, 24, 30]
    # A window of two batches; one batch was read ahead.
    assert [each["at"] for each in expected["decisions"]] == [64, 112, 160, 208, 256]
    schedule = read_drawable((whole / "schedule.json").read_text())
    assert [stage.at for stage in schedule.stages] == [0, 64, 112, 160, 208, 256]
    # Steps 7, 14 and 21 have checkpoints. That of step 7 holds a decision of which the plan begins at step 8; then a
    # decision is lost that no checkpoint holds; then one is resumed that has begun.
    killed = tmp_path / "killed"
    for step in (9, 12, 23):
        assert train_apart(config, killed, die_at=step) == [-9]
    assert train_apart(config, killed) == [0]
    assert rows_of(killed) == rows_of(whole)
    assert decisions_of(killed) == expected
    assert (killed / "schedule.json").read_text() == (whole / "schedule.json").read_text()
    assert weights(killed) == weights(whole)
    assert metrics(killed) == metrics(whole)

    # Two ranks resume what one has begun. Sums in another order change the last bits of the parameters alone.
    two = tmp_path / "two"
    assert train_apart(config, two, die_at=15) == [-9]
    assert train_apart(config, two, ranks=2) == [0, 0]
    assert rows_of(two, ranks=2) == rows_of(whole)
    found = decisions_of(two)
    for each, same in zip(found["decisions"], expected["decisions"], strict=True):
        losses = each["scores"].pop("task_losses")
        assert losses == pytest.approx(same["scores"].pop("task_losses"), abs=2e-4)
        assert each == same
    assert (two / "schedule.json").read_text() == (whole / "schedule.json").read_text()

    # The schedule that was used draws the same rows without deciding again.
    prepared = prepare(config)
    sampler = sampler_of(prepared.config, schedule, index_of(prepared), DRAWS)
    drawn, _ = sampler.of_all_ranks(0, DRAWS)
    assert (
        np.sort(drawn.reshape(-1, 2 * BATCH)).tolist()
        == np.sort(np.array(rows_of(whole)).reshape(-1, 2 * BATCH)).tolist()
    )
