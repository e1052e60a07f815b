"""A comparison from end to end: halved, killed and resumed, shared by two processes, and what it recommends."""

import json
import signal
import time
from pathlib import Path

import pytest
from tests.support.faults import hf_jobs
from tests.support.processes import equipoise
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner

from equipoise.cli import app
from equipoise.cli._configured import read_comparison
from equipoise.compare import schedule as scheduling
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.prices import Speed
from equipoise.compare.processes import helpers
from equipoise.config import load_config

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:(Task|Inputs|1 of )")]

CONFIG = """
data: {source: SOURCE}
model: {name: MODEL}
plan: {draws: 320}
training: {batch_size: 16, learning_rate: 3.0e-3, save_every: 5}
trainer: {use_cpu: true}
evaluation: {bootstrap: 50}
compare:
  candidates: {sqrt: {rates: equal, weights: sqrt}, late: {rates: equal, schedule: "deferred:0.5"}}
  stages: 2
  seeds: 2
  first_seeds: 1
  finalists: 1
"""


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = write_rows(folder / "rows.jsonl", rare=40, patients=300)
    twin = json.loads(rows.read_text().splitlines()[0]) | {"group": "twin", "split": "test"}
    rows.write_text(rows.read_text() + json.dumps(twin) + "\n")
    path = folder / "compare.yaml"
    model = hf_jobs.write_tiny_t5(folder / "model", dropout=0.1)
    path.write_text(CONFIG.replace("SOURCE", str(rows)).replace("MODEL", str(model)))
    return path


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("comparisons") / "first"
    result = run("compare", config, "--out", out)
    assert result.exit_code == 0, result.output
    assert "At most 7 trainings with 1,760 draws in all" in result.output
    assert "ecommended: " in result.output  # perhaps that nothing is: so few draws teach nothing
    return out


def comparable(out: Path) -> dict:
    """The result of a comparison, without durations."""
    found = json.loads((out / "comparison.json").read_text())
    for each in found["runs"]:
        del each["seconds"]
    del found["command"]
    return found


def test_stages_train_what_the_schedule_says(finished):
    result = ComparisonDirectory.open(finished).read_result()
    first, last = result.stages
    assert (first.draws, first.seeds) == (160, (0,))  # ten steps at least
    assert (last.draws, last.seeds) == (320, (0, 1))
    trained = {(each.training, each.draws, each.seed) for each in result.runs}
    full = {(name, 320, seed) for name in last.kept for seed in (0, 1)}
    assert trained == {("natural", 160, 0), ("sqrt", 160, 0), ("late", 160, 0)} | full
    assert len(last.kept) == 2
    assert last.kept[0] == "natural"
    assert set(result.finalists) == {
        f"{name}{correction}" for name in last.kept for correction in ("", " + calibrated", " + tau", " + thresholds")
    }


def test_problems_of_the_data_are_in_the_result(finished):
    result = ComparisonDirectory.open(finished).read_result()
    assert result.trained_on == 1
    assert "duplicates-across-splits" in {problem.code for problem in result.problems}
    told = json.loads((finished / "report.json").read_text())["problems"][0]
    assert told["message"].startswith(f"1 of {result.rows['test']} test rows (less than 1%) have an input that is also")


def test_runs_of_the_first_stage_are_proxies_of_full_ones(finished):
    result = ComparisonDirectory.open(finished).read_result()
    for each in result.runs:
        config = load_config(finished / each.folder / "config.yaml")
        assert config.plan.proxy_of == (320 if each.draws == 160 else None)
    assert load_config(finished / "recommended.yaml").plan.proxy_of is None
    assert result.best_natural in result.finalists


def test_natural_sampling_is_the_baseline_and_differences_are_paired(finished):
    result = ComparisonDirectory.open(finished).read_result()
    base = result.finalists["natural"].test["macro_f1"]
    for name, versus in result.versus.items():
        own = result.finalists[name].test["macro_f1"]
        mean = sum(a - b for a, b in zip(own, base, strict=True)) / 2
        assert versus.seeds["macro_f1"].value == pytest.approx(mean)
        assert versus.groups["macro_f1"].value == pytest.approx(mean)


def test_runs_are_plain_runs(finished):
    result = ComparisonDirectory.open(finished).read_result()
    folder = finished / result.runs_of("natural")[0].folder
    again = run("evaluate", folder, "--out", finished.parent / "again", "--json")
    assert again.exit_code == 0, again.output
    scores = json.loads(again.stdout)["scores"]["mean"]
    assert scores["macro_f1"]["value"] == pytest.approx(result.finalists["natural"].test["macro_f1"][0])


def test_recommended_configuration_trains_and_gives_the_finalists_scores(finished, tmp_path):
    result = ComparisonDirectory.open(finished).read_result()
    training = result.candidates[result.recommended].training
    trained = run("train", finished / "recommended.yaml", "--out", tmp_path / "recommended")
    assert trained.exit_code == 0, trained.output
    scores = json.loads((tmp_path / "recommended" / "evaluation.json").read_text())["scores"]["mean"]
    assert scores["macro_f1"]["value"] == pytest.approx(result.finalists[training].test["macro_f1"][0])


def test_same_command_again_trains_nothing(config, finished):
    weights = sorted(finished.glob("runs/*/model/model.safetensors"))
    before = [path.stat().st_mtime_ns for path in weights]
    found = comparable(finished)
    assert run("compare", config, "--out", finished).exit_code == 0
    assert [path.stat().st_mtime_ns for path in weights] == before
    assert comparable(finished) == found


def test_another_comparison_does_not_touch_it(config, finished):
    refused = run("compare", config, "--out", finished, "--seeds", 3)
    assert refused.exit_code == 1
    assert "\nError (other-comparison): " in refused.stderr


@pytest.mark.parametrize(("sent", "code", "processes"), [(signal.SIGKILL, -signal.SIGKILL, 1), (signal.SIGTERM, 75, 2)])
def test_stopped_in_training_it_resumes_to_the_same_result(config, finished, tmp_path, sent, code, processes):
    out = tmp_path / "killed"
    started = equipoise("compare", config, "--out", out, "--processes", processes)
    deadline = time.monotonic() + 120
    while not list(out.glob("runs/*/checkpoints/*/model.safetensors")):  # in the middle of a run
        assert started.process.is_alive(), started.stderr
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started.send(sent)
    assert started.wait(120) == code, started.stderr
    if processes > 1:  # none of them goes on
        held = sorted(out.rglob("*"))
        time.sleep(1)
        assert sorted(out.rglob("*")) == held
    assert not (out / "comparison.json").exists()
    assert run("compare", config, "--out", out).exit_code == 0
    assert comparable(out) == comparable(finished)


def test_further_processes_do_the_same_work_in_silence(config, finished, tmp_path, capfd):
    out, read = tmp_path / "helped", read_comparison(str(config), {}, None)
    with helpers(2, read, out, command="", cache=None):
        pass  # this process does nothing
    assert comparable(out) == comparable(finished)
    assert capfd.readouterr() == ("", "")


def test_processes_share_the_work_and_agree(config, finished, tmp_path):
    out = tmp_path / "shared"
    both = [equipoise("compare", config, "--out", out, *options) for options in ((), ("--processes", 2))]
    assert [each.wait() for each in both] == [0, 0], [each.stderr for each in both]
    assert comparable(out) == comparable(finished)
    assert len(list(out.glob("runs/*"))) == len(list(finished.glob("runs/*")))  # each run was made once


def test_budget_lowers_the_draws_to_what_it_pays_for(config, tmp_path, monkeypatch):
    monkeypatch.setattr(scheduling, "measure", lambda training, rows: Speed(start=0.0, draw=0.002, row=0.0))
    result = run("compare", config, "--out", tmp_path / "out", "--budget", "5s", "--draws", 100_000, "--seeds", 1)
    assert result.exit_code == 0, result.output
    first, last = json.loads((tmp_path / "out" / "schedule.json").read_text())["stages"]
    # 1.2 x 0.002 s x (3 x 176 + 2 x (528 + 8 x 88 / 3)) draws is 4.93 s, with the loss of 88 rows eight times in full
    # runs, a third of training on them; one batch more would be 5.01 s.
    assert (first["draws"], last["draws"]) == (176, 528)
    assert "The budget allows 528 draws for a full training, instead of 100,000" in result.stderr


def test_budget_of_hours_measures_and_changes_nothing(config, finished, tmp_path):
    result = run("compare", config, "--out", tmp_path / "out", "--budget", "10h")
    assert result.exit_code == 0, result.output
    assert comparable(tmp_path / "out") == comparable(finished)


def test_budget_that_is_used_up_leaves_out_seeds_but_two(config, tmp_path, monkeypatch):
    monkeypatch.setattr(scheduling, "measure", lambda training, rows: Speed(start=0.0, draw=0.0, row=0.0))
    result = run("compare", config, "--out", tmp_path / "out", "--budget", "0.1s", "--seeds", 4)
    assert result.exit_code == 0, result.output
    assert "the budget of 0.1s was used up after 2 of 4 seeds" in result.output
    assert ComparisonDirectory.open(tmp_path / "out").read_result().seeds == (0, 1)


def test_metric_that_no_task_has_is_refused_before_anything_is_written(config, tmp_path):
    refused = run("compare", config, "--out", tmp_path / "out", "--metric", "rouge_l")
    assert refused.exit_code == 1
    said = "Error (other-metric): `compare.metric` rouge_l is for open-ended tasks, and all tasks here have labels."
    assert said in refused.stderr
    assert not (tmp_path / "out").exists()
