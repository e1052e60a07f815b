import errno
import multiprocessing as mp
import os
import time

import pytest
from tests.support.errors import raises

from equipoise.base.files import refuse_unwritable, remove_left, write_atomically
from equipoise.errors import RunError


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "report.json"
    target.write_text("old")

    def crash_halfway():
        with write_atomically(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        crash_halfway()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_is_written_through_a_link(tmp_path, dangling):
    elsewhere, target = tmp_path / "elsewhere", tmp_path / "run" / "plan.json"
    target.parent.mkdir()
    target.symlink_to(elsewhere)
    if not dangling:
        elsewhere.write_text("theirs")
    with write_atomically(target) as temporary:
        temporary.write_text("{}")
    assert not target.is_symlink()
    assert target.read_text() == "{}"
    assert elsewhere.exists() != dangling
    assert dangling or elsewhere.read_text() == "theirs"


def test_folder_is_made_and_only_the_file_stays(tmp_path):
    target = tmp_path / "a" / "b" / "plan.json"
    with write_atomically(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".json"
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_finished_file_has_ordinary_permissions(tmp_path):
    plain, written = tmp_path / "plain", tmp_path / "written"
    plain.touch()
    with write_atomically(written) as temporary:
        temporary.touch()
    assert written.stat().st_mode == plain.stat().st_mode


def test_a_full_disk_is_named_and_loses_nothing(tmp_path):
    target = tmp_path / "plan.json"
    target.write_text("old")
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        raises(
            RunError, "cannot-write", "plan.json`: No space left on device. ", " bytes are free there. Free some space"
        ),
        write_atomically(target),
    ):
        raise full
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_errors_of_other_files_are_not_taken_for_those_of_this_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"), write_atomically(tmp_path / "plan.json"):
        (tmp_path / "elsewhere").read_text()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    said = ("file/plan.json`: ", " Choose a writable folder")
    with raises(RunError, "cannot-write", *said), write_atomically(tmp_path / "file" / "plan.json"):
        pytest.fail("there is nothing to write to")


def write_and_wait(target):
    with write_atomically(target) as temporary:
        temporary.write_text("half")
        time.sleep(30)


@pytest.mark.parametrize("name", ["answers.csv", "report.json", "plan", "metrics.jsonl", "a[1]*.csv"])
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path, name):
    target = tmp_path / name
    others = [f".{name}", f".{name}.notes", f".{name}.0123abcd.old", ".other.csv.0123abcd.csv", f"{name}.0123abcd"]
    for other in others:
        (tmp_path / other).touch()
    writers = [mp.get_context("fork").Process(target=write_and_wait, args=(target,), daemon=True) for _ in range(2)]
    for writer in writers:
        writer.start()
    while len(list(tmp_path.iterdir())) < len(others) + 2:
        time.sleep(0.01)
    time.sleep(0.1)
    with write_atomically(target) as temporary:
        temporary.write_text("whole")
    assert len(list(tmp_path.iterdir())) == len(others) + 3, "two are being written"
    writers[0].kill()
    writers[0].join()
    remove_left(target)
    assert len(list(tmp_path.iterdir())) == len(others) + 2
    writers[1].kill()
    writers[1].join()
    with write_atomically(target) as temporary:
        temporary.write_text("again")
    assert {path.name for path in tmp_path.iterdir()} == {name, *others}


def test_without_locks_only_old_files_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("equipoise.base.files.fcntl", None)
    new, old = tmp_path / ".plan.json.00000000.json", tmp_path / ".plan.json.00000001.json"
    new.touch()
    old.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    with write_atomically(tmp_path / "plan.json") as temporary:
        temporary.write_text("{}")
    assert {path.name for path in tmp_path.iterdir()} == {"plan.json", new.name}


def test_what_cannot_be_written_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name in ("folder", "file/answers.csv", "loop/answers.csv", "x" * 300 + "/answers.csv", "x/" * 3000 + "y"):
        with raises(RunError, "cannot-write", "Cannot write `"):
            refuse_unwritable(tmp_path / name)
    refuse_unwritable(tmp_path / "new" / "answers.csv")
    assert list((tmp_path / "new").iterdir()) == []
