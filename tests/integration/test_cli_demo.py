"""The demonstration from end to end, with so few draws that it shows only that it works."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from equipoise.cli import app

pytestmark = pytest.mark.slow


def test_demo_trains_twice_compares_and_writes_a_page(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = CliRunner().invoke(app, ["demo", "--draws", "64", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found["tasks"]) == 8
    assert set(found["mean"]) == {"natural", "planned", "corrected"}
    for name in ("natural", "planned"):
        scores = json.loads((out / name / "evaluation.json").read_text())
        assert scores["rows"] == 11_337  # the whole natural test split
        assert (out / name / "model" / "model.safetensors").exists()
    gain = found["planned_minus_natural"]["macro_f1"]
    both = (found["mean"][name]["macro_f1"]["value"] for name in ("planned", "natural"))
    assert gain["value"] == pytest.approx(next(both) - next(both))
    assert gain["low"] <= gain["value"] <= gain["high"]
    page = (out / "index.html").read_text()
    assert "thyroid_hypo" in page
    assert "64 draws" in page

    again = CliRunner().invoke(app, ["demo", "--draws", "64", "--out", str(out)])
    assert again.exit_code == 1
    assert "never overwritten" in again.stderr
