"""Whatever is wrong with a path, every command says so in one line."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.cli.rows import write_rows
from typer.testing import CliRunner

from equipoise.cli import app


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Paths that fail in each way that a user can meet, and one file of rows."""
    path = tmp_path
    write_rows(path / "rows.jsonl")
    (path / "file.csv").write_text("x")
    (path / "folder.csv").mkdir()
    (path / "loop.csv").symlink_to("loop.csv")
    (path / "locked").mkdir()
    write_rows(path / "locked" / "rows.jsonl")
    (path / "locked").chmod(0)
    yield path
    (path / "locked").chmod(0o700)


BAD = {
    "too long": "x" * 300 + ".csv",
    "too deep": "x/" * 3000 + "x.csv",
    "a folder": "folder.csv",
    "this folder": ".",
    "below a file": "file.csv/rows.csv",
    "a loop of links": "loop.csv",
    "below a loop": "loop.csv/rows.csv",
    "missing": "missing/rows.csv",
    "locked": "locked/rows.jsonl",
}
COMMANDS = {
    "advise": ("advise", "{bad}"),
    "init": ("init", "{bad}"),
    "init out": ("init", "{rows}", "-o", "{bad}/run.yaml"),
    "inspect": ("inspect", "{bad}"),
    "inspect plot": ("inspect", "{rows}", "--plot", "{bad}"),
    "plan": ("plan", "{bad}", "--draws", "10"),
    "plan out": ("plan", "{rows}", "--draws", "10", "-o", "{bad}"),
    "rates": ("plan", "{rows}", "--draws", "10", "--rates", "fixed:{bad}"),
    "weights": ("plan", "{rows}", "--draws", "10", "--weights", "table:{bad}"),
    "train": ("train", "{bad}", "--out", "run"),
    "train out": ("train", "{rows}", "--draws", "10", "--out", "{bad}"),
    "train model": ("train", "{rows}", "--draws", "10", "--model", "{bad}", "--out", "run"),
    "evaluate": ("evaluate", "{bad}"),
    "calibrate": ("calibrate", "{bad}"),
    "predict": ("predict", "{bad}", "{rows}", "-o", "answers.csv"),
    "predict out": ("predict", "run", "{rows}", "-o", "{bad}"),
    "merge": ("merge", "{bad}"),
    "compare": ("compare", "{bad}", "--out", "comparison"),
    "compare out": ("compare", "{rows}", "--out", "{bad}"),
    "report": ("report", "{bad}"),
}
FINE = {(name, "missing") for name in ("inspect plot", "plan out", "train out", "compare out")}
FINE |= {("plan out", "a loop of links"), ("train out", "a folder")}
FINE |= {("init out", each) for each in ("a folder", "this folder", "missing")}
"""A missing folder of an output is made, an empty one taken, and a link in place of an output is replaced."""
SLOW = {"train out", "train model", "compare out"}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", [pytest.param(each, marks=[pytest.mark.slow] * (each in SLOW)) for each in COMMANDS])
def test_a_bad_path_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, bad: str) -> None:
    if (name, bad) in FINE:
        pytest.skip("it is created")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # a path may look like a name on the hub
    given = {"bad": BAD[bad], "rows": "rows.jsonl"}
    if bad == "locked" and os.access(folder / "locked", os.R_OK):
        pytest.skip("this user may read everything")
    result = CliRunner().invoke(app, [part.format(**given) for part in COMMANDS[name]])
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (1, 2), result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error") or result.exit_code == 2
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) <= 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize("text", ["root:x:0:0:secret\n", "- secret\n", "user: secret\n", "user: [secret]\n"])
@pytest.mark.parametrize("option", [("--rates", "fixed"), ("--weights", "table")])
def test_a_file_that_is_no_table_is_not_quoted(tmp_path: Path, option: tuple[str, str], text: str) -> None:
    write_rows(tmp_path / "rows.jsonl")
    (tmp_path / "file.yaml").write_text(text)
    name, scheme = option
    given = ["plan", str(tmp_path / "rows.jsonl"), "--draws", "10", name, f"{scheme}:{tmp_path / 'file.yaml'}"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error (not-a-"), result.stderr
    assert "secret" not in result.output


@pytest.mark.parametrize("number", [".inf", "1" * 299, "1" * 400, "1e308"])
def test_a_rate_that_overflows_is_one_line(tmp_path: Path, number: str) -> None:
    write_rows(tmp_path / "rows.jsonl")
    (tmp_path / "file.yaml").write_text(f"triage: {number}\norgan: {number}\n")
    given = ["plan", str(tmp_path / "rows.jsonl"), "--draws", "10", "--rates", f"fixed:{tmp_path / 'file.yaml'}"]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.stderr.startswith("Error ("), result.stderr
    assert len(result.stderr) < 1000
