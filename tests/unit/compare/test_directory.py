"""The directory of a comparison: joined by processes that run the same one, refused to all others."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.support.comparisons import CLINIC, write_comparison
from tests.support.errors import raises

from equipoise.compare import runs
from equipoise.compare.directory import ComparisonDirectory
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
    with raises(RunError, "other-comparison") as refused:
        ComparisonDirectory.join(tmp_path, replace(config, seed=1))
    assert f"`{tmp_path}` holds another comparison: seed was 0 and is 1. Choose another --out." == str(refused.value)
    assert first.config.read_bytes() == before


def test_directory_that_holds_something_else_is_refused(tmp_path, config):
    (tmp_path / "thesis.tex").write_text("\\documentclass")
    with raises(RunError, "not-empty"):
        ComparisonDirectory.join(tmp_path, config)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_file_is_refused(tmp_path, config):
    (tmp_path / "out").write_text("")
    with raises(RunError, "not-a-directory") as refused:
        ComparisonDirectory.join(tmp_path / "out", config)
    assert f"`out` must be a directory, found something else at `{tmp_path / 'out'}`" in str(refused.value)


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
    with raises(RunError, "not-a-comparison") as refused:
        ComparisonDirectory.open(tmp_path / "nothing")
    assert "it holds no comparison" in str(refused.value)
    directory = ComparisonDirectory.join(tmp_path / "begun", config)
    with raises(RunError, "unfinished") as refused:
        ComparisonDirectory.open(directory.path)
    assert "is not finished yet. Run the same `equipoise compare` again" in str(refused.value)
    (tmp_path / "plan.json").write_text("{}")
    with raises(RunError, "not-a-comparison") as refused:
        ComparisonDirectory.open(tmp_path)
    assert f"it is a run. Print its scores with `equipoise evaluate {tmp_path}`" in str(refused.value)


@pytest.mark.parametrize("values", [{"format": "equipoise-comparison", "version": 99}, {}, [], 3])
def test_result_of_another_version_is_refused(tmp_path, config, values):
    directory = ComparisonDirectory.join(tmp_path, config)
    directory.result.write_text(json.dumps(values))
    with raises(RunError, "other-version") as refused:
        ComparisonDirectory.open(tmp_path).read_result()
    assert "comparison.json` must have {'format': 'equipoise-comparison', 'version': 2}" in str(refused.value)


def test_result_that_was_damaged_is_refused_by_name(tmp_path, config):
    directory = ComparisonDirectory.join(tmp_path, config)
    directory.result.write_text(json.dumps({"format": "equipoise-comparison", "version": 2, "candidates": 3}))
    with raises(RunError, "damaged-file") as refused:
        ComparisonDirectory.open(tmp_path).read_result()
    assert "comparison.json` is damaged: `metric` is missing" in str(refused.value)
    assert "Remove it" in str(refused.value)


@pytest.mark.slow
def test_result_is_read_as_it_was_written_and_one_wrong_value_is_named(tmp_path):
    path = write_comparison(tmp_path, CLINIC, seeds=(0, 1))
    directory = ComparisonDirectory.open(path)
    result = directory.read_result()
    assert result.versus
    assert result.ranks is not None
    before = directory.result.read_text()
    directory.write_result(result)
    assert json.loads(directory.result.read_text()) == json.loads(before)
    assert directory.read_result() == result
    values = json.loads(before)
    values["runs"][0]["seed"] = True
    directory.result.write_text(json.dumps(values))
    with raises(RunError, "damaged-file") as refused:
        directory.read_result()
    assert "`runs.0.seed` must be an integer, found True" in str(refused.value)


@pytest.mark.parametrize("text", ["[]", "{}", '{"scores": 1}', "3", "null"])
def test_scores_that_were_damaged_are_refused_by_name(tmp_path, text):
    run = RunDirectory(tmp_path)
    runs.Trained.path(run).write_text(text)
    with raises(RunError, "damaged-file") as refused:
        runs.Trained.read(run)
    assert "validation.json` is damaged: " in str(refused.value)
    assert "Remove it" in str(refused.value)


def test_scores_are_read_as_they_were_written(tmp_path):
    run = RunDirectory(tmp_path)
    kept = runs.Trained(1.5, 0.5, 12, 3e9, {"none": {"macro_f1": 0.5, "ece": None}})
    kept.write(run)
    assert runs.Trained.read(run) == kept
    tested = runs.Tested(0.5, {"none": ({"macro_f1": 0.5}, {"heart": {"macro_f1": 0.5, "ece": None}})})
    tested.write(run)
    assert runs.Tested.read(run) == tested


def test_what_a_process_left_that_was_killed_while_it_began_is_no_obstacle(tmp_path, config):
    ComparisonDirectory(tmp_path).lock("compare")
    (tmp_path / ".compare.yaml.k2j3.yaml").write_text("data: {sou")
    assert ComparisonDirectory.join(tmp_path, config).config.exists()


def test_locks_alone_do_not_make_a_directory_ours(tmp_path, config):
    ComparisonDirectory(tmp_path).lock("compare")
    (tmp_path / "thesis.tex").write_text("")
    with raises(RunError, "not-empty"):
        ComparisonDirectory.join(tmp_path, config)


@pytest.mark.slow
def test_many_may_begin_it_at_once(tmp_path, config):
    for number in range(20):
        path = tmp_path / str(number)
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(lambda _, path=path: ComparisonDirectory.join(path, config), range(8)))) == 8
