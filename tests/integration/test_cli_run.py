"""From data to answers through the command, on small made-up data."""

import json
import multiprocessing as mp
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from tests.support.processes import equipoise
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner, Result

from equipoise.base.plain_json import write_json
from equipoise.cli import app
from equipoise.config import load_config
from equipoise.runs import evaluate as evaluation
from equipoise.runs.directory import RunDirectory
from equipoise.trainer.checkpoints.lock import HOLDER, LOCK, locked

pytestmark = pytest.mark.slow

# Few steps on short inputs; the learning rate is high so that they suffice.
SETTINGS = ["--set", "training.batch_size=16", "--set", "training.learning_rate=3e-3", "--set", "training.log_every=1"]
SETTINGS += ["--set", "evaluation.bootstrap=50", "--draws", "640", "--weights", "sqrt", "--set", "trainer.use_cpu=true"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "rows.jsonl")


@pytest.fixture(scope="module")
def trained(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    result = run("train", rows, *SETTINGS, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["steps"] == 40
    assert "tone: classification, 3 labels\ntriage: classification, 2 labels\n" in result.stderr
    return out


def test_the_run_directory_holds_everything(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {
        "config.yaml", "plan.json", "tasks.json", "data.json", "versions.json", "metrics.jsonl", "checkpoints", "model",
        "predictions.parquet", "evaluation.json", LOCK, HOLDER,
    }  # fmt: skip
    config = load_config(trained / "config.yaml")
    assert config.plan.draws == 640
    assert config.training.learning_rate == 3e-3
    steps = [json.loads(line)["step"] for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert steps[:40] == list(range(1, 41))


def test_it_learned_and_counted_every_test_row_once(trained: Path) -> None:
    scores = json.loads((trained / "evaluation.json").read_text())["scores"]
    assert scores["tasks"]["tone"]["metrics"]["accuracy"]["value"] > 0.5
    predictions = pq.read_table(trained / "predictions.parquet").to_pylist()
    assert len(predictions) == 24
    assert sorted(row["row"] for row in predictions) == list(range(24))
    assert all(sum(row["probability"]) == pytest.approx(1) for row in predictions)


def test_labels_and_plan_come_from_training_rows_alone(trained: Path) -> None:
    plan = RunDirectory(trained).read_plan()
    assert dict(zip(plan.strata, plan.counts.tolist(), strict=True))["triage", "urgent"] == 4
    assert plan.counts.sum() == 72


def test_an_existing_run_is_refused(trained: Path, rows: Path) -> None:
    before = (trained / "config.yaml").read_bytes()
    result = run("train", rows, *SETTINGS, "--out", trained)
    assert result.exit_code == 1
    assert "never overwritten" in result.stderr
    assert "--resume" in result.stderr
    assert (trained / "config.yaml").read_bytes() == before


def test_a_finished_run_is_not_trained_again(trained: Path, rows: Path) -> None:
    model = (trained / "model" / "model.safetensors").stat().st_mtime_ns
    result = run("train", rows, *SETTINGS, "--out", trained, "--resume")
    assert result.exit_code == 0, result.output
    assert "is complete" in result.stderr
    assert (trained / "model" / "model.safetensors").stat().st_mtime_ns == model


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--draws", "656"], "- `plan.draws` was 640 and is 656"),
        (["--weights", "natural"], "- `plan.weights.name` was 'power' and is 'natural'"),
        (["--seed", "1"], "- `seed` was 0 and is 1"),
        (["--set", "tasks.tone.prompt=how is {input}"], "- task `tone.prompt` was '{task}: {input}' and is 'how is"),
    ],
)
def test_resuming_another_run_names_the_difference(trained: Path, rows: Path, change: list[str], named: str) -> None:
    result = run("train", rows, *SETTINGS, *change, "--out", trained, "--resume")
    assert result.exit_code == 1
    assert "\nError (other-run): The run in " in result.stderr
    assert named in result.stderr


def test_resuming_on_other_data_names_the_difference(trained: Path, rows: Path) -> None:
    text = rows.read_text()
    rows.write_text(text.replace("small cut", "small burn"))
    result = run("train", rows, *SETTINGS, "--out", trained, "--resume")
    rows.write_text(text)
    assert result.exit_code == 1
    assert "data: `train_sha256` was" in result.stderr


def test_resuming_what_is_no_run_is_refused(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = run("train", rows, *SETTINGS, "--out", tmp_path, "--resume")
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_resume_starts_a_run_that_was_cut_off_before_it_was_one(trained: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    shutil.copy(trained / "plan.json", out)
    (out / ".tasks.json.k7x2.json").write_text('{"to')  # killed while it was written
    refused = run("train", rows, *SETTINGS, "--out", out)
    assert refused.exit_code == 1
    assert "is not empty" in refused.stderr
    result = run("train", rows, *SETTINGS, "--out", out, "--resume")
    assert result.exit_code == 0, result.output
    assert "no run in" in result.stderr
    assert (out / "metrics.jsonl").read_text().count('"loss"') == 40


FLIPPED = {  # one character of each file that decides something, and what is then said
    "plan.json": ('"count": ', "plan.json` cannot be used"),
    "data.json": ('"train_sha256": "', "data: `train_sha256` was"),
    "tasks.json": ('"kind": "', ".kind` was 'blassification'"),
    "config.yaml": ("draws: ", "`plan.draws` was"),
}


@pytest.mark.parametrize("name", FLIPPED)
def test_a_damaged_file_of_a_run_is_named_and_nothing_is_changed(
    trained: Path, rows: Path, tmp_path: Path, name: str
) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*")))
    data = (copy / name).read_bytes()
    before, said = FLIPPED[name]
    place = data.index(before.encode()) + len(before)
    flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    for damaged, message in ((data[: place - 4], name), (flipped, said), (data[:place] + b"\xff", name)):
        (copy / name).write_bytes(damaged)
        result = run("train", rows, *SETTINGS, "--out", copy, "--resume")
        assert result.exit_code == 1, result.output
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert (copy / name).read_bytes() == damaged


@pytest.mark.parametrize("change", ["flipped", "added", "unsealed"])
def test_a_model_that_has_changed_answers_nothing(trained: Path, rows: Path, tmp_path: Path, change: str) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*")))
    weights = copy / "model" / "model.safetensors"
    if change == "flipped":
        data = bytearray(weights.read_bytes())
        data[len(data) * 3 // 4] ^= 1
        weights.write_bytes(data)
    elif change == "added":
        (copy / "model" / "adapter_config.json").write_text("{}")
    else:
        (copy / "model" / "SHA256SUMS").unlink()
    commands = (["evaluate", copy, "-o", tmp_path / "out"], ["predict", copy, rows, "-o", tmp_path / "a.csv"])
    for command in (*commands, ["calibrate", copy]):
        result = run(*command)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith(f"Error (damaged-model): `{copy / 'model'}` cannot be used: ")
    assert not (copy / "calibration.json").exists()
    assert not any((tmp_path / name).exists() for name in ("out", "a.csv"))


def hold(folder: Path) -> None:
    with locked(folder):
        (folder / "held").touch()
        time.sleep(60)


def test_a_run_that_is_being_trained_is_not_resumed(trained: Path, rows: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    shutil.rmtree(copy / "model")
    holder = mp.get_context("fork").Process(target=hold, args=(copy / "checkpoints",), daemon=True)
    holder.start()
    while not (copy / "checkpoints" / "held").exists():
        time.sleep(0.01)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    result = run("train", rows, *SETTINGS, "--out", copy, "--resume")
    assert result.exit_code == 1, result.output
    assert f"Error (in-use): `{copy / 'checkpoints'}` is in use by process {holder.pid} on" in result.stderr
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    holder.kill()
    holder.join()
    assert run("train", rows, *SETTINGS, "--out", copy, "--resume").exit_code == 0
    assert (copy / "model" / "SHA256SUMS").exists()


def evaluate_slowly(trained: Path, out: Path, method: str) -> None:
    """Evaluate, and stay a while between the predictions and their scores."""
    evaluation.write_json = lambda *args: (time.sleep(2), write_json(*args))
    evaluation.evaluate(trained, method=method, out=out, overwrite=True)


def test_two_evaluations_into_one_folder_are_one_after_the_other(trained: Path, tmp_path: Path) -> None:
    out, context = tmp_path / "out", mp.get_context("fork")
    slow = context.Process(target=evaluate_slowly, args=(trained, out, "generate"), daemon=True)
    slow.start()
    while not (out / "predictions.parquet").exists():
        time.sleep(0.01)
    other = run("evaluate", trained, "-o", out)
    assert other.exit_code == 1
    assert "holds this evaluation already" in other.stderr, "it has waited for the first"
    slow.join()
    assert set(json.loads((out / "evaluation.json").read_text())["methods"].values()) == {"generate"}
    assert pq.read_table(out / "predictions.parquet").column("probability").null_count == 24

    slow = context.Process(target=evaluate_slowly, args=(trained, out, "generate"), daemon=True)
    slow.start()
    while slow.is_alive() and (out / "evaluation.json").exists():
        time.sleep(0.01)
    slow.kill()
    slow.join()
    assert run("evaluate", trained, "-o", out).exit_code == 0, "what was cut off is no evaluation"


@pytest.mark.parametrize("method", ["auto", "score", "constrained", "generate", "triage=generate"])
def test_evaluate_by_each_method(trained: Path, tmp_path: Path, method: str) -> None:
    out = tmp_path / "evaluation"
    result = run("evaluate", trained, "--method", method, "-o", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scores"]["tasks"]["tone"]["rows"] == 12
    again = run("evaluate", trained, "--method", method, "-o", out)
    assert again.exit_code == 1
    assert "holds this evaluation already. Replace it with --overwrite" in again.stderr


def test_an_evaluation_is_replaced_with_overwrite(trained: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", trained, "--split", "validation", "-o", tmp_path, "--json"]
    first = run(*arguments)
    assert first.exit_code == 0, first.output
    written = (tmp_path / "evaluation.json").read_text()
    (tmp_path / "evaluation.json").write_text("{}")
    assert run(*arguments).exit_code == 1
    assert (tmp_path / "evaluation.json").read_text() == "{}"
    again = run(*arguments, "--overwrite")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "evaluation.json").read_text() == written


def test_scores_of_the_same_rows_are_the_same(trained: Path, tmp_path: Path) -> None:
    result = run("evaluate", trained, "-o", tmp_path / "again", "--json")
    stored = json.loads((trained / "evaluation.json").read_text())["scores"]
    assert json.loads(result.stdout)["scores"] == stored


def test_evaluate_other_data_prints_tables(trained: Path, rows: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", patients=20)
    result = run("evaluate", trained, other, "--split", "all")
    assert result.exit_code == 0, result.output
    assert "Scores per task (95% intervals over groups, 50 resamples)" in result.stdout
    assert "Scores per label (train: training rows; rows: those evaluated)" in result.stdout
    assert "Ranking of the rows by the probability of each label, whatever the answers" in result.stdout
    assert "recall at 5 % false alarms" in result.stdout
    assert (trained / "evaluations" / "other-all" / "predictions.parquet").exists()


def test_a_sample_is_scored_and_said_to_be_one(trained: Path, tmp_path: Path) -> None:
    result = run("evaluate", trained, "--rows", "12")
    assert result.exit_code == 0, result.output
    assert "Scored a sample of 12 of 24 rows, stratified by task and label." in result.stdout
    folder = trained / "evaluations" / "test-12-rows"
    stored = json.loads((folder / "evaluation.json").read_text())
    assert (stored["rows"], stored["sampled_from"]) == (12, 24)
    assert sum(task["sampled_from"] for task in stored["scores"]["tasks"].values()) == 24
    whole = {row["row"]: row for row in pq.read_table(trained / "predictions.parquet").to_pylist()}
    sample = pq.read_table(folder / "predictions.parquet").to_pylist()
    assert len({row["row"] for row in sample}) == 12
    assert sum(row["weight"] for row in sample) == pytest.approx(24)
    for row in sample:
        assert row["predicted"] == whole[row["row"]]["predicted"]
        assert row["target"] == whole[row["row"]]["target"]
        assert row["probability"] == pytest.approx(whole[row["row"]]["probability"], abs=1e-5)
    assert "sampled_from" not in json.loads((trained / "evaluation.json").read_text())
    refused = run("evaluate", trained, "--rows", "3", "-o", tmp_path / "none")
    assert refused.exit_code == 1
    assert "at least 5 here, found 3" in refused.stderr


def test_data_without_splits_is_evaluated_whole(trained: Path, rows: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    for line in lines:
        del line["split"]
    other.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run("evaluate", trained, other, "-o", tmp_path / "whole", "--json")
    assert result.exit_code == 0, result.output
    counted = sum(task["rows"] for task in json.loads(result.stdout)["scores"]["tasks"].values())
    assert counted == len(lines)
    refused = run("evaluate", trained, other, "--split", "test", "-o", tmp_path / "none")
    assert refused.exit_code == 1
    assert "`--split` must be left out, as the data has no splits" in refused.stderr


def test_predict_refuses_rows_of_a_task_that_was_not_trained(trained: Path, tmp_path: Path) -> None:
    questions, out = tmp_path / "new.csv", tmp_path / "answers.csv"
    questions.write_text("task,input\ntone,it was good\ntome,it was bad\n")
    refused = run("predict", trained, questions, "-o", out)
    assert refused.exit_code == 1
    message = (
        f"`{questions}` has rows of 'tome', and the run was trained on tone, triage. Did you mean 'tone'? Leave these "
        "rows out, or rename their task."
    )
    assert refused.stderr.endswith(f"Error (unknown-task): {message}\n")
    assert not out.exists()


def test_predict_keeps_the_order_and_needs_no_targets(trained: Path, tmp_path: Path) -> None:
    questions = tmp_path / "new.csv"
    questions.write_text("task,input,id\ntone,it was good,a\ntriage,crushing pain in the chest,b\ntone,it was bad,c\n")
    tables = {}
    for suffix in ("parquet", "jsonl", "csv"):
        out = tmp_path / f"answers.{suffix}"
        result = run("predict", trained, questions, "-o", out, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["rows"] == 3
    tables["parquet"] = pq.read_table(tmp_path / "answers.parquet").to_pylist(maps_as_pydicts="strict")
    tables["jsonl"] = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    tables["csv"] = pa_csv.read_csv(tmp_path / "answers.csv").to_pylist()
    for row in tables["csv"]:
        row["probabilities"] = json.loads(row["probabilities"])
    assert tables["parquet"] == tables["jsonl"] == tables["csv"]
    answers = tables["parquet"]
    assert [row["id"] for row in answers] == ["a", "b", "c"]
    assert [row["task"] for row in answers] == ["tone", "triage", "tone"]
    for row in answers:
        assert row["probability"] == max(row["probabilities"].values())
        assert row["probabilities"][row["predicted"]] == row["probability"]


def test_predict_by_each_method(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = tmp_path / "new.csv"
    questions.write_text("task,input\ntone,it was good\ntriage,crushing pain in the chest\ntone,it was bad\n")

    def answers(*method: str) -> list[dict[str, Any]]:
        result = run("predict", trained, questions, "-o", tmp_path / "answers.jsonl", *method)
        assert result.exit_code == 0, result.output
        assert ("Answers only" in result.stderr) == (not method)
        return [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]

    monkeypatch.setattr("equipoise.runs.answers.MOST_SCORED", 0)
    searched, scored, mixed = (
        answers(),
        answers("--method", "score"),
        answers("--method", "tone=score", "--method", "generate"),
    )
    assert [row["predicted"] for row in searched] == [row["predicted"] for row in scored]
    assert all(row["probability"] is row["probabilities"] is None for row in searched)
    assert all(row["probability"] == max(row["probabilities"].values()) for row in scored)
    assert [row["probability"] is None for row in mixed] == [False, True, False]
    refused = run("predict", trained, questions, "-o", tmp_path / "none.csv", "--method", "weather=score")
    assert "one of tone, triage, *, found 'weather'" in refused.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [("answers.txt", "must end in .parquet, .jsonl, .csv"), ("new.jsonl", "is the input itself")],
)
def test_predict_refuses_outputs(trained: Path, tmp_path: Path, name: str, expected: str) -> None:
    questions = tmp_path / "new.jsonl"
    questions.write_text('{"task": "tone", "input": "it was good"}\n')
    result = run("predict", trained, questions, "-o", tmp_path / name)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert questions.read_text() == '{"task": "tone", "input": "it was good"}\n'


def test_predict_refuses_unknown_tasks_and_leaves_no_file(trained: Path, tmp_path: Path) -> None:
    questions = tmp_path / "new.jsonl"
    questions.write_text('{"task": "weather", "input": "rain"}\n')
    result = run("predict", trained, questions, "-o", tmp_path / "answers.csv")
    assert result.exit_code == 1
    assert "weather" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"new.jsonl"}


def test_interrupted_and_resumed_gives_the_same_model(trained: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "interrupted"
    command = ["train", rows, *SETTINGS, "--out", out]
    metrics = out / "checkpoints" / "metrics.jsonl"
    started = equipoise(*command)
    end = time.monotonic() + 300
    while started.process.is_alive() and not (metrics.exists() and metrics.read_text().count("\n") >= 3):
        assert time.monotonic() < end
        time.sleep(0.01)
    started.send(signal.SIGINT)
    assert started.wait() == 75, started.stderr
    stderr = started.stderr
    assert "Stopped after step" in stderr
    assert "Resume with --resume" in stderr
    assert "Traceback" not in stderr
    assert started.stdout == ""
    assert not (out / "model").exists()
    assert len(list((out / "checkpoints").glob("checkpoint-*"))) == 1

    unfinished = run("evaluate", out)
    assert unfinished.exit_code == 1
    assert "no trained model yet" in unfinished.stderr

    resumed = equipoise(*command, "--resume", "--json")
    assert resumed.wait() == 0, resumed.stderr
    assert json.loads(resumed.stdout)["steps"] == 40
    losses = [
        [(line["step"], line["loss"]) for line in map(json.loads, path.read_text().splitlines()) if "loss" in line]
        for path in (trained / "metrics.jsonl", out / "metrics.jsonl")
    ]
    assert losses[0] == losses[1]
    first, second = (load_file(path / "model" / "model.safetensors") for path in (trained, out))
    assert all((first[name] == second[name]).all() for name in first)


@pytest.mark.filterwarnings("ignore::equipoise.errors.DataWarning")
def test_a_name_from_data_never_becomes_a_path(tmp_path: Path) -> None:
    rows, out = tmp_path / "a" / "rows.jsonl", tmp_path / "a" / "b" / "run"
    lines = [
        {"task": task, "input": f"{word} {place}", "target": target, "id": f"{task}{place}", "group": f"../mark{place}"}
        | {"split": ("train", "train", "validation", "test")[place % 4]}
        for task in ("../mark", f"{tmp_path}/mark", "mark/..")
        for place in range(40)
        for word, target in [(("good", "../../mark/yes") if place // 4 % 2 else ("bad", "/mark/no"))]
    ]
    rows.parent.mkdir()
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    tracked = ["--set", "trainer.report_to=tensorboard", "--set", "training.validate_every=2"]
    commands = [["train", rows, *SETTINGS, *tracked, "--draws", "64", "--out", out, "--resume"], ["calibrate", out]]
    commands += [["evaluate", out], ["predict", out, rows, "-o", tmp_path / "a" / "answers.csv"]]
    commands += [["inspect", rows, "--plot", tmp_path / "a" / "census.png"]]
    for command in commands:
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert ("There is no run in" in result.stderr) == (command[0] == "train")  # so `--resume` starts one
    assert "mark" in (tmp_path / "a" / "answers.csv").read_text()
    assert [path for path in tmp_path.rglob("*") if "mark" in path.name] == []
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not Path("/mark").exists()


@pytest.mark.filterwarnings("ignore:No row is in the split")
def test_open_ended_tasks_are_generated_and_judged_by_their_texts(tmp_path: Path) -> None:
    rows = [
        {"task": "echo", "input": f"word{n}", "target": f"word{n} again", "split": "test" if n % 5 == 0 else "train"}
        for n in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--set", "tasks.echo.kind=open_ended", "--set", "training.max_target=8", "--draws", "64"]
    out = tmp_path / "run"
    result = run("train", tmp_path / "rows.jsonl", *SETTINGS, *options, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert "echo: open_ended, no labels\n" in result.stderr
    metrics = json.loads(result.stdout)["scores"]["tasks"]["echo"]["metrics"]
    assert set(metrics) == {"exact_match", "rouge_l", "bleu"}
    predictions = pq.read_table(out / "predictions.parquet").to_pylist()
    assert [row["target"] for row in predictions] == [row["target"] for row in rows if row["split"] == "test"]
    assert {row["kind"] for row in predictions} == {"open_ended"}


@pytest.mark.filterwarnings("ignore:No row is in the split")
def test_without_test_rows_the_model_is_kept_and_nothing_is_evaluated(rows: Path, tmp_path: Path) -> None:
    text = "".join(line + "\n" for line in rows.read_text().splitlines() if '"split": "train"' in line)
    (tmp_path / "train.jsonl").write_text(text)
    out = tmp_path / "run"
    result = run("train", tmp_path / "train.jsonl", *SETTINGS, "--draws", "16", "--out", out)
    assert result.exit_code == 0, result.output
    assert "There are no test rows" in result.stderr
    assert (out / "model").is_dir()
    assert not (out / "evaluation.json").exists()


def test_resuming_over_another_plan_file_names_the_difference(trained: Path, rows: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    planned = run("plan", rows, "--weights", "natural", "--draws", 640, "-o", copy / "plan.json")
    assert planned.exit_code == 0, planned.output
    result = run("train", rows, *SETTINGS, "--out", copy, "--resume")
    assert result.exit_code == 1
    assert "- plan: " in result.stderr
