"""The demonstration from end to end, with so few draws that it shows only that it works."""

import json
from pathlib import Path
from statistics import mean

import pytest
from typer.testing import CliRunner

from equipoise.cli import app

pytestmark = pytest.mark.slow


def test_demo_compares_two_trainings_and_writes_a_report(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = CliRunner().invoke(app, ["demo", "--draws", "160", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert "Note: multi-diagnosis: 54 of the 2,102 test patients" in result.stderr
    found = json.loads(result.stdout)
    assert {each["training"] for each in found["candidates"].values()} == {"natural", "planned"}
    assert len(found["finalists"]) == 8  # each with four corrections
    assert [(stage["draws"], len(stage["seeds"])) for stage in found["stages"]] == [(160, 1), (160, 2)]
    full = [run for run in found["runs"] if run["draws"] == 160]
    for run in full:
        scores = json.loads((out / run["folder"] / "evaluation.json").read_text())
        assert scores["rows"] == 11_337  # the whole natural test split
        assert (out / run["folder"] / "model" / "model.safetensors").exists()
    gain = found["versus"]["planned"]["groups"]["macro_f1"]
    natural, planned = (mean(found["finalists"][name]["test"]["macro_f1"]) for name in ("natural", "planned"))
    assert gain["value"] == pytest.approx(planned - natural)
    assert gain["low"] <= gain["value"] <= gain["high"]
    page = (out / "report.html").read_text()
    assert "thyroid_hypo" in page
    assert "160 draws" in page

    other = CliRunner().invoke(app, ["demo", "--draws", "176", "--out", str(out)])
    assert other.exit_code == 1
    assert "\nError (other-comparison): " in other.stderr
