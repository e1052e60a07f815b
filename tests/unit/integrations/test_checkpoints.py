"""Positions of checkpoints."""

from dataclasses import replace

import pytest

from equipoise.errors import RunError, StateError
from equipoise.integrations.checkpoints import (
    FILE_NAME,
    StreamPosition,
    checkpoint_folders,
    last_checkpoint,
    refuse_used,
)

PLACE = StreamPosition(step=25, global_batch=8, draws_per_epoch=80, examples=72, sampler={"seed": 1})


@pytest.mark.parametrize(("step", "epoch"), [(0, 0), (9, 0), (10, 1), (25, 2)])
def test_epoch_of_the_next_step(step, epoch) -> None:
    assert replace(PLACE, step=step).epoch == epoch


def test_last_checkpoint_is_of_the_highest_step_not_of_the_last_name(tmp_path) -> None:
    for step in (9, 100, 20):
        PLACE.write(tmp_path / f"checkpoint-{step}")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_other_folders_are_no_checkpoints(tmp_path) -> None:
    PLACE.write(tmp_path / "checkpoint-best")
    (tmp_path / "checkpoint-3").write_text("a file")
    assert checkpoint_folders(tmp_path) == []
    assert last_checkpoint(tmp_path / "missing") is None


@pytest.mark.parametrize("text", ["", "[1]", '{"step": 3}', '{"step": 1'])
def test_a_broken_position_is_named(tmp_path, text) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(StateError, match=FILE_NAME):
        StreamPosition.read(tmp_path)


def test_the_same_stream_may_be_at_another_step() -> None:
    PLACE.check_same_stream(replace(PLACE, step=0, sampler=None))


@pytest.mark.parametrize("name", ["global_batch", "draws_per_epoch", "examples"])
def test_each_difference_is_named_with_both_values(name) -> None:
    with pytest.raises(StateError, match=f"{getattr(PLACE, name)} then, 160 now"):
        PLACE.check_same_stream(replace(PLACE, **{name: 160}))


def test_a_used_folder_is_refused(tmp_path) -> None:
    refuse_used(tmp_path)
    refuse_used(tmp_path / "missing")
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(RunError, match=r"metrics\.jsonl"):
        refuse_used(tmp_path)


def test_a_checkpoint_that_was_cut_off_makes_a_folder_used(tmp_path) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    with pytest.raises(RunError, match="checkpoint-4"):
        refuse_used(tmp_path)
