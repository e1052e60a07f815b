"""Positions, seals and folders of checkpoints."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from tests.support.errors import raises, warns

from equipoise.errors import RunError, RunWarning, StateError
from equipoise.trainer.checkpoints.folders import (
    begin,
    checkpoint_folders,
    finish,
    last_checkpoint,
    named_checkpoint,
    refuse_used,
    saving,
)
from equipoise.trainer.checkpoints.position import FILE_NAME, StreamPosition
from equipoise.trainer.checkpoints.seal import (
    SEAL,
    UNFINISHED,
    damage_of,
    damage_of_model,
    discard,
    is_foreign,
    is_sealed,
    seal,
)

PLACE = StreamPosition(step=25, global_batch=8, draws_per_epoch=80, examples=72, sampler={"seed": 1})


@pytest.mark.parametrize(("step", "epoch"), [(0, 0), (9, 0), (10, 1), (25, 2)])
def test_epoch_of_the_next_step(step, epoch) -> None:
    assert replace(PLACE, step=step).epoch == epoch


def test_last_checkpoint_is_of_the_highest_step_not_of_the_last_name(tmp_path) -> None:
    for step in (9, 100, 20):
        finish(PLACE, tmp_path / f"checkpoint-{step}")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_other_folders_are_no_checkpoints(tmp_path) -> None:
    finish(PLACE, tmp_path / "checkpoint-best")
    (tmp_path / "checkpoint-3").write_text("a file")
    assert checkpoint_folders(tmp_path) == []
    assert last_checkpoint(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "damaged-file"),
        ('{"step": 1', "damaged-file"),
        ("[1]", "damaged-file"),
        ('{"format": 1, "step": 3}', "damaged-file"),
    ],
)
def test_a_broken_position_is_named(tmp_path, text, code) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with raises(StateError, code) as caught:
        StreamPosition.read(tmp_path)
    assert FILE_NAME in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"step": -3}, {"draws_per_epoch": 0}, {"global_batch": True}, {"examples": 7.0}, {"sampler": []}]
)
def test_a_position_of_other_types_is_refused(tmp_path, change) -> None:
    PLACE.write(tmp_path)
    (tmp_path / FILE_NAME).write_text(json.dumps(json.loads((tmp_path / FILE_NAME).read_text()) | change))
    with raises(StateError, "damaged-file") as caught:
        StreamPosition.read(tmp_path)
    assert f"`{next(iter(change))}` in the state must be" in str(caught.value)


def test_the_same_stream_may_be_at_another_step() -> None:
    PLACE.check_same_stream(replace(PLACE, step=0, sampler=None))


@pytest.mark.parametrize("name", ["global_batch", "draws_per_epoch", "examples"])
def test_each_difference_is_named_with_both_values(name) -> None:
    with raises(StateError, "other-stream") as caught:
        PLACE.check_same_stream(replace(PLACE, **{name: 160}))
    assert f" was {getattr(PLACE, name)} and is 160" in str(caught.value)


def test_a_used_folder_is_refused(tmp_path) -> None:
    refuse_used(tmp_path)
    refuse_used(tmp_path / "missing")
    (tmp_path / "metrics.jsonl").touch()
    with raises(RunError, "used-folder") as caught:
        refuse_used(tmp_path)
    assert "already holds a run (`metrics.jsonl`)" in str(caught.value)


def test_a_checkpoint_that_was_cut_off_makes_a_folder_used(tmp_path) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    with raises(RunError, "used-folder"):
        refuse_used(tmp_path)


def test_a_position_of_another_format_names_both_versions(tmp_path) -> None:
    PLACE.write(tmp_path)
    values = json.loads((tmp_path / FILE_NAME).read_text())
    (tmp_path / FILE_NAME).write_text(json.dumps(values | {"format": 7, "equipoise": "9.1"}))
    with raises(StateError, "other-format") as caught:
        StreamPosition.read(tmp_path)
    assert re.search(r"format 7, written by Equipoise '9\.1'; this is Equipoise .* format 1", str(caught.value))


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint-25"
    begin(folder)
    (folder / "weights").write_bytes(bytes(range(256)))
    (folder / "inner").mkdir()
    (folder / "inner" / "more").write_bytes(b"more")
    finish(PLACE, folder)
    return folder


def test_a_sealed_checkpoint_is_whole_and_checked_by_coreutils(checkpoint) -> None:
    assert is_sealed(checkpoint)
    assert damage_of(checkpoint) is None
    assert not (checkpoint / UNFINISHED).exists()
    lines = (checkpoint / SEAL).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["inner/more", "weights", FILE_NAME]
    assert lines[0].split()[0] == "187897ce0afcf20b50ba2b37dca84a951b7046f29ed5ab94f010619f69d6e189"  # sha256sum's


def test_every_flipped_bit_of_a_checkpoint_is_noticed(checkpoint) -> None:
    for path in [path for path in checkpoint.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            path.write_bytes(damaged)
            assert damage_of(checkpoint) is not None, (path.name, place)
        path.write_bytes(whole)
    assert damage_of(checkpoint) is None


def test_every_truncation_of_a_checkpoint_is_noticed(checkpoint) -> None:
    for path in [path for path in checkpoint.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            assert damage_of(checkpoint) is not None, (path.name, length)
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_a_seal_is_of_the_files_inside_the_checkpoint_alone(checkpoint, name) -> None:
    (checkpoint.parent / "outside").write_bytes(b"more")
    text = (checkpoint / SEAL).read_text()
    (checkpoint / SEAL).write_text(text.replace("inner/more", name))
    assert damage_of(checkpoint) == f"`{name}` is missing"


def test_what_is_not_sealed_says_whose_it_is(tmp_path) -> None:
    ours, theirs = tmp_path / "checkpoint-1", tmp_path / "checkpoint-2"
    begin(ours)
    (ours / "weights").touch()
    theirs.mkdir()
    assert not is_foreign(theirs), "as a kill right after `mkdir` leaves it"
    (theirs / "weights").touch()
    assert (is_foreign(ours), is_foreign(theirs)) == (False, True)
    assert "was not written by Equipoise" in str(damage_of(theirs))


def test_discarding_is_never_seen_as_whole(checkpoint, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "rmtree", lambda _: pytest.fail("cut off here"))
    with pytest.raises(pytest.fail.Exception):
        discard(checkpoint)
    assert not is_sealed(checkpoint)
    assert not is_foreign(checkpoint)


def test_only_whole_checkpoints_count_when_old_ones_go(tmp_path) -> None:
    for step in (1, 2, 3):
        finish(PLACE, tmp_path / f"checkpoint-{step}")
    begin(tmp_path / "checkpoint-4")  # cut off
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5" / "weights").touch()  # of others
    finish(PLACE, tmp_path / "checkpoint-6", keep=2, best=str(tmp_path / "checkpoint-1"))
    assert [each.name[-1] for each in checkpoint_folders(tmp_path)] == ["1", "3", "5", "6"]


def test_a_failed_save_names_what_is_safe_and_leaves_no_part(tmp_path) -> None:
    finish(PLACE, tmp_path / "checkpoint-4")
    begin(tmp_path / "checkpoint-8")
    (tmp_path / "checkpoint-8" / "optimizer.pt").touch()
    full = OSError(28, "No space left on device")
    with raises(RunError, "cannot-save") as caught, saving(tmp_path / "checkpoint-8", tmp_path):
        raise full
    message = r"Cannot save `.*checkpoint-8`, at `optimizer.pt` .*No space left.* bytes .*free.* `.*checkpoint-4`"
    assert re.search(message, str(caught.value))
    assert [each.name for each in checkpoint_folders(tmp_path)] == ["checkpoint-4"]


def test_a_seal_needs_the_position(tmp_path) -> None:
    (tmp_path / "weights").touch()
    seal(tmp_path)
    assert damage_of(tmp_path) == f"`{SEAL}` has changed since it was written"


def test_training_from_a_named_checkpoint_renames_later_ones(tmp_path) -> None:
    for step in (20, 40, 60):
        finish(PLACE, tmp_path / f"checkpoint-{step}")
    with warns(RunWarning, "later-checkpoint") as caught:
        assert named_checkpoint(tmp_path / "checkpoint-20", tmp_path) == tmp_path / "checkpoint-20"
    assert "checkpoint-60` is later than `checkpoint-20`" in str(caught[-1].message)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-20"
    assert sorted(path.name for path in tmp_path.glob("left-*")) == ["left-checkpoint-40", "left-checkpoint-60"]


def test_a_named_checkpoint_does_not_let_into_the_folder_of_another_run(tmp_path) -> None:
    finish(PLACE, tmp_path / "one" / "checkpoint-20")
    finish(PLACE, tmp_path / "other" / "checkpoint-30")
    with raises(RunError, "used-folder"):
        named_checkpoint(tmp_path / "one" / "checkpoint-20", tmp_path / "other")
    assert named_checkpoint(tmp_path / "one" / "checkpoint-20", tmp_path / "new")


def test_a_folder_of_others_is_not_replaced_by_a_checkpoint(tmp_path) -> None:
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "checkpoint-3" / "thesis.tex").touch()
    with raises(RunError, "foreign-checkpoint"):
        begin(tmp_path / "checkpoint-3")
    assert (tmp_path / "checkpoint-3" / "thesis.tex").exists()


def test_a_file_that_cannot_be_read_is_damage(checkpoint, monkeypatch) -> None:
    def fail(_: object) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("equipoise.trainer.checkpoints.seal._checksum", fail)
    assert "cannot be read (Input/output error)" in str(damage_of(checkpoint))


def test_an_old_checkpoint_that_cannot_be_removed_does_not_end_the_training(tmp_path, monkeypatch) -> None:
    finish(PLACE, tmp_path / "checkpoint-1")

    def fail(_: object) -> None:
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr("equipoise.trainer.checkpoints.folders.discard", fail)
    with warns(RunWarning, "cannot-remove") as caught:
        finish(PLACE, tmp_path / "checkpoint-2", keep=1)
    assert "checkpoint-1` cannot be removed: Directory not empty" in str(caught[0].message)
    assert is_sealed(tmp_path / "checkpoint-2")


def test_a_link_is_no_checkpoint(tmp_path) -> None:
    finish(PLACE, tmp_path / "elsewhere")
    (tmp_path / "checkpoint-1").symlink_to(tmp_path / "elsewhere")
    finish(PLACE, tmp_path / "checkpoint-2", keep=1)
    assert is_sealed(tmp_path / "elsewhere")


@pytest.mark.parametrize("kind", ["folder", "unsealed", "file", "link", "link to a checkpoint", "broken link"])
def test_nothing_that_others_made_is_replaced_or_removed(tmp_path, kind) -> None:
    place, elsewhere = tmp_path / "run" / "checkpoint-3", tmp_path / "elsewhere"
    place.parent.mkdir()
    if kind == "file":
        place.write_text("mine")
    elif "link" in kind:
        place.symlink_to(elsewhere)
        if kind != "broken link":
            finish(PLACE, elsewhere)
        if kind == "link":
            (elsewhere / SEAL).unlink()
    else:
        finish(PLACE, place)
        (place / SEAL).unlink()
    if kind == "folder":
        (place / FILE_NAME).rename(place / "thesis.tex")
    before = {path: path.read_bytes() if path.is_file() else None for path in tmp_path.rglob("*")}
    with raises(RunError, "foreign-checkpoint", "was not written by Equipoise", "Move it away") as caught:
        begin(place)
    assert "bytes are free" not in str(caught.value)
    finish(PLACE, place.with_name("checkpoint-4"), keep=1)
    for path, content in before.items():
        assert path.is_symlink() or path.exists(), f"{path} was removed"
        assert content is None or path.read_bytes() == content


@pytest.mark.parametrize("change", ["changed", "added", "missing", "list", "cut", "empty", "none"])
def test_a_model_that_is_not_as_it_was_sealed_is_damaged(tmp_path, change) -> None:
    for name in ("config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (tmp_path / name).write_text(name)
    seal(tmp_path)
    assert damage_of_model(tmp_path) is None
    weights, sums = tmp_path / "model-00002-of-00002.safetensors", tmp_path / SEAL
    if change == "changed":
        weights.write_text("other")
    elif change == "added":
        (tmp_path / "adapter_model.safetensors").touch()
    elif change == "missing":
        weights.unlink()
    elif change == "list":
        sums.write_text(sums.read_text().replace("0", "1"))
    elif change == "cut":
        sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:-1]))
    else:
        sums.write_text("") if change == "empty" else sums.unlink()
    assert damage_of_model(tmp_path) is not None
