"""The files and commands of pages of the documentation work, in the order in which a reader meets them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.processes import equipoise

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"^```(?P<kind>csv|yaml|python|console) ?(?P<name>\S+)?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FEWER = {  # and fewer rows that are scored
    "compare letters.csv": "--draws 64 --seeds 1 --set compare.stages=1 --set evaluation.rows=60",
    "train comparison/recommended.yaml": "--draws 64 --set evaluation.rows=60 --set evaluation.bootstrap=0",
}


def run(page, folder):
    """Write the files of a page and run its commands, with fewer draws where trainings take minutes."""
    ran = []
    for block in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        if block["kind"] != "console":
            if block["name"]:
                (folder / block["name"]).write_text(block["text"], encoding="utf-8")
            continue
        for line in block["text"].splitlines():
            if line.startswith("$ python "):
                subprocess.run([sys.executable, *line.split()[2:]], cwd=folder, check=True)
                continue
            assert line.startswith("$ equipoise "), line
            command = line.removeprefix("$ equipoise ")
            fewer = [options for start, options in FEWER.items() if command.startswith(start)]
            started = equipoise(*" ".join([command, *fewer]).split(), folder=folder)
            assert started.wait() == 0, f"{line}\n{started.stdout}\n{started.stderr}"
            ran.append(line)
    return ran


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "commands", "made"),
    [
        ("tutorial.md", 4, ["comparison/report.html", "runs/recommended/model", "loop.py"]),
        ("open-ended.md", 1, ["mixed.yaml"]),
        (
            "guide.md",
            8,
            [
                "census.png",
                "plan.json",
                "shares.svg",
                "runs/first/evaluation.json",
                "runs/first/calibration.json",
                "runs/notes/model",
                "runs/adapter/merged/model.safetensors",
                "answers.csv",
            ],
        ),
    ],
)
def test_files_and_commands_of_a_page(page, commands, made, tmp_path):
    assert len(run(page, tmp_path)) >= commands
    assert [name for name in made if not (tmp_path / name).exists()] == []
    if page == "guide.md":
        assert len((tmp_path / "answers.csv").read_text().splitlines()) == 22
