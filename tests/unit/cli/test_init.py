"""`equipoise init` writes a configuration that the other commands take as it is; `equipoise schema` prints theirs."""

import json
from pathlib import Path

import pytest
from tests.support.json_schema import SCHEMA, VALIDATOR
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner

from equipoise.cli import app
from equipoise.config import load_comparison, load_config, read_yaml

RUNNER = CliRunner()


def run(*arguments: object):
    return RUNNER.invoke(app, [str(each) for each in arguments])


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = ["patient_id,note,urgency"]
    lines += [f"p{row // 2},the patient coughs on day {row},{'01'[row % 7 == 0]}" for row in range(140)]
    (tmp_path / "notes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_the_configuration_loads_for_training_and_comparing(notes):
    done = run("init", "notes.csv")
    assert done.exit_code == 0, done.output
    config = load_config(notes / "run.yaml")
    assert load_comparison(notes / "run.yaml").run == config
    assert (config.data.columns.input, config.data.columns.target) == ("note", "urgency")
    assert config.data.columns.group == "patient_id"
    assert config.data.default_task == "urgency"
    assert config.tasks["urgency"].kind == "classification"
    assert config.plan.draws is not None
    VALIDATOR.validate(read_yaml(notes / "run.yaml").data)
    assert run("plan", "run.yaml").exit_code == 0
    assert run("inspect", "run.yaml").exit_code == 0


def test_each_guess_and_number_is_said_with_its_reason(notes):
    done = run("init", "notes.csv")
    for line in (
        "Guessed data.columns.input: note. Why: its name",
        "Guessed data.columns.group: patient_id. Why: its name; rows with the same value belong together",
        "Tasks: urgency (classification).",
        "Draws: ",
        "Next: equipoise compare run.yaml --budget 30m",
    ):
        assert line in done.stdout, line
    text = (notes / "run.yaml").read_text(encoding="utf-8")
    comments = " ".join(line.strip(" #") for line in text.splitlines() if line.strip().startswith("#"))
    assert "Column with the input. Guessed: its name" in comments
    assert "the rarest, '1', has 14." in comments
    assert "Here: as many as repeat no label more than 20 times." in comments
    assert "The data has no splits. Here: train 98, validation 14, test 28;" in comments
    assert max(map(len, text.splitlines())) <= 104


def test_labels_that_repeat_often_are_said(notes):
    assert "Repeats: " not in run("init", "notes.csv").stdout
    rare = "".join(f"p{row},the patient coughs on day {row},{int(row == 0)}\n" for row in range(2000))
    (notes / "rare.csv").write_text(f"patient_id,note,urgency\n{rare}", encoding="utf-8")
    said = run("init", "rare.csv", "-o", "rare.yaml").stdout
    assert "Repeats: '1' of urgency is repeated most, 36.5 times. Fewer draws or `plan.max_passes`" in said


def test_options_take_the_place_of_guesses(notes):
    options = (
        "--input-column",
        "note",
        "--default-task",
        "triage",
        "--set",
        "tasks.triage.verbalisers={'0': n, '1': y}",
    )
    done = run("init", "notes.csv", *options, "-o", "triage.yaml", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert "data.columns.input" not in {guess["key"] for guess in found["guesses"]}
    assert found["plan"]["rates"] == "equal"
    config = load_config(notes / "triage.yaml")
    assert config.data.default_task == "triage"
    assert config.tasks["triage"].verbalisers == {"0": "n", "1": "y"}


def test_nothing_is_overwritten(notes):
    assert run("init", "notes.csv").exit_code == 0
    before = (notes / "run.yaml").read_bytes()
    refused = run("init", "notes.csv")
    assert refused.exit_code == 1
    assert "Error (not-empty): `run.yaml` exists already. Choose another --out, or remove it." in refused.stderr
    assert (notes / "run.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run.yaml"], "Error (not-data): `equipoise init` writes a configuration from data, found the configuration"),
        (
            ["notes.csv", "-o", "run.json"],
            "Error (unknown-format): `--out` must end in .yaml or .yml, found 'run.json'",
        ),
        (["notes.csv", "--set", "plan.draws=3"], "Error (bad-override): `--set` takes keys of `data` and `tasks` here"),
        (["notes.csv", "--input-column", "text"], "Error (missing-column): notes.csv: column `text` is missing"),
    ],
)
def test_refusals(notes, arguments, message):
    refused = run("init", *arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr, refused.stderr
    assert not (notes / "run.yaml").exists()


def test_what_cannot_be_guessed_is_asked_for_by_its_option(notes):
    (notes / "numbers.csv").write_text("a,b\n" + "".join(f"{row},{row % 2}\n" for row in range(30)))
    refused = run("init", "numbers.csv")
    assert "no column looks like the texts, found `a`, `b`. Name it with `--input-column NAME`" in refused.stderr


def test_rows_with_splits_and_usual_names_need_no_guess(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl")
    done = run("init", "rows.jsonl")
    assert "Guessed" not in done.stdout
    data = read_yaml(tmp_path / "run.yaml").data
    assert data["data"] == {"source": "rows.jsonl"}
    assert set(data["tasks"]) == {"tone", "triage"}
    assert "# Rows, by the splits of the data: train" in (tmp_path / "run.yaml").read_text()


def test_the_suite_keeps_its_own_tasks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("init", "suite:multi-diagnosis").exit_code == 0
    data = read_yaml(tmp_path / "run.yaml").data
    assert "tasks" not in data
    assert data["plan"]["draws"] == 39_221


def test_open_ended_tasks_are_compared_by_their_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"what comes after {row}?", "answer": f"it is {row + 1}"} for row in range(60)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("init", "sums.jsonl", "-o", "a run.yaml")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "Next: equipoise compare 'a run.yaml' --budget 30m --metric rouge_l"
    assert load_config(tmp_path / "a run.yaml").tasks["sums"].kind == "open_ended"
    assert "--metric rouge_l" in (tmp_path / "a run.yaml").read_text()


def test_odd_names_stay_in_their_comments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"task": "on: off\n# no", "input": f"a text of day {row}", "target": ("yes", "a\x1b: #\n{x}")[row % 2]}
        for row in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("init", "rows.jsonl")
    assert done.exit_code == 0, done.output
    assert list(load_config(tmp_path / "run.yaml").tasks) == ["on: off\n# no"]
    assert "\x1b" not in (tmp_path / "run.yaml").read_text() + done.stdout


def test_schema_prints_the_schema():
    done = run("schema")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == SCHEMA
