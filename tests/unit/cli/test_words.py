"""Messages speak of options on the command line, and of parameters in Python."""

import inspect
import re
import sys
from pathlib import Path

import pytest
from tests.support.errors import raises
from typer.testing import CliRunner

import equipoise.data
from equipoise.cli import app
from equipoise.cli._words import of_command
from equipoise.errors import ConfigError
from equipoise.runs.evaluate import evaluate

SOURCES = Path(equipoise.data.__file__).parent
RUNNER = CliRunner()
READ = ["init", "inspect", "advise", "plan", "train", "compare", "evaluate", "calibrate", "predict"]


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(f"fever {i},{'ab'[i % 2]}\n" for i in range(20)))
    return tmp_path


@pytest.mark.parametrize("command", READ)
def test_each_command_that_reads_data_has_the_options_of_columns(command: str) -> None:
    shown = RUNNER.invoke(app, [command, "--help"]).output
    for option in ("--task-column", "--input-column", "--target-column", "--group-column", "--default-task"):
        assert option in shown, option


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ([], ["`--task-column NAME`", "`data.columns.task`", "`--default-task NAME`", "`data.default_task`"]),
        (["--default-task", "d"], ["`--input-column NAME` (`data.columns.input`)"]),
        (["--default-task", "d", "--input-column", "text"], ["`--target-column NAME`", "data.columns.tasks=..."]),
        (
            ["--set", "data.columns.group=g", "--default-task", "d", "--input-column", "text"],
            ["`--target-column NAME`"],
        ),
        (
            ["--group-column", "g", "--default-task", "d", "--input-column", "text", "--target-column", "label"],
            ["column `g` is missing", "`--group-column NAME` (`data.columns.group`)"],
        ),
    ],
)
@pytest.mark.parametrize("command", ["inspect", "plan", "train", "compare"])
def test_what_is_missing_is_named_by_its_option(
    plain: Path, command: str, options: list[str], named: list[str]
) -> None:
    out = ["--out", "runs"] if command == "train" else []
    printed = RUNNER.invoke(app, [command, "rows.csv", *options, *out]).output
    assert "Columns(" not in printed
    assert [name for name in named if name not in printed] == [], printed


def test_the_options_read_the_plainest_file(plain: Path) -> None:
    options = ["--input-column", "text", "--target-column", "label", "--default-task", "fever"]
    done = RUNNER.invoke(app, ["inspect", "rows.csv", *options, "--json"])
    assert done.exit_code == 0, done.output
    assert '"fever"' in done.output


@pytest.mark.parametrize(
    ("option", "value", "choices"),
    [
        ("split", "tset", "train, validation, test, all, found 'tset'. Did you mean 'test'?"),
        ("method", "scoer", "auto, score, constrained, generate, found 'scoer'. Did you mean 'score'?"),
        ("method", "triage=scoer", "auto, score, constrained, generate, found 'scoer'. Did you mean 'score'?"),
    ],
)
def test_a_choice_is_refused_in_the_words_of_the_interface_and_before_torch_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, choices: str
) -> None:
    task, _, name = value.rpartition("=")
    with raises(ConfigError, "unknown-choice") as refused:
        evaluate(tmp_path, **{option: {task: name} if task else name})
    assert str(refused.value) == f"`{option}` must be one of {choices}"
    commands = [["evaluate", str(tmp_path)], ["predict", str(tmp_path), "rows.csv", "-o", "answers.csv"]]
    for command in commands if option == "method" else commands[:1]:
        monkeypatch.setitem(sys.modules, f"equipoise.runs.{command[0]}", None)  # importing it would be an error
        done = RUNNER.invoke(app, [*command, f"--{option}", value])
        assert done.stderr == f"Error (unknown-choice): `--{option}` must be one of {choices}\n"


def test_keys_of_a_configuration_reach_the_reader(plain: Path) -> None:
    text = "task;wording;answer;part\n" + "".join(f"t;caf\xe9 {i};{'ab'[i % 2]};heldout\n" for i in range(20))
    (plain / "rows.csv").write_bytes(text.encode("latin-1"))
    said = RUNNER.invoke(app, ["inspect", "rows.csv"]).output
    assert "encoding" in said
    told = ["--set", "data.encoding=windows-1252", "--set", "data.columns.split=part", "--input-column", "wording"]
    said = RUNNER.invoke(app, ["inspect", "rows.csv", *told]).output
    assert "`--set data.delimiter=';'`" in said
    told += ["--set", "data.delimiter=;", "--target-column", "answer"]
    said = RUNNER.invoke(app, ["inspect", "rows.csv", *told]).output
    assert "`--set data.splits=" in said
    told += ["--set", "data.splits={heldout: train}"]
    assert RUNNER.invoke(app, ["inspect", "rows.csv", *told]).exit_code == 0


def test_what_is_wrong_with_splits_and_kinds_is_said_in_options(plain: Path) -> None:
    rows = [f"t,i{i},{'ab'[i % 2]},{i // 2},{'train' if i % 2 else 'test'}" for i in range(20)]
    (plain / "cut.csv").write_text("\n".join(["task,input,target,group,split", *rows]))
    for options in ([], ["--json"]):
        said = RUNNER.invoke(app, ["inspect", "cut.csv", *options]).output
        assert "drop the column `split`: `equipoise` splits the rows, and keeps groups together." in said
        assert "assign_splits" not in said
    (plain / "named.csv").write_text("task,input,target,split\nt,i,a,train\nt,j,b,held out\n")
    said = RUNNER.invoke(app, ["inspect", "named.csv"]).output
    assert "Say which of them it is with `--set data.splits=\"{'held out': ...}\"`." in said
    told = ["--set", "data.splits={'held out': 'test'}"]
    assert "unknown-split" not in RUNNER.invoke(app, ["inspect", "named.csv", *told]).output
    (plain / "open.csv").write_text("task,input,target\n" + "".join(f"t,i{i},free text {i}\n" for i in range(40)))
    said = RUNNER.invoke(app, ["plan", "open.csv", "--weights", "inverse"]).output
    assert "`plan.weights` has no labels to weigh" in said
    assert "If their targets are labels, say so by `--set tasks.NAME.kind=classification`;" in said


def test_every_parameter_that_a_message_of_reading_names_has_a_word() -> None:
    named = {word for path in SOURCES.rglob("*.py") for word in re.findall(r"`(?:\w+\()?\w+=[^`]*`", code_of(path))}
    assert "`default_task=...`" in named
    others = {"`streaming=True`"}  # of `datasets.load_dataset`
    assert sorted(word for word in named - others if "{" not in word and of_command(word) == word) == []


def code_of(path: Path) -> str:
    """Return the text of the messages: the lines of code that are not in docstrings."""
    return re.sub(r'"""(?s:.*?)"""', "", inspect.cleandoc(path.read_text(encoding="utf-8")))
