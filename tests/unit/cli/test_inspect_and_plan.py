"""The commands that look and plan, run in this process."""

import json
import re
import sys
import warnings
from pathlib import Path

import pytest
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner, Result

from equipoise.cli import app
from equipoise.config import default_trials
from equipoise.errors import ConfigError, DataWarning
from equipoise.metrics import METRICS
from equipoise.plan import Plan
from equipoise.rates import Rates
from equipoise.runs import prepare
from equipoise.schedule import Recipe, Schedule
from equipoise.weights import ClassWeights

runner = CliRunner()


def run(*arguments: object) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl")


def test_inspect_prints_tasks_labels_and_splits(rows: Path) -> None:
    result = run("inspect", rows)
    assert result.exit_code == 0, result.output
    assert "rows: train 72, validation 24, test 24" in result.stdout
    triage = next(line for line in result.stdout.splitlines() if line.startswith("triage") and "%" in line)
    assert triage.split() == ["triage", "36", "50.0%", "2", "8.0", "4"]
    assert "\x1b" not in result.stdout


def test_inspect_as_json_is_only_json(rows: Path) -> None:
    found = json.loads(run("inspect", rows, "--json").stdout)
    assert found["census"] == {"tone": {"bad": 12, "fair": 12, "good": 12}, "triage": {"routine": 32, "urgent": 4}}
    assert found["rows"] == {"train": 72, "validation": 24, "test": 24}
    assert found["tasks"][1]["imbalance"] == 8.0


def test_inspect_exits_with_1_when_a_group_is_in_two_splits(rows: Path) -> None:
    text = rows.read_text()
    rows.write_text(text.replace('"group": "p3", "split": "test"', '"group": "p0", "split": "test"'))
    result = run("inspect", rows)
    assert result.exit_code == 1
    assert "column `group` is 'p0' in both" in result.stderr


def test_inspect_exits_with_1_on_an_error_in_the_content(rows: Path) -> None:
    lines = [json.loads(line) | {"id": "same"} for line in rows.read_text().splitlines()]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run("inspect", rows)
    assert result.exit_code == 1
    assert "same" in result.output


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_inspect_exits_with_1_when_a_group_is_in_two_splits_in_two_spellings(rows: Path, more: tuple[str, ...]) -> None:
    text = rows.read_text()
    rows.write_text(text.replace('"group": "p3", "split": "test"', '"group": "p0\\u200b", "split": "test"'))
    result = run("inspect", rows, *more)
    assert result.exit_code == 1
    assert "group-in-two-splits" in result.stdout


def test_what_each_task_is_taken_for_is_printed(rows: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    notes = [{**line, "task": "note", "target": f"seen {place}"} for place, line in enumerate(lines)]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines + notes))
    said = ["tone: classification, 3 labels", "triage: classification, 2 labels"]
    note = "note: open_ended, no labels"
    for command in ("inspect", "plan"):
        hint = "; if its targets are labels, say `tasks.note.kind: classification`"
        assert run(command, rows).stdout.splitlines()[:3] == [note + hint, *said]
        declared = run(command, rows, "--set", "tasks.note.kind=open_ended").stdout
        assert declared.splitlines()[:3] == [note, *said]
        tasks = json.loads(run(command, rows, "--json").stdout)["tasks"]
        found = tasks["note"] if command == "plan" else next(task for task in tasks if task["task"] == "note")
        assert (found["kind"], found["labels"]) == ("open_ended", None)
    failed = run("plan", rows, "--set", "tasks.note.kind=open")
    assert "`tasks.note.kind` must be one of 'classification', 'open_ended', found 'open'" in failed.stderr


@pytest.mark.parametrize("command", ["inspect", "plan"])
def test_a_column_that_looks_like_groups_and_is_not_used_is_warned_of(tmp_path: Path, command: str) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("Patient ID,input,target,task\n" + "".join(f"p{n // 2},case {n},{n % 2},t\n" for n in range(40)))
    with warnings.catch_warnings():  # the command replaces `showwarning`
        warnings.simplefilter("always")
        said = run(command, path)
    assert said.exit_code == 0
    assert "Warning (unused-group): Column 'Patient ID' looks like groups" in said.stderr
    assert "`--group-column 'Patient ID'`" in said.stderr
    assert "unused-group" not in run(command, path, "--group-column", "Patient ID").stderr
    path.write_text(path.read_text().replace("Patient ID", "group", 1))
    assert "unused-group" not in run(command, path).stderr


def test_inspect_warns_of_duplicates_across_splits(rows: Path) -> None:
    text = rows.read_text()
    rows.write_text(text.replace("case 3,", "case 0,").replace('hand, case 3"', 'hand, case 4"'))
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    lines[6]["input"] = lines[0]["input"]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run("inspect", rows, "--json")
    assert "duplicates-across-splits" in {problem["code"] for problem in json.loads(result.stdout)["problems"]}


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_inspect_draws_the_census(rows: Path, tmp_path: Path, suffix: str, start: bytes) -> None:
    result = run("inspect", rows, "--plot", tmp_path / f"census{suffix}")
    assert result.exit_code == 0, result.output
    assert (tmp_path / f"census{suffix}").read_bytes().startswith(start)


def test_plan_draws_the_shares(rows: Path, tmp_path: Path) -> None:
    result = run("plan", rows, "--weights", "natural", "--plot", tmp_path / "shares.svg")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"Wrote {tmp_path / 'shares.svg'}."
    assert "triage: urgent <tspan" in (tmp_path / "shares.svg").read_text()
    refused = run("plan", rows, "--plot", tmp_path / "shares.png")
    assert refused.exit_code == 1
    assert "`--plot` must name a .svg file, found 'shares.png'." in refused.stderr


def test_inspect_refuses_other_plots(rows: Path, tmp_path: Path) -> None:
    result = run("inspect", rows, "--plot", tmp_path / "census.bmp")
    assert result.exit_code == 1
    assert "`--plot` must name a .png or .svg file, found 'census.bmp'" in result.stderr


def test_columns_are_named_by_overrides(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question,text,label\nq,one,yes\nq,two,no\nq,three,yes\nq,four,no\n")
    overrides = ["--set", "data.columns={task: question, input: text, target: label}"]
    overrides += ["--set", "tasks.q.kind=classification", "--set", "data.split.fractions=[1, 0, 0]"]
    assert json.loads(run("inspect", path, *overrides, "--json").stdout)["census"] == {"q": {"no": 2, "yes": 2}}


def test_plan_shows_the_forecast_and_writes_the_plan(rows: Path, tmp_path: Path) -> None:
    result = run("plan", rows, "--weights", "inverse,max_ratio=50", "--draws", 200, "-o", tmp_path / "plan.json")
    assert result.exit_code == 0, result.output
    assert "Rates Equal(); weights InverseFrequency().clipped(max_ratio=50); 200 draws" in result.stdout
    plan = Plan.from_json((tmp_path / "plan.json").read_text())
    assert plan.draws == 200
    share = dict(zip(plan.strata, plan.probabilities.tolist(), strict=True))
    assert share["triage", "urgent"] == pytest.approx(0.25)


def test_plan_shows_a_schedule_stage_by_stage_and_draws_its_file_again(rows: Path, tmp_path: Path) -> None:
    file, options = tmp_path / "schedule.json", ("--schedule", "deferred:0.5", "--draws", 320)
    result = run("plan", rows, *options, "-o", file)
    assert result.exit_code == 0, result.output
    assert "; weights Natural() -> InverseFrequency(); 320 draws" in result.stdout
    shown = [line.split() for line in result.stdout.splitlines()]
    assert ["task", "label", "from", "0", "from", "160"] in shown
    assert ["triage", "urgent", "5.6%", "25.0%"] in shown
    assert ["triage", "urgent", "4", "5.6%", "15.3%", "49", "12.2", "0.0%", "1"] in shown
    schedule = Schedule.from_json(file.read_text())
    assert [at for at, _ in schedule.stages] == [0, 160]
    again = json.loads(run("plan", rows, "--schedule", file, "--json").stdout)
    assert again["fingerprint"] == schedule.fingerprint
    assert again["forecast"]["draws"] == 320
    assert [stage["at"] for stage in again["forecast"]["stages"]] == [0, 160]
    longer = json.loads(run("plan", rows, "--schedule", file, "--draws", 640, "--json").stdout)["forecast"]
    assert longer["overall"]["expected_draws"] == longer["draws"] == 640


def test_a_long_table_of_shares_has_the_rows_of_the_forecast(many: Path) -> None:
    lines = [line.split() for line in run("plan", many, "--schedule", "deferred:0.5").stdout.splitlines()]
    shares = {(cells[0], cells[1]): cells[2:] for cells in lines if len(cells) == 4 and cells[-1].endswith("%")}
    rows = {(cells[0], cells[1]): cells[4] for cells in lines if len(cells) == 9 and cells[-1] == "1"}
    assert shares.keys() == rows.keys()
    assert len(rows) == 20
    codes = {int(label[1:]): cells for (task, label), cells in shares.items() if task == "code"}
    assert len(codes) >= 10
    for number, cells in codes.items():
        assert cells == [f"{(64 - number) / sum(range(5, 65)) / 51:.1%}", f"{1 / 60 / 51:.1%}"]


def test_a_schedule_of_other_rows_or_another_batch_is_refused(rows: Path, tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    run("plan", rows, "--schedule", "deferred:0.5", "--draws", 320, "-o", file)
    cut = run("plan", rows, "--schedule", file, "--set", "training.batch_size=48")
    assert cut.exit_code == 1
    assert "must begin at multiples of `training.batch_size`, 48, found draw 160" in cut.stderr
    file.write_text(file.read_text().replace("160", "192"))
    assert "(damaged-file): `plan.schedule`: " in run("plan", rows, "--schedule", file).stderr
    assert "(cannot-read)" in run("plan", rows, "--schedule", tmp_path / "none.json").stderr
    run("plan", rows, "--schedule", "deferred:0.5", "--draws", 320, "-o", tmp_path / "first.json")
    write_rows(rows, rare=12)
    other = run("plan", rows, "--schedule", tmp_path / "first.json")
    assert other.exit_code == 1
    assert "must have the tasks, labels and counts of the training rows, 5 labels and 72 rows, found" in other.stderr


def test_fewer_draws_than_stages_are_refused(rows: Path) -> None:
    result = run("plan", rows, "--schedule", "annealed:0.2,stages=20", "--draws", 64)
    assert result.exit_code == 1
    assert "(too-few-draws)" in result.stderr


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """One task of 60 labels, whose counts fall from 64 to 5, and 50 tasks of two labels."""
    lines = ["task,input,target,split"]
    for label in range(60):
        lines += [f"code,note {label} {row},C{label:02},train" for row in range(64 - label)]
    for task in range(50):
        lines += [f"small{task:02},note {row},{row % 2},train" for row in range(8)]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.filterwarnings("ignore:Task:equipoise.errors.DataWarning")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("plan", "the first 10 and the last 10 of 160 labels by passes (--all prints every one): least 0."),
        ("plan", "the first 10 and the last 10 of 51 tasks by draws (--all prints every one): least "),
        ("inspect", "the first 10 and the last 10 of 160 labels by rows (--all prints every one): least 4, a quarter"),
        ("inspect", "the first 10 and the last 10 of 51 tasks by rows (--all prints every one): least 8, a quarter"),
    ],
)
def test_long_tables_have_the_extremes_and_a_summary_unless_all_is_asked_for(
    many: Path, command: str, said: str
) -> None:
    short, whole = run(command, many), run(command, many, "--all")
    assert short.exit_code == whole.exit_code == 0, short.output + whole.output
    assert said in short.stdout
    assert len(short.stdout.splitlines()) < 80
    assert "--all" not in whole.stdout
    assert all(f"C{label:02}" in whole.stdout for label in range(60))
    assert all(f"small{task:02}" in whole.stdout for task in range(50))
    assert "C30" not in short.stdout
    assert re.search(r"^code .*C00 ", short.stdout, re.MULTILINE)


def test_short_tables_are_whole(rows: Path) -> None:
    for command in ("plan", "inspect"):
        assert "--all" not in run(command, rows).stdout


def test_the_weight_in_the_forecast_says_that_it_is_an_importance_weight(rows: Path) -> None:
    result = run("plan", rows, "--weights", "natural", "--target-weights", "sqrt")
    assert any(line.split()[-2:] == ["importance", "weight"] for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("draws", "advice", "following"),
    [
        (900, "(`--max-passes 20`) sets", ("--draws", 900, "--max-passes", 20)),
        (90_000, "fits in at most 7,200 draws.", ("--draws", 7200, "--max-passes", 100)),
    ],
)
def test_the_advice_names_the_option_that_follows_it(
    rows: Path, draws: int, advice: str, following: tuple[object, ...]
) -> None:
    assert advice in run("plan", rows, "--weights", "inverse", "--draws", draws).stdout
    assert run("plan", rows, "--weights", "inverse", *following).exit_code == 0


def test_an_impossible_max_passes_names_the_option_and_what_fits(rows: Path) -> None:
    result = run("plan", rows, "--draws", 900, "--max-passes", 4)
    assert result.exit_code == 1
    assert "Use `max_passes` (`--max-passes`) of at least 12.5, at most 288 draws" in result.stderr


@pytest.mark.parametrize(
    ("option", "passes", "text"),
    [
        ("20", 20, "20"),
        ("triage=18,*=40", 18, "{'*': 40, 'triage': 18}"),
        ("triage:urgent=50, triage:*=17,*=17", 50, "{'*': 17, 'triage': {'*': 17, 'urgent': 50}}"),
        ("triage:routine=2", (600 - 2 * 32) / 4, "{'triage': {'routine': 2}}"),
    ],
)
def test_passes_are_limited_for_all_by_task_or_by_label(rows: Path, option: str, passes: float, text: str) -> None:
    options = ("--weights", "inverse", "--draws", 1200, "--max-passes", option, "--json")
    planned = json.loads(run("plan", rows, *options).stdout)  # 600 draws of 4 urgent and 32 routine rows
    seen = {(row["task"], row["label"]): row["passes"] for row in planned["forecast"]["rows"]}
    assert seen["triage", "urgent"] == pytest.approx(passes)
    assert planned["weights"] == f"InverseFrequency(), at most {text} passes"


@pytest.mark.parametrize(
    ("option", "code", "expected"),
    [
        ("four", "not-a-number", "must look like 4, rare_task=20,*=4 or rare_task:yes=20,*=4, found 'four'"),
        ("tone=four", "not-a-number", "found 'tone=four'"),
        ("tone=4,", "bad-limits", "found ''"),
        ("tone:=4", "bad-limits", "--set 'plan.max_passes={"),
        ("a=b=4", "bad-limits", "found 'a=b=4'"),
        ("tone=4,tone=5", "duplicate-limit", "limits 'tone' twice"),
        ("tone=4,tone:bad=5", "duplicate-limit", "`TASK:*=N` is that of the others"),
        ("tone=0", "out-of-range", "`plan.max_passes.tone` must be greater than 0, found 0.0"),
        (
            "tome=9",
            "unknown-task",
            "`--max-passes` (`plan.max_passes`) names 'tome', which is not a task. Did you mean",
        ),
        ("tone:bed=9", "unknown-label", "names 'bed', which is not a label of 'tone'. Did you mean 'bad'?"),
    ],
)
def test_limits_that_cannot_be_are_refused(rows: Path, option: str, code: str, expected: str) -> None:
    result = run("plan", rows, "--max-passes", option)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error ({code}): ")
    assert expected in result.stderr


def test_plan_as_json_is_only_json(rows: Path) -> None:
    found = json.loads(run("plan", rows, "--draws", 200, "--json").stdout)
    assert found["forecast"]["draws"] == 200
    assert len(found["fingerprint"]) == 64


def test_plan_with_errors_exits_with_1_unless_they_are_accepted(rows: Path) -> None:
    command = ("plan", rows, "--weights", "inverse", "--draws", 100_000)
    result = run(*command)
    assert result.exit_code == 1
    assert "error (" in result.stdout
    assert "Error (bad-forecast): " in result.stderr
    assert "--allow-repeats" in result.stderr
    assert run(*command, "--allow-repeats").exit_code == 0


def test_plan_reads_a_configuration_and_options_go_first(rows: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(f"data: {{source: {rows}}}\nplan: {{rates: proportional, draws: 100}}\n")
    found = json.loads(run("plan", config, "--draws", 50, "--json").stdout)
    assert found["rates"] == "Proportional(scale=1.0)"
    assert found["forecast"]["draws"] == 50


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("plan", "no-such-file.jsonl"), "no-such-file.jsonl"),
        (("plan", "ROWS", "--rates", "equl"), "Did you mean 'equal'?"),
        (("plan", "ROWS", "--set", "plan.rate=equal"), "Did you mean `plan.rates`?"),
        (("plan", "ROWS", "--set", "training.loss=fokal"), "Did you mean 'focal'?"),
        (("inspect", "missing.yaml"), "Cannot read `missing.yaml`"),
        (("train", "ROWS"), "Give --out DIR"),
    ],
)
def test_errors_are_one_message_without_a_traceback(rows: Path, arguments: tuple[str, ...], expected: str) -> None:
    result = run(*(str(rows) if argument == "ROWS" else argument for argument in arguments))
    assert result.exit_code == 1
    assert re.match(r"Error \([a-z]+(-[a-z]+)*\): ", result.stderr)
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_errors_have_their_code_in_json_and_in_words(rows: Path) -> None:
    result = run("train", rows, "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "missing-option"
    assert result.stderr == f"Error (missing-option): {error['message']}\n"


@pytest.mark.filterwarnings("default")
def test_warnings_have_their_code(monkeypatch: pytest.MonkeyPatch, rows: Path) -> None:
    def warn(*_: object, **__: object) -> None:
        warnings.warn(DataWarning("odd-rows", "the rows are odd"), stacklevel=2)
        warnings.warn("of another library", stacklevel=2)
        raise ConfigError("no-more", "that was all")

    monkeypatch.setattr(prepare, "prepare", warn)
    with warnings.catch_warnings():  # the command replaces `showwarning`
        warnings.simplefilter("always")
        result = run("plan", rows)
    said = "Warning (odd-rows): the rows are odd\nWarning: of another library\nError (no-more): that was all\n"
    assert result.stderr == said


def test_debug_lets_the_error_through(rows: Path) -> None:
    result = run("plan", rows, "--rates", "equl", "--debug")
    assert type(result.exception).__name__ == "ConfigError"


@pytest.mark.parametrize(
    "arguments", [("plan",), ("plan", "x", "--draws", "0"), ("plant", "x"), ("plan", "x", "--drows", "3")]
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_missing_package_is_named_with_the_remedy(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("equipoise.report.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("inspect", rows, "--plot", tmp_path / "census.svg")
    assert result.exit_code == 1
    assert "Error (missing-package): the package matplotlib is not installed" in result.stderr
    assert "pip install 'equipoise[train]'" in result.stderr


COMMANDS = (
    "init",
    "inspect",
    "advise",
    "plan",
    "train",
    "evaluate",
    "calibrate",
    "compare",
    "report",
    "predict",
    "demo",
)
COMMANDS += ("merge", "cache", "schema")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"\n    equipoise {command}" in result.stdout.partition("Examples:\n")[2]


def test_top_help_lists_all_commands_in_a_line_each_and_documents_exit_codes() -> None:
    shown = run("--help").stdout
    listed = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
    text = " ".join(shown.split())
    assert "Exit codes: 0 success 1 the data, the configuration, the plan or a run cannot be used 2 the command" in text
    assert "75 a training or a comparison was stopped" in text
    assert "130 another command was interrupted" in text


def test_help_lists_the_names_that_can_be_chosen() -> None:
    shown = {command: " ".join(run(command, "--help").stdout.split()) for command in ("plan", "compare", "calibrate")}
    plan, compare = shown["plan"], shown["compare"]
    for line in "\n".join((Rates.help(), ClassWeights.help(), Recipe.help())).splitlines():
        assert line.replace(": ", " ", 1) in plan
    assert " power[:GAMMA] w_c" in plan
    assert " sqrt power:0.5" in plan
    assert " cooldown[:FIRST[,LAST]] Tasks at the temperature" in plan
    assert " stages:FILE Stages one by one" in plan
    assert ", ".join(each.name for each in METRICS.values() if each.decides) in compare
    assert ", ".join(each.name for each in METRICS.values() if each.chooses_tau) in shown["calibrate"]
    assert ", ".join(default_trials()) in compare.replace("- ", "-")


def test_version() -> None:
    assert run("--version").stdout.startswith("equipoise ")


def rows_of(path: Path, **columns: list[str]) -> Path:
    lines = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["inspect", "plan"])
@pytest.mark.parametrize("labels", [("阳性", "阴性"), ("<38", "≥38"), ("a  b", "a b")])
def test_labels_that_the_named_model_cannot_tell_apart_are_refused(
    tmp_path: Path, command: str, labels: tuple[str, str]
) -> None:
    inputs = [f"fever {row}" for row in range(60)]
    rows = rows_of(tmp_path / "rows.jsonl", task=["t"] * 60, input=inputs, target=[*labels] * 30)
    assert run(command, rows).exit_code == 0
    result = run(command, rows, "--model", "tiny")
    assert result.exit_code == 1
    assert "Error (same-tokens): Labels" in result.stderr
    assert "`tasks.t.verbalisers`" in result.stderr


def test_inspect_and_plan_say_what_the_named_model_cannot_read(tmp_path: Path) -> None:
    inputs = [f"fever < {row}" for row in range(60)]
    targets = [f"{{temp {row}}}" for row in range(60)]
    rows = rows_of(tmp_path / "rows.jsonl", task=["t"] * 60, input=inputs, target=targets)
    codes = {"inputs-not-in-vocabulary", "targets-not-in-vocabulary"}
    found = {problem["code"] for problem in json.loads(run("inspect", rows, "--json").stdout)["problems"]}
    assert not found & codes
    found = json.loads(run("inspect", rows, "--model", "tiny", "--json").stdout)["problems"]
    assert codes <= {problem["code"] for problem in found}
    assert any("60 of 60 inputs" in problem["message"] for problem in found)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = run("plan", rows, "--model", "tiny")
    assert result.exit_code == 0
    assert all(f"Warning ({code}): 42 of 42" in result.stderr for code in codes)
    assert run("plan", rows, "--model", tmp_path / "none").exit_code == 1


def test_labels_only_reads_no_text_and_plans_the_same(rows: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    texts = tmp_path / "labels.jsonl"
    kept = [{name: value for name, value in line.items() if name != "input"} for line in lines]
    notes = [{"task": "note", "target": f"seen {place}", "split": "train"} for place in range(30)]
    texts.write_text("".join(json.dumps(line) + "\n" for line in kept + notes))
    assert "input" in run("plan", texts).stderr
    with_notes = [*lines, *({**note, "input": f"text {place}"} for place, note in enumerate(notes))]
    rows.write_text("".join(json.dumps(line) + "\n" for line in with_notes))
    for command in ("inspect", "plan"):
        whole = json.loads(run(command, rows, "--json").stdout)
        alone = json.loads(run(command, texts, "--labels-only", "--json").stdout)
        if command == "inspect":
            assert alone["census"] == whole["census"]
            assert alone["tasks"] == whole["tasks"]
            assert alone["rows"] == {"train": whole["rows"]["train"]}
        else:
            assert alone == whole
    assert "note: open_ended" in run("plan", texts, "--labels-only").stdout
    unsplit = [{name: value for name, value in line.items() if name != "split"} for line in kept]
    texts.write_text("".join(json.dumps(line) + "\n" for line in unsplit))
    assert json.loads(run("inspect", texts, "--labels-only", "--json").stdout)["rows"] == {"train": len(lines)}
    texts.write_text(texts.read_text() + json.dumps(kept[0]) + "\n")
    assert "missing-split" in run("inspect", texts, "--labels-only").stderr
    (tmp_path / "more.jsonl").write_text(json.dumps(kept[0]) + "\n")
    texts.write_text(json.dumps(unsplit[0]) + "\n")
    both = f"data.source=[{texts},{tmp_path / 'more.jsonl'}]"
    assert "missing-split" in run("inspect", texts, "--labels-only", "--set", both).stderr


def test_labels_only_refuses_what_needs_texts(rows: Path) -> None:
    for options in (("--model", "tiny"), ("--set", "plan.rates_in=tokens")):
        failed = run("plan", rows, "--labels-only", *options)
        assert failed.exit_code == 1
        assert "needs-texts" in failed.stderr


def test_what_was_read_is_listed_and_removed(rows: Path, tmp_path: Path) -> None:
    place = ("--cache-dir", tmp_path / "cache")
    assert "0 entries" in run("cache", *place).stdout
    first = run("inspect", rows, *place)
    again = run("inspect", rows, *place)
    assert first.stdout == again.stdout
    [entry] = json.loads(run("cache", *place, "--json").stdout)["entries"]
    assert entry["kind"] == "rows"
    listed = run("cache", *place).stdout
    assert Path(entry["folder"]).name in listed
    assert "1 entries" not in listed
    assert "1 entry" in listed
    assert "Removed 1 entry" in run("cache", "--clear", *place).stdout
    assert not Path(entry["folder"]).exists()


def test_sizes_have_three_digits(tmp_path: Path) -> None:
    entry = tmp_path / f"tokens-{'0' * 32}"
    entry.mkdir()
    for size, text in ((999_999, "1 MB"), (999_400, "999 kB")):
        (entry / "places").write_bytes(b"a" * size)
        assert f"1 entry, {text}, in" in " ".join(run("cache", "--cache-dir", tmp_path).stdout.split())


def test_a_file_without_rows_is_refused_alike_with_and_without_texts(tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("task,input,target\n")
    for options in ((), ("--labels-only",)):
        assert "Error (no-rows)" in run("inspect", file, *options, "--cache-dir", tmp_path / "cache").stderr


def test_the_cache_directory_is_named_by_the_environment(rows: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "named"))
    assert run("plan", rows).exit_code == 0
    assert list((tmp_path / "named").glob("rows-*"))
    (tmp_path / "file").touch()
    failed = run("plan", rows, "--cache-dir", tmp_path / "file" / "below")
    assert failed.exit_code == 1
    assert "Error (cannot-write)" in failed.stderr
