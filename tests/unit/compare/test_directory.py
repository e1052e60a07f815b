"""The directory of a comparison: joined by those who do the same, refused to all others."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.runs import Trained
from equipoise.config import make_comparison
from equipoise.errors import RunError
from equipoise.runs.directory import RunDirectory


@pytest.fixture
def config():
    return make_comparison({"data": {"source": "rows.jsonl"}, "plan": {"draws": 64}})


def test_the_same_comparison_is_joined(tmp_path, config):
    first = ComparisonDirectory.join(tmp_path / "out", config)
    before = first.config.read_bytes()
    assert ComparisonDirectory.join(tmp_path / "out", config) == first
    assert first.config.read_bytes() == before


def test_another_place_is_no_other_comparison(tmp_path, config):
    ComparisonDirectory.join(tmp_path, replace(config, out="here"))
    ComparisonDirectory.join(tmp_path, replace(config, out="there"))


def test_another_comparison_is_refused_and_nothing_lost(tmp_path, config):
    first = ComparisonDirectory.join(tmp_path, config)
    before = first.config.read_bytes()
    with pytest.raises(RunError, match=r"holds another comparison: `seed` was 0, now it is 1"):
        ComparisonDirectory.join(tmp_path, replace(config, seed=1))
    assert first.config.read_bytes() == before


def test_directory_that_holds_something_else_is_refused(tmp_path, config):
    (tmp_path / "thesis.tex").write_text("\\documentclass")
    with pytest.raises(RunError, match="holds no comparison"):
        ComparisonDirectory.join(tmp_path, config)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_file_is_refused(tmp_path, config):
    (tmp_path / "out").write_text("")
    with pytest.raises(RunError, match="must name a directory"):
        ComparisonDirectory.join(tmp_path / "out", config)


def test_lock_excludes_others_and_is_freed(tmp_path, config):
    directory = ComparisonDirectory.join(tmp_path, config)
    with directory.lock("run").acquire(timeout=0):
        with pytest.raises(TimeoutError):
            directory.lock("run").acquire(timeout=0)
        with directory.lock("other").acquire(timeout=0):
            pass
    with directory.lock("run").acquire(timeout=0):
        pass


def test_opening_needs_a_finished_comparison(tmp_path, config):
    with pytest.raises(RunError, match="it holds none"):
        ComparisonDirectory.open(tmp_path / "nothing")
    directory = ComparisonDirectory.join(tmp_path / "begun", config)
    with pytest.raises(RunError, match="is not finished yet: run the same"):
        ComparisonDirectory.open(directory.path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(RunError, match="is a run, not a comparison"):
        ComparisonDirectory.open(tmp_path)


def test_result_of_another_version_is_refused(tmp_path, config):
    directory = ComparisonDirectory.join(tmp_path, config)
    directory.result.write_text(json.dumps({"format": "equipoise-comparison", "version": 99}))
    with pytest.raises(RunError, match="version"):
        ComparisonDirectory.open(tmp_path).read_result()


def test_result_that_was_damaged_is_refused_by_name(tmp_path, config):
    directory = ComparisonDirectory.join(tmp_path, config)
    directory.result.write_text(json.dumps({"format": "equipoise-comparison", "version": 1, "candidates": 3}))
    with pytest.raises(RunError, match=r"comparison\.json. is damaged .*Remove it"):
        ComparisonDirectory.open(tmp_path).read_result()


@pytest.mark.parametrize("text", ["[]", "{}", '{"scores": 1}', "3", "null"])
def test_scores_that_were_damaged_are_refused_by_name(tmp_path, text):
    run = RunDirectory(tmp_path)
    Trained.path(run).write_text(text)
    with pytest.raises(RunError, match=r"validation\.json. is damaged .*Remove it"):
        Trained.read(run)


def test_scores_are_read_as_they_were_written(tmp_path):
    run = RunDirectory(tmp_path)
    kept = Trained(1.5, 0.5, 12, 3e9, {"none": {"macro_f1": 0.5, "ece": None}})
    kept.write(run)
    assert Trained.read(run) == kept


def test_what_a_process_left_that_was_killed_while_it_began_is_no_obstacle(tmp_path, config):
    ComparisonDirectory(tmp_path).lock("compare")
    (tmp_path / ".compare.yaml.k2j3.yaml").write_text("data: {sou")
    assert ComparisonDirectory.join(tmp_path, config).config.exists()


def test_locks_alone_do_not_make_a_directory_ours(tmp_path, config):
    ComparisonDirectory(tmp_path).lock("compare")
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(RunError, match="not empty"):
        ComparisonDirectory.join(tmp_path, config)


def test_many_may_begin_it_at_once(tmp_path, config):
    for number in range(20):
        path = tmp_path / str(number)
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(lambda _, path=path: ComparisonDirectory.join(path, config), range(8)))) == 8
