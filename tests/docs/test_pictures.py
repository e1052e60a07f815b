"""The scripts that draw the pictures of the documentation run."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"


def test_shares(tmp_path):
    made = tmp_path / "shares.svg"
    subprocess.run([sys.executable, PICTURES / "shares.py", "--out", made], check=True)
    root = ElementTree.parse(made).getroot()
    drawn = [path.get("class") for path in root.iter(f"{SVG}path")]
    assert [drawn.count(kind) for kind in ("independent", "mixed", "quota")] == [5, 2, 1]
    labels = " ".join(text.text for text in root.iter(f"{SVG}text"))
    for label in ("independent draws,", "Mixed", "Quota(32)", "draws", "actual \N{MINUS SIGN} expected draws"):
        assert label in labels
    dots = [float(dot.get("cy")) for dot in root.iter(f"{SVG}circle")]
    assert len(dots) == 4
    assert max(abs(dot - dots[0]) for dot in dots) < 230 / 8  # pixels of a draw: blocks end within one


def test_schedules(tmp_path):
    made = tmp_path / "schedules.svg"
    subprocess.run([sys.executable, PICTURES / "schedules.py", "--out", made], check=True)
    assert made.read_bytes() == (PICTURES / "schedules.svg").read_bytes()
    root = ElementTree.parse(made).getroot()
    named = ["".join(text.itertext()) for text in root.iter(f"{SVG}text") if text.get("class") == "code"]
    assert named == ["cooldown", "annealed", "deferred", "progressive"]


def test_evidence(tmp_path):
    made = tmp_path / "evidence.svg"
    subprocess.run([sys.executable, PICTURES / "evidence.py", "--out", made], check=True)
    words = ["".join(text.itertext()) for text in ElementTree.parse(made).getroot().iter(f"{SVG}text")]
    for label in ("natural sampling", "best linear model of all rows", "163,840", "ICD-10-CM: tiny T5 from scratch"):
        assert label in words


@pytest.mark.slow
def test_two_gaussians(tmp_path):
    made = tmp_path / "two_gaussians.svg"
    subprocess.run([sys.executable, PICTURES / "two_gaussians.py", "--out", made, "--trials", "2"], check=True)
    root = ElementTree.parse(made).getroot()
    dots = [dot.get("class") for dot in root.iter(f"{SVG}circle")]
    assert [dots.count(kind) for kind in ("near", "far")] == [2 * 7, 2 * 6]
    labels = [text.text for text in root.iter(f"{SVG}text")]
    assert "optimum, 7.86 %" in labels
    assert labels.count("CrossEntropy()") == 2
