import pytest

from equipoise.files import write_atomically


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
