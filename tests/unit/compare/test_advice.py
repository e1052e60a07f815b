"""Advice at the edges of its rules; its numbers are those of RESULTS.md, its page has its rules."""

import json
import re
from pathlib import Path

import pytest
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner

from equipoise.census import Census
from equipoise.cli import app
from equipoise.compare.advice import advise, measured
from equipoise.compare.advice.measured import Measured
from equipoise.compare.advice.rules import QUESTIONS, RULES
from equipoise.config import default_trials
from equipoise.data.suite import load_suite
from equipoise.metrics import METRICS

ROOT = Path(__file__).parents[3]
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "which-scheme.md").read_text(encoding="utf-8")
RARE = {"mood": {"glad": 9_000, "sad": 300}}


def of(counts, **options):
    return advise(Census.from_counts(counts), **options)


def rules(advice) -> set[str]:
    return {rule.name for answer in advice.answers for rule in answer.rules}


CASES = {
    "one task": (RARE, {}, {"one-task", "rare-labels", "decisions", "from-scratch", "linear-first"}, "sqrt"),
    "two alike tasks": ({"a": {"x": 100, "y": 900}, "b": {"x": 500, "y": 1_500}}, {}, {"alike-tasks"}, "sqrt"),
    "two uneven tasks": ({"a": {"x": 100, "y": 900}, "b": {"x": 500, "y": 1_501}}, {}, {"uneven-tasks"}, "sqrt"),
    "nearly even labels": ({"a": {"x": 3_000, "y": 1_000}}, {}, {"even-labels"}, "natural"),
    "a little more uneven": ({"a": {"x": 3_001, "y": 1_000}}, {}, {"rare-labels"}, "sqrt"),
    "even labels in one task only": ({"a": {"x": 90, "y": 80}, "b": {"x": 90, "y": 9}}, {}, {"rare-labels"}, "sqrt"),
    "three rows": ({"a": {"x": 20_000, "y": 3}}, {}, {"few-rows", "rare-labels", "many-passes"}, "sqrt"),
    "ten rows": ({"a": {"x": 200, "y": 10}}, {}, {"rare-labels", "few-draws"}, "sqrt"),
    "open-ended": ({"note": 20_000}, {}, {"one-task", "no-labels"}, "natural"),
    "probabilities": (RARE, {"probabilities": True}, {"probabilities"}, "sqrt"),
    "pretrained": (RARE, {"model": "google/flan-t5-small"}, {"pretrained"}, "sqrt"),
    "few draws": (RARE, {"draws": 500}, {"few-draws"}, "sqrt"),
    "enough draws": (RARE, {"draws": 20_000}, {"enough-draws"}, "sqrt"),
}  # fmt: skip
NOT = {
    "ten rows": {"few-rows"},
    "pretrained": {"from-scratch", "few-draws"},
    "probabilities": {"decisions"},
    "open-ended": {"linear-first"},
    "enough draws": {"few-draws", "many-passes"},
}


@pytest.mark.parametrize("name", CASES)
def test_rules_apply_at_their_edges(name):
    counts, options, expected, weights = CASES[name]
    advice = of(counts, **options)
    assert expected <= rules(advice)
    assert not NOT.get(name, set()) & rules(advice)
    assert (advice.rates, advice.weights) == ("equal", weights)
    assert [answer.question for answer in advice.answers] == list(QUESTIONS.values())
    assert all(answer.rules for answer in advice.answers)


def test_eight_tasks_of_the_suite():
    rows = load_suite("multi-diagnosis")
    train = Census.from_arrow(rows.where(split="train").table.select(["task", "target"]))
    advice = advise(
        train, validation=Census.from_arrow(rows.where(split="validation").table.select(["task", "target"]))
    )
    assert rules(advice) == {
        *("uneven-tasks", "rare-labels", "few-rows", "decisions", "many-passes", "linear-first", "from-scratch")
    }
    assert advice.answers[0].found == "8 tasks, from 250 to 6,387 training rows"
    assert advice.answers[1].found.startswith("'hypothyroid' of thyroid_hypo has 1 training row; 39,221 draws")
    assert "The validation rows have 0 of the label with the fewest" in " ".join(advice.uncertainty)
    assert "A label has so few rows" in " ".join(advice.uncertainty)


def test_what_follows_from_the_options():
    plain, sure = of(RARE), of(RARE, probabilities=True)
    assert (plain.metric, plain.correction) == ("macro_f1", "none")
    assert (sure.metric, sure.correction) == ("log_loss", "calibrated")
    assert not of(RARE, characters=301).linear_first
    assert of(RARE, characters=300).linear_first
    assert not of({"a": {"x": 49_000, "y": 1_001}}).linear_first
    assert of({"a": {"x": 49_000, "y": 1_000}}).linear_first
    scarce = of({"a": {"x": 90_000, "y": 1}})
    assert scarce.max_passes == 100
    assert "--set plan.max_passes=100" in scarce.command("rows.csv")


@pytest.mark.parametrize("name", CASES)
def test_it_ends_in_a_comparison_that_can_be_made(name):
    counts, options, _, _ = CASES[name]
    advice = of(counts, **options)
    assert set(advice.candidates) <= set(default_trials())
    assert METRICS[advice.metric].decides
    assert advice.command("a b.csv").startswith("equipoise compare 'a b.csv' --candidates ")
    assert advice.uncertainty
    json.dumps(advice.to_dict(), allow_nan=False)


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)$", RESULTS, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


NUMBERS = {
    f"{name}-{number}": each
    for name, group in vars(measured).items()
    if isinstance(group, tuple)
    for number, each in enumerate(group)
    if isinstance(each, Measured)
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_measured(name):
    number = NUMBERS[name]
    rows = [line for line in sections()[number.section].splitlines() if line.startswith(f"| {number.row} |")]
    assert any(re.search(rf"\| {number} [\[|]", row) for row in rows), rows  # one seed has no interval


def test_there_are_numbers():
    assert len(NUMBERS) >= 17


def test_the_page_has_the_rules_and_no_others():
    table = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| if ")]
    assert table == [f"| {rule.found} | {rule.advice} | {rule.because} |" for rule in RULES.values()]
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == list(QUESTIONS.values())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_the_command_ends_in_a_comparison(folder):
    write_rows(folder / "rows.jsonl")
    done = run("advise", "rows.jsonl", "--draws", "640")
    assert done.exit_code == 0, done.output
    for number, question in enumerate(QUESTIONS.values(), start=1):
        assert f"{number}. {question}" in done.stdout
    text = " ".join(done.stdout.split())
    assert "'urgent' of triage has" in text
    assert "How sure: " in text
    assert done.stdout.splitlines()[-1].startswith("  equipoise compare rows.jsonl --candidates sqrt,log,balanced")


def test_data_whose_columns_are_guessed_are_first_written_to_a_configuration(folder):
    lines = ["note,urgency", *(f"a cough on day {row},{'01'[row % 7 == 0]}" for row in range(140))]
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    options = ("--default-task", "triage", "--set", "data.split.seed=3", "--probabilities", "--model", "minilm")
    done = run("advise", "notes.csv", *options, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {guess["key"] for guess in found["guesses"]} == {"data.columns.input", "data.columns.target"}
    init, compare = found["commands"]
    assert init == "equipoise init notes.csv --default-task triage --set data.split.seed=3"
    assert compare.startswith("equipoise compare run.yaml ")
    assert "--metric log_loss" in compare
    assert "--model minilm" in compare
    assert run(*init.split()[1:]).exit_code == 0
    again = json.loads(run("advise", "run.yaml", "--json").stdout)
    assert again["guesses"] == []
    assert again["commands"][0].startswith("equipoise compare run.yaml ")
    assert again["answers"][1] == found["answers"][1]


def test_options_that_describe_the_data_stay_in_the_command(folder):
    lines = ["text,label", *(f"a cough on day {row},{'01'[row % 7 == 0]}" for row in range(140))]
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    options = ("--input-column", "text", "--target-column", "label", "--default-task", "t")
    command = json.loads(run("advise", "notes.csv", *options, "--json").stdout)["commands"]
    assert len(command) == 1
    assert command[0].endswith("--input-column text --target-column label --default-task t")
