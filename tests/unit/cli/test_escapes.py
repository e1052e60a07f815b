"""What data says is shown, and does not drive the terminal."""

import json

import pytest
from typer.testing import CliRunner

from equipoise.cli import app

EVIL = "ye\x1b[31ms\x9b2J\u202e\nError: forged"


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [
        {"task": f"nli{EVIL}", "input": f"text {row}", "target": EVIL if row % 2 else "no", "split": split}
        for split in ("train", "validation", "test")
        for row in range(8)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", [["inspect"], ["plan", "--draws", "16"]])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_labels_and_tasks_are_escaped(rows, command, options):
    result = CliRunner().invoke(app, [*command, str(rows), *options], catch_exceptions=False)
    assert result.exit_code == 0
    for character in "\x1b\x9b\u202e":
        assert character not in result.output
    if command == ["inspect"]:
        assert "\nError: forged" not in result.output
        shown = json.dumps(json.loads(result.stdout)) if options else result.stdout
        assert "202e" in shown


def test_errors_are_escaped(rows):
    result = CliRunner().invoke(app, ["plan", str(rows), "--set", f"tasks.{EVIL}.kind=open_ended"])
    assert result.exit_code == 1
    assert "\x1b" not in result.output
