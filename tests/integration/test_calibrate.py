"""A run is calibrated on its validation rows and nothing else, and what follows is applied, refused or left out."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner, Result

from equipoise.calibration import Calibration, estimate_prior
from equipoise.cli import app
from equipoise.metrics import read_predictions
from equipoise.runs.calibration import calibrate as calibrate_module
from equipoise.runs.directory import RunDirectory
from equipoise.trainer.checkpoints.seal import seal

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Task '")]
SINGLE = 1e-6  # probabilities are kept in single precision

SETTINGS = ["--set", "training.batch_size=16", "--set", "training.learning_rate=3e-3"]
SETTINGS += ["--set", "evaluation.bootstrap=20"]
SETTINGS += ["--draws", "320", "--weights", "inverse", "--set", "trainer.use_cpu=true", "--allow-repeats"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def written(folder: Path, *arguments: object) -> Calibration:
    result = run("calibrate", folder, *arguments)
    assert result.exit_code == 0, result.output
    return Calibration.from_json((folder / "calibration.json").read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred patients: two tasks with labels, and one of free text."""
    path = write_rows(tmp_path_factory.mktemp("data") / "rows.jsonl", rare=40, patients=300)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows += [{**row, "task": "echo", "target": "once again"} for row in rows[:30]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    result = run(
        "train", data, *SETTINGS, "--set", "tasks.echo.kind=open_ended", "--set", "training.max_target=8", "--out", out
    )
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def fresh(trained: Path, tmp_path: Path) -> Path:
    """The run as it was trained, to calibrate."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture(scope="module")
def calibrated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = Path(shutil.copytree(trained, tmp_path_factory.mktemp("calibrated") / "run"))
    result = run("calibrate", out)
    assert result.exit_code == 0, result.output
    return out


def test_everything_is_written_and_said(fresh: Path) -> None:
    result = run("calibrate", fresh)
    assert result.exit_code == 0, result.output
    assert "Validation rows, before > after (after: cross-fitted over groups)" in result.stdout
    assert "calibration/index.html" in result.stdout
    calibration = Calibration.from_json((fresh / "calibration.json").read_text())
    assert set(calibration.tasks) == {"tone", "triage"}
    assert calibration.rows == 120
    np.testing.assert_allclose(calibration.tasks["triage"].trained_prior, [0.5, 0.5])
    plan = RunDirectory(fresh).read_plan()
    counts = plan.counts[[plan.position_of("triage", label) for label in ("routine", "urgent")]]
    np.testing.assert_allclose(calibration.tasks["triage"].prior, counts / counts.sum())
    report = json.loads((fresh / "calibration" / "report.json").read_text())
    assert report["calibration"] == calibration.fingerprint
    measures = {"log_loss", "brier", "ece", "macro_f1", "balanced_accuracy", "worst_recall"}
    assert set(report["tasks"]["tone"]["after"]) == measures
    for measure, value in report["mean"]["before"].items():
        of_tasks = [task["before"][measure] for task in report["tasks"].values()]
        assert value == pytest.approx(sum(of_tasks) / 2)
    for task, held in report["tasks"].items():
        for when in ("actual", "before", "after"):
            assert sum(share[when] for share in held["shares"].values()) == pytest.approx(1), (task, when)
        actual = [share["actual"] * held["rows"] for share in held["shares"].values()]
        np.testing.assert_allclose(actual, np.round(actual))
    page = (fresh / "calibration" / "index.html").read_text()
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org", "")


def test_thresholds_are_fitted_shown_and_applied(fresh: Path, tmp_path: Path) -> None:
    result = run("calibrate", fresh, "--decision", "thresholds")
    assert result.exit_code == 0, result.output
    assert "Thresholds: the answer is the label with the largest probability / threshold" in result.stdout
    report = json.loads((fresh / "calibration" / "report.json").read_text())
    calibration = Calibration.from_json((fresh / "calibration.json").read_text())
    for name, task in calibration.tasks.items():
        assert task.tau == 0
        assert task.thresholds is not None
        assert report["tasks"][name]["thresholds"] == dict(zip(task.labels, task.thresholds.tolist(), strict=True))
    assert run("evaluate", fresh, "-o", tmp_path / "test").exit_code == 0
    parts = read_predictions(tmp_path / "test" / "predictions.parquet")
    for name, task in calibration.tasks.items():
        part = parts[name]
        assert part.probabilities is not None
        assert task.thresholds is not None
        answers = (part.probabilities.astype(np.float64) / task.thresholds).argmax(axis=1)
        assert list(part.predicted) == [task.labels[place] for place in answers]


def test_an_unknown_decision_is_refused(trained: Path) -> None:
    result = run("calibrate", trained, "--decision", "threshold")
    assert result.exit_code != 0
    assert "`--decision` must be one of tau, thresholds, found 'threshold'" in " ".join(result.output.split())


def test_what_was_measured_before_is_the_model_as_it_is(calibrated: Path, tmp_path: Path) -> None:
    out = tmp_path / "validation"
    result = run("evaluate", calibrated, "--split", "validation", "--no-calibration", "-o", out, "--json")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)["scores"]["tasks"]
    report = json.loads((calibrated / "calibration" / "report.json").read_text())["tasks"]
    for task, held in report.items():
        for measure, value in held["before"].items():
            assert value == pytest.approx(scores[task]["metrics"][measure]["value"], rel=SINGLE), (task, measure)


def test_test_rows_are_neither_used_nor_scored(
    fresh: Path, trained: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = written(fresh)
    lines = [json.loads(line) for line in data.read_text().splitlines()]
    before = data.read_text()
    seen: list[tuple[str, str]] = []
    predict = calibrate_module.predict_records

    def watching(model: Any, tokenizer: Any, tasks: Any, records: Any, *rest: Any) -> Any:
        seen.extend(zip(records.column("split").to_pylist(), records.column("input").to_pylist(), strict=True))
        return predict(model, tokenizer, tasks, records, *rest)

    monkeypatch.setattr(calibrate_module, "predict_records", watching)
    other = {"bad": "good", "good": "fair", "fair": "bad", "urgent": "routine", "routine": "urgent"}
    for line in lines:
        if line["split"] == "test" and line["task"] != "echo":
            line["target"], line["input"] = other[line["target"]], f"poison {line['input']}"
    try:
        data.write_text("".join(json.dumps(line) + "\n" for line in lines))
        second = written(fresh, "--overwrite")
    finally:
        data.write_text(before)
    assert {split for split, _ in seen} == {"validation"}
    assert not any("poison" in text for _, text in seen)
    assert second == first
    assert second.to_json() == first.to_json()


def test_validation_labels_do_decide(fresh: Path, data: Path) -> None:
    first, before = written(fresh), data.read_text()
    lines = [json.loads(line) for line in before.splitlines()]
    for line in lines:
        if line["split"] == "validation" and line["task"] == "tone":
            line["target"] = {"bad": "good", "good": "fair", "fair": "bad"}[line["target"]]
    try:
        data.write_text("".join(json.dumps(line) + "\n" for line in lines))
        second = written(fresh, "--overwrite")
    finally:
        data.write_text(before)
    assert second.tasks["tone"] != first.tasks["tone"]
    assert second.tasks["triage"] == first.tasks["triage"]


def test_other_training_rows_are_refused(fresh: Path, data: Path) -> None:
    before = data.read_text()
    try:
        data.write_text(before.replace('"group": "p0", "split": "train"', '"group": "p0", "split": "validation"'))
        result = run("calibrate", fresh)
    finally:
        data.write_text(before)
    assert result.exit_code == 1
    assert "its validation rows may have been trained on" in result.stderr
    assert not (fresh / "calibration.json").exists()


def test_evaluate_applies_it_and_keeps_the_scores_before(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("equipoise.runs.answers.MOST_SCORED", 0)  # a calibration needs all scores, however many
    applied = run("evaluate", calibrated, "-o", tmp_path / "with", "--json")
    scored = ("--no-calibration", "--method", "score")
    plain = run("evaluate", calibrated, *scored, "-o", tmp_path / "without", "--json")
    assert (applied.exit_code, plain.exit_code) == (0, 0), applied.output + plain.output
    assert json.loads(applied.stdout)["calibrated"] == ["tone", "triage"]
    assert json.loads(plain.stdout)["calibrated"] == []
    stored = json.loads((tmp_path / "with" / "evaluation.json").read_text())
    assert stored["calibration"]["scores_before"] == json.loads(plain.stdout)["scores"]
    assert stored["scores"] != json.loads(plain.stdout)["scores"]
    assert "calibration" not in json.loads((tmp_path / "without" / "evaluation.json").read_text())
    calibration = Calibration.from_json((calibrated / "calibration.json").read_text())
    parts = [read_predictions(tmp_path / name / "predictions.parquet") for name in ("without", "with")]
    for task in ("tone", "triage"):
        expected = calibration.tasks[task].apply(parts[0][task])
        np.testing.assert_allclose(parts[1][task].probabilities, expected.probabilities)
        assert list(parts[1][task].predicted) == list(expected.predicted)
    assert parts[0]["echo"].predicted == parts[1]["echo"].predicted
    shown = run("evaluate", calibrated, "-o", tmp_path / "shown")
    assert "Mean over tasks, without calibration and with it" in shown.stdout
    assert "Calibrated by" in shown.stdout
    generated = run("evaluate", calibrated, "--method", "constrained", "-o", tmp_path / "constrained", "--json")
    assert json.loads(generated.stdout)["calibrated"] == []


def test_predict_applies_it(calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.runs.answers.MOST_SCORED", 0)  # a calibration needs all scores, however many
    questions = tmp_path / "new.csv"
    questions.write_text("task,input\ntone,it was good\ntriage,crushing pain in the chest\n")
    applied = run("predict", calibrated, questions, "-o", tmp_path / "with.jsonl")
    scored = ("--no-calibration", "--method", "score")
    plain = run("predict", calibrated, questions, "-o", tmp_path / "without.jsonl", *scored, "--json")
    assert (applied.exit_code, plain.exit_code) == (0, 0), applied.output + plain.output
    assert "calibration.json: tone, triage (disable with --no-calibration)" in applied.stdout
    assert json.loads(plain.stdout)["calibrated"] == []
    calibration = Calibration.from_json((calibrated / "calibration.json").read_text())
    answers = [[json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
               for name in ("without", "with")]  # fmt: skip
    for before, after in zip(*answers, strict=True):
        task = calibration.tasks[before["task"]]
        scores = np.log([[before["probabilities"][label] for label in task.labels]])
        expected = np.exp(task.log_probabilities(scores))[0]
        np.testing.assert_allclose([after["probabilities"][label] for label in task.labels], expected, rtol=SINGLE)
        assert after["predicted"] == task.labels[int(task.decide(np.log(expected[None]))[0])]
        assert after["probability"] == after["probabilities"][after["predicted"]]


def test_a_calibration_is_not_overwritten_unasked(calibrated: Path) -> None:
    before = (calibrated / "calibration.json").read_bytes()
    result = run("calibrate", calibrated, "--metric", "balanced_accuracy")
    assert result.exit_code == 1
    assert "has a calibration already. Replace it with --overwrite" in result.stderr
    assert (calibrated / "calibration.json").read_bytes() == before


def test_tampered_and_foreign_calibrations_are_refused(calibrated: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(calibrated, tmp_path / "copy"))
    text = (copy / "calibration.json").read_text()
    values = json.loads(text)
    values["tasks"]["tone"]["tau"] += 0.5
    (copy / "calibration.json").write_text(json.dumps(values))
    questions = tmp_path / "new.csv"
    questions.write_text("task,input\ntone,it was good\n")
    for command in (("evaluate", copy, "-o", tmp_path / "e"), ("predict", copy, questions, "-o", tmp_path / "p.csv")):
        result = run(*command)
        assert result.exit_code == 1
        assert "was changed after it was written" in result.stderr
        assert run(*command, "--no-calibration").exit_code == 0
    (copy / "calibration.json").write_text(text)
    weights = copy / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    result = run("predict", copy, questions, "-o", tmp_path / "q.csv")
    assert result.exit_code == 1
    assert "Error (damaged-model)" in result.stderr
    seal(copy / "model")
    result = run("predict", copy, questions, "-o", tmp_path / "q.csv")
    assert result.exit_code == 1
    assert "fitted for other weights" in result.stderr
    assert not (tmp_path / "q.csv").exists()


def test_another_metric_a_given_prior_and_costs(fresh: Path, tmp_path: Path) -> None:
    natural = written(fresh)
    (tmp_path / "prior.json").write_text('{"triage": {"urgent": 0.25, "routine": 0.75}}')
    (tmp_path / "costs.yaml").write_text("triage:\n  urgent: {routine: 50}\n  routine: {urgent: 1}\n")
    given = written(
        fresh, "--metric", "none", "--prior", tmp_path / "prior.json", "--costs", tmp_path / "costs.yaml", "--overwrite"
    )
    assert given.prior == "given"
    assert given.tasks["triage"].prior.tolist() == [0.75, 0.25]
    np.testing.assert_array_equal(given.tasks["tone"].prior, natural.tasks["tone"].prior)
    assert given.tasks["triage"].costs is not None
    assert given.tasks["triage"].costs.tolist() == [[0, 1], [50, 0]]
    assert [task.tau for task in given.tasks.values()] == [0, 0]
    assert [task.temperature for task in given.tasks.values()] == [task.temperature for task in natural.tasks.values()]
    written(fresh, "--costs", tmp_path / "costs.yaml", "--overwrite")
    report = json.loads((fresh / "calibration" / "report.json").read_text())["tasks"]
    assert (report["triage"]["metric"], report["tone"]["metric"]) == ("expected_cost", "macro_f1")
    assert "expected_cost" in report["triage"]["after"]


def test_the_prior_of_unlabelled_rows_is_estimated(fresh: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.jsonl"
    words = ["crushing pain in the chest"] * 80 + ["a small cut on the hand"] * 20
    lines = [{"task": "triage", "text": f"{each}, case {n}", "target": "ignored"} for n, each in enumerate(words)]
    new.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = written(fresh, "--prior", "em", "--unlabelled", new, "--set", "data.columns.input=text")
    assert found.prior == "em"
    report = json.loads((fresh / "calibration" / "report.json").read_text())["tasks"]["triage"]
    natural = written(fresh, "--overwrite").tasks
    options = ("-o", tmp_path / "plain.jsonl", "--no-calibration", "--set", "data.columns.input=text")
    result = run("predict", fresh, new, *options)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in (tmp_path / "plain.jsonl").read_text().splitlines()]
    said = np.array([[answer["probabilities"][label] for label in natural["triage"].labels] for answer in answers])
    expected = estimate_prior(natural["triage"].log_probabilities(np.log(said)), natural["triage"].prior)
    np.testing.assert_allclose(found.tasks["triage"].prior, expected.prior, atol=1e-6)
    gain = expected.log_likelihoods[-1] - expected.log_likelihoods[0]
    assert report["estimate"] == {
        "rows": 100, "iterations": expected.iterations, "converged": True, "gain": pytest.approx(gain, rel=1e-4),
    }  # fmt: skip
    np.testing.assert_array_equal(found.tasks["tone"].prior, natural["tone"].prior)


def test_a_run_may_be_moved(calibrated: Path, tmp_path: Path) -> None:
    copy = RunDirectory(Path(shutil.copytree(calibrated, tmp_path / "moved")))
    Calibration.from_json(copy.calibration.read_text()).check(copy.provenance(copy.read_plan()))


@pytest.mark.filterwarnings("ignore:No row is in the split")
def test_without_validation_rows_there_is_nothing_to_fit_on(data: Path, tmp_path: Path) -> None:
    kept = [line for line in data.read_text().splitlines() if '"validation"' not in line and '"echo"' not in line]
    (tmp_path / "rows.jsonl").write_text("\n".join(kept) + "\n")
    result = run("train", tmp_path / "rows.jsonl", *SETTINGS, "--draws", "16", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    result = run("calibrate", tmp_path / "run")
    assert result.exit_code == 1
    assert "found none. Train on data with a validation split" in result.stderr
