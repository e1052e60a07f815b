import errno

import pytest
from tests.support.errors import raises

from equipoise.base.files import write_atomically
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
