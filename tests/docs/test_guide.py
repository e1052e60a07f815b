"""The files and commands of docs/guide.md work, in the order in which a reader meets them."""

import re
from pathlib import Path

import pytest
from tests.support.processes import equipoise

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
BLOCK = re.compile(r"^```(?P<kind>csv|yaml|console)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_files_and_commands_of_the_guide(tmp_path):
    ran = []
    for block in BLOCK.finditer(GUIDE.read_text(encoding="utf-8")):
        if block["kind"] != "console":
            (tmp_path / block["name"]).write_text(block["text"], encoding="utf-8")
            continue
        for line in block["text"].splitlines():
            assert line.startswith("$ equipoise "), line
            started = equipoise(*line.removeprefix("$ equipoise ").split(), folder=tmp_path)
            assert started.wait() == 0, f"{line}\n{started.stdout}\n{started.stderr}"
            ran.append(line)
    assert len(ran) >= 8
    for made in (
        "census.png",
        "plan.json",
        "shares.svg",
        "runs/first/evaluation.json",
        "runs/first/calibration.json",
        "runs/notes/model",
        "runs/adapter/merged/model.safetensors",
        "answers.csv",
    ):
        assert (tmp_path / made).exists(), made
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 22
