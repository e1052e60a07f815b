"""From data to a report in two commands, without an edit between them."""

from pathlib import Path

import pytest
from tests.support.faults import hf_jobs
from typer.testing import CliRunner

from equipoise.cli import app

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:(Task|Inputs)")]


def test_compare_takes_what_init_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["patient_id,note,urgency"]
    words = ("chest pain", "a cough", "a cut")
    lines += [
        f"p{row // 2},{words[row % 3]} on day {row},{('urgent', 'routine', 'none')[row % 3]}" for row in range(150)
    ]
    Path("notes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["init", "notes.csv"]).exit_code == 0
    model = hf_jobs.write_tiny_t5(tmp_path / "model", dropout=0.0)
    least = ["--model", str(model), "--candidates", "sqrt", "--draws", "160", "--seeds", "1"]
    for key in ("compare.stages=1", "compare.finalists=1", "compare.corrections=[none]", "evaluation.bootstrap=20"):
        least += ["--set", key]
    done = CliRunner().invoke(app, ["compare", "run.yaml", *least])
    assert done.exit_code == 0, done.output
    assert "ecommended: " in done.output
    assert Path("comparison/report.html").exists()
