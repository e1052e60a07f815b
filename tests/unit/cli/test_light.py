"""Looking and planning never pay for torch; only a plot pays for matplotlib; help needs the core alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.rows import write_rows

PROGRAM = """
import json, sys
from equipoise.cli import app
app(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
HEAVY = {"torch", "transformers", "accelerate", "sklearn", "scipy", "datasets", "jinja2"}


@pytest.mark.parametrize(
    ("arguments", "matplotlib"),
    [
        (["init"], False),
        (["inspect"], False),
        (["plan", "--draws", "100"], False),
        (["inspect", "--plot", "census.svg"], True),
    ],
)
def test_looking_and_planning_import_no_torch(tmp_path: Path, arguments: list[str], matplotlib: bool) -> None:
    command, *options = arguments
    rows = write_rows(tmp_path / "rows.jsonl")
    program = [sys.executable, "-c", PROGRAM, command, str(rows), *options]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stderr.splitlines()[-1]))
    assert not modules & HEAVY
    assert ("matplotlib" in modules) is matplotlib


@pytest.mark.parametrize("command", ["compare", "calibrate"])
def test_help_is_shown_where_only_the_core_is_installed(command: str) -> None:
    program = (
        "import sys; sys.modules['scipy'] = None;"
        "from equipoise.cli import app; app(sys.argv[1:], standalone_mode=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--help"], capture_output=True, text=True, check=True
    )
    assert "once equipoise[train] is installed" in " ".join(done.stdout.split())
